type Child = Node | string | null | undefined | false;
type Attributes = Readonly<
  Record<string, string | number | boolean | null | undefined | ((event: Event) => unknown)>
>;

/** An element with these attributes and children. Strings become text nodes; a function listens to the event it is named for. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value === true ? "" : `${value}`);
  }
  made.append(...children.filter((child): child is Node | string => Boolean(child)));
  return made;
}

/** A button that does something; in a form it would otherwise send it. */
export const button = (kind: string, act: () => unknown, ...children: Child[]): HTMLButtonElement =>
  element("button", { type: "button", class: kind, click: act }, ...children);

/** Words for screen readers alone. With a direction of their own, they do not count for that of the words beside them. */
export const unseen = (text: string): HTMLElement => element("span", { class: "unseen", dir: "auto" }, text);

const shapes = {
  person: "M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8M4 20c1-4 4-6 8-6s7 2 8 6",
  urgent: "M12 4l10 16H2zM12 10v5m0 2v0",
  crisis: "M12 20l-7-8a4 4 0 0 1 7-5 4 4 0 0 1 7 5z",
  phone: "M5 4h4l2 5-2 1a11 11 0 0 0 5 5l1-2 5 2v4a1 1 0 0 1-1 1A16 16 0 0 1 4 5a1 1 0 0 1 1-1z",
  send: "M12 20V4M5 11l7-7 7 7",
  down: "M6 9l6 6 6-6",
  menu: "M5 7h14M5 12h14M5 17h14",
  close: "M6 6l12 12M18 6L6 18",
  thumb: "M4 10h4l4-7c2 0 3 2 2 4l-1 3h7l-2 8a2 2 0 0 1-2 2H4z",
} as const;

/** A line drawing that says nothing to a screen reader. */
export function icon(shape: keyof typeof shapes): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS(svg.namespaceURI as "http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", shapes[shape]);
  svg.append(path);
  return svg;
}

let lastNumber = 0;
export const freshId = (): string => `n${(lastNumber += 1)}`;

/** The id of a message, which need only differ from others of its conversation. crypto.randomUUID is missing over plain http. */
export const randomId = (): string => "x".repeat(32).replace(/x/g, () => Math.floor(Math.random() * 16).toString(16));
