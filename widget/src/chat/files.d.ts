/** What the tests read of the files around them. */
declare module "node:fs" {
  export function readFileSync(path: string, encoding: "utf8"): string;
}

interface ImportMeta {
  glob(pattern: string[], options: { query: "?raw"; import: "default"; eager: true }): Record<string, string>;
}
