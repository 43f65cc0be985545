type Rgb = readonly number[];

const WHITE: Rgb = [255, 255, 255];
const INK: Rgb = [12, 21, 19];
/** The grounds of chat.css that colored text stands on and that are hardest to read it on, by theme. */
const LIGHT: Rgb = [224, 236, 231];
const DARK: Rgb = [34, 52, 46];
const TEXT = 7;

/** "#rrggbb" as three numbers of 0 to 255, or null. */
export const rgb = (hex: string): Rgb | null =>
  /^#[\da-f]{6}$/i.test(hex) ? (hex.match(/\w\w/g) ?? []).map((part) => Number.parseInt(part, 16)) : null;

/** Relative luminance of WCAG 2 and 0.05; for parts below 11 the power is a little high, which only makes a contrast smaller. */
const light = (color: Rgb): number =>
  color.reduce((sum, part, index) => sum + (((part / 255 + 0.055) / 1.055) ** 2.4 * [2126, 7152, 722][index]!) / 1e4, 0.05);

/** Contrast of two colors as WCAG 2 has it, 1 to 21. */
export const contrast = (one: Rgb, other: Rgb): number => {
  const ratio = light(one) / light(other);
  return Math.max(ratio, 1 / ratio);
};

/** The color moved toward `end` as little as gives 7:1 on `ground`. */
function readable(color: Rgb, end: Rgb, ground: Rgb): Rgb {
  for (let step = 0; ; step += 0.02) {
    const moved = color.map((part, index) => Math.round(part + (end[index]! - part) * step));
    if (step >= 1 || contrast(moved, ground) >= TEXT) return moved;
  }
}

/**
 * Custom properties made of a clinic's accent color, whichever it is: `--fill` with `--on-fill` for a colored ground and the text on
 * it, `--accent-light` and `--accent-dark` for colored text in each theme. All have 7:1. Nothing for what is not a color.
 */
export function accentColors(hex: string): [name: string, color: string][] {
  const color = rgb(hex);
  if (!color) return [];
  const [on, away] = contrast(color, WHITE) > contrast(color, INK) ? [WHITE, INK] : [INK, WHITE];
  return Object.entries({
    fill: readable(color, away, on),
    "on-fill": on,
    "accent-light": readable(color, INK, LIGHT),
    "accent-dark": readable(color, WHITE, DARK),
  }).map(([name, made]) => [`--${name}`, `rgb(${made.join(" ")})`]);
}
