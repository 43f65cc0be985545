/** The loader's words by language, put here by the build from content/phrases/widget.yml. */
declare const LOADER_STRINGS: Readonly<Record<string, Readonly<Record<string, string>>>>;
