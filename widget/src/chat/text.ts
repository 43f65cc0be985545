import { element } from "./dom";
import { word } from "./words";

const PROTOCOLS = new Set(["http:", "https:", "tel:", "mailto:"]);

/** The address if it may be a link here, else null. */
export function safeAddress(address: string): string | null {
  try {
    const url = new URL(address);
    return PROTOCOLS.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link, or plain text where the address is not safe. Web pages open in a new tab, which the link says. */
export function link(address: string, kind: string, ...children: (Node | string)[]): HTMLElement {
  const href = safeAddress(address);
  if (!href) return element("span", {}, ...children);
  const away = href.startsWith("http") && { target: "_blank", rel: "noopener noreferrer", title: word("new_tab") };
  return element("a", { href, class: kind, ...away }, ...children);
}

const PHONE = /(^|[^\d-])((?:\+?1[-. ]?)?(?:\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4})(?!\d)/;

/** A US number as people write it, as a tel: address. */
export const dialled = (number: string): string => `tel:+1${number.replace(/\D/g, "").slice(-10)}`;

/** Plain words, with line ends kept and phone numbers as links. */
export function plain(text: string): (Node | string)[] {
  const found = PHONE.exec(text);
  if (found) {
    const [, before = "", number = ""] = found;
    const start = found.index + before.length;
    return [
      ...lines(text.slice(0, start)),
      link(dialled(number), "", number),
      ...plain(text.slice(start + number.length)),
    ];
  }
  return lines(text);
}

export const lines = (text: string): (Node | string)[] =>
  text.split("\n").flatMap((line, index) => (index ? [element("br"), line] : [line]));

const MARK = /\*\*(.+?)\*\*|\[([^\]]+)\]\(([^()\s]+)\)/s;

/** The nodes of one run of small Markdown: bold, links, line ends. */
export function inline(text: string): (Node | string)[] {
  const found = MARK.exec(text);
  if (!found) return plain(text);
  const [whole, bold, label = "", address = ""] = found;
  return [
    ...plain(text.slice(0, found.index)),
    bold ? element("strong", {}, ...inline(bold)) : link(address, "", label),
    ...inline(text.slice(found.index + whole.length)),
  ];
}

const ITEM = /^\s*[-*•]\s+/;

/** Paragraphs and lists of small Markdown. A line that starts no list item belongs to the item or paragraph above it. */
export function markdown(text: string): HTMLElement[] {
  const blocks: { list: boolean; runs: string[] }[] = [];
  for (const part of text.trim().split(/\n\s*\n/)) {
    let open: (typeof blocks)[number] | undefined;
    for (const line of part.split("\n")) {
      const list = ITEM.test(line);
      const run = line.replace(ITEM, "").trim();
      if (list && open?.list) open.runs.push(run);
      else if (!list && open) open.runs.push(`${open.runs.pop()}\n${run}`);
      else blocks.push((open = { list, runs: [run] }));
    }
  }
  return blocks.map(({ list, runs }) => {
    const made = runs.map((run) => element(list ? "li" : "p", {}, ...inline(run)));
    return list ? element("ul", {}, ...made) : (made[0] as HTMLElement);
  });
}
