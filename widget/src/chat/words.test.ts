import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

const sources = Object.values(
  import.meta.glob(["./**/*.ts", "!./**/*.test.ts"], { query: "?raw", import: "default", eager: true }),
).join("\n");
const given = Object.keys(parse(readFileSync("../content/phrases/widget.yml", "utf8")) as object)
  .filter((key) => !/^widget\.(loader|page)_/.test(key))
  .map((key) => key.slice("widget.".length));

/** Keys that are put together while the chat runs. */
const MADE = /^(staff|kind_(urgent|crisis|handoff|outcome))$/;

describe("the chat's words", () => {
  it("are all in content/phrases/widget.yml", () => {
    const used = [...sources.matchAll(/\bword\("([a-z_0-9]+)"\)/g)].map(([, key]) => key);
    expect(used.filter((key) => !given.includes(key ?? ""))).toEqual([]);
  });

  it("are all said somewhere", () => {
    expect(given.filter((key) => !MADE.test(key) && !sources.includes(`"${key}"`))).toEqual([]);
  });
});
