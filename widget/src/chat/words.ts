let words: Readonly<Record<string, string>> = {};

/** The chat's own words, by what follows `widget.` in content/phrases/widget.yml. Set once, before anything is shown. */
export function setWords(given: Readonly<Record<string, string>>): void {
  words = given;
}

export const word = (key: string): string => words[key] ?? "";
