import { describe, expect, it } from "vitest";
import { accentColors, contrast, rgb } from "./accent";

const colorsOf = (hex: string): Record<string, string> => Object.fromEntries(accentColors(hex));

const parts = [0, 51, 102, 153, 204, 255];
const colors = parts.flatMap((r) => parts.flatMap((g) => parts.map((b) => [r, g, b] as const)));
const hex = (color: readonly number[]): string => `#${color.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
const made = (text: string | undefined) => (text ?? "").match(/\d+/g)?.map(Number) ?? [];

/** The grounds of chat.css, by theme. */
const GROUNDS = { "--accent-light": ["#ffffff", "#f1f5f3", "#e0ece7"], "--accent-dark": ["#0c1513", "#15221e", "#22342e"] };

describe("contrast", () => {
  it.each([
    ["#000000", "#ffffff", 20.66],
    ["#777777", "#ffffff", 4.48],
    ["#0b5345", "#0b5345", 1],
  ])("of %s on %s is %d", (one, other, ratio) => {
    expect(contrast(rgb(one) ?? [0, 0, 0], rgb(other) ?? [0, 0, 0])).toBeCloseTo(ratio, 1);
  });
});

describe("accent colors", () => {
  it("leave text on the filled ground readable, whichever the accent", () => {
    const worst = colors.map((color) => {
      const { "--fill": fill, "--on-fill": on } = colorsOf(hex(color));
      return contrast(made(fill), made(on));
    });
    expect(Math.min(...worst)).toBeGreaterThanOrEqual(7);
  });

  it.each(Object.entries(GROUNDS))("%s is readable on every ground of its theme, whichever the accent", (name, grounds) => {
    const worst = colors.flatMap((color) =>
      grounds.map((ground) => contrast(made(colorsOf(hex(color))[name]), rgb(ground) ?? [0, 0, 0])),
    );
    expect(Math.min(...worst)).toBeGreaterThanOrEqual(7);
  });

  it("keep an accent that is readable as it is", () => {
    expect(colorsOf("#0b5345")["--fill"]).toBe("rgb(11 83 69)");
  });

  it.each(["", "green", "#fff", "#0b5345;", "url(x)"])("are none for %j", (text) => {
    expect(colorsOf(text)).toEqual({});
  });
});
