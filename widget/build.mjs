// Builds what the service serves (needlewise/channels/web/widget) and what npm packs (dist); prints sizes and refuses large ones.
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minify } from "terser";
import { parse } from "yaml";
import { loaderStrings } from "./strings.mjs";

const LOADER_LIMIT = 2 * 1024;
const WHOLE_LIMIT = 15 * 1024;

const here = fileURLToPath(new URL(".", import.meta.url));
const served = process.argv[2] ?? `${here}../needlewise/channels/web/widget`;

const shared = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  target: ["chrome108", "firefox115", "safari16.4"],
  define: { LOADER_STRINGS: JSON.stringify(await loaderStrings()) },
};

/** `import css from "./x.css?inline"`: a style sheet as a string, minified. */
const inlineStyles = {
  name: "inline-styles",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\.css\?inline$/ }, ({ path, resolveDir }) => ({
      path: `${resolveDir}/${path.replace("?inline", "")}`,
      namespace: "inline-style",
    }));
    onLoad({ filter: /.*/, namespace: "inline-style" }, async ({ path }) => ({
      contents: (await transform(await readFile(path, "utf8"), { loader: "css", minify: true, target: shared.target })).code.trim(),
      loader: "text",
    }));
  },
};

/** The one file that is made of these sources. */
async function built(options) {
  const { outputFiles } = await build({ ...shared, plugins: [inlineStyles], ...options, write: false, outdir: "out" });
  return outputFiles[0];
}

/** Minified once more: esbuild looks at one expression at a time, and terser finds some 4 % that it leaves. */
const squeezed = async ({ text }, module) => Buffer.from((await minify(text, { module, ecma: 2022 })).code);

/** A name that changes with what is in the file, which browsers keep for a year. */
const hashed = (ending, contents) => `chat-${createHash("sha256").update(contents).digest("hex").slice(0, 8).toUpperCase()}.${ending}`;

const loader = await squeezed(await built({ entryPoints: ["src/loader.ts"], format: "iife", tsconfigRaw: {} }), false);
const chat = await squeezed(await built({ entryPoints: ["src/chat/app.ts"], format: "esm" }), true);
const style = (await built({ entryPoints: ["src/chat/chat.css"] })).contents;
const names = { script: hashed("js", chat), style: hashed("css", style) };
const phrases = parse(await readFile(`${here}../content/phrases/widget.yml`, "utf8"));
const frame = await readFile(`${here}src/chat/frame.html`, "utf8");

await rm(served, { recursive: true, force: true });
await mkdir(served, { recursive: true });
await writeFile(`${served}/widget.js`, loader);
await writeFile(`${served}/${names.script}`, chat);
await writeFile(`${served}/${names.style}`, style);
await writeFile(`${served}/frame.html`, frame);
await writeFile(`${served}/manifest.json`, `${JSON.stringify(names, null, 2)}\n`);

const element = await built({ entryPoints: ["src/element.ts"], format: "esm" });
await mkdir(`${here}dist`, { recursive: true });
await writeFile(`${here}dist/needlewise-chat.js`, element.contents);

// The frame comes with the chat's words and the clinic's facts in it, so they count.
const config = {
  ...{ clinic: "demo", language: "en", name: "Riverbend Heel & Foot", accent: "#0b5345", fictional: true, example: false },
  ...{ phone: { shown: "(202) 555-0140", url: "tel:+12025550140" }, confirmsTimes: false, idleMinutes: 30 },
  questions: phrases["widget.start"].choices.map(({ label }) => label.en),
  strings: Object.fromEntries(
    Object.entries(phrases)
      .filter(([key]) => !/^widget\.(loader|page)_/.test(key))
      .map(([key, phrase]) => [key.slice("widget.".length), phrase.en.web ?? phrase.en]),
  ),
};
const sizes = [
  ["widget.js", loader],
  [names.script, chat],
  [names.style, style],
  ["the frame, as sent for the demo clinic", Buffer.from(frame + JSON.stringify(config))],
].map(([what, contents]) => [what, gzipSync(contents, { level: 9 }).length]);
const whole = sizes.reduce((sum, [, size]) => sum + size, 0);
for (const [what, size] of [...sizes, ["in all", whole]]) console.log(`${String(size).padStart(6)}  ${what}`);
console.log("bytes, each by gzip -9");
if (sizes[0][1] > LOADER_LIMIT || whole > WHOLE_LIMIT) {
  console.error(`too large: ${LOADER_LIMIT} for the loader, ${WHOLE_LIMIT} in all`);
  process.exitCode = 1;
}
