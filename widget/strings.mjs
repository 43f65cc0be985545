// The loader's words, from the file where everything a patient reads is kept. The chat gets its own with the frame.
import { readFile } from "node:fs/promises";
import { parse } from "yaml";

const FILE = new URL("../content/phrases/widget.yml", import.meta.url);
const PREFIX = "widget.loader_";

/** { en: { launcher: "…" }, … }: every language that has all of the loader's words. */
export async function loaderStrings() {
  const phrases = Object.entries(parse(await readFile(FILE, "utf8"))).filter(([key]) => key.startsWith(PREFIX));
  if (phrases.length === 0) throw new Error(`${FILE.pathname} has no ${PREFIX}…`);
  const strings = {};
  for (const language of ["en", "es"]) {
    const words = phrases.map(([key, phrase]) => [key.slice(PREFIX.length), phrase[language]?.web ?? phrase[language]]);
    if (words.every(([, text]) => text)) strings[language] = Object.fromEntries(words);
  }
  return strings;
}
