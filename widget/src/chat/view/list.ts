import type { Message } from "../../wire";
import { button, element, unseen } from "../dom";
import { word } from "../words";
import type { Send } from "./controls";
import type { Rate } from "./feedback";
import { assistantItem, patientItem } from "./message";

export type List = ReturnType<typeof messageList>;

/** The messages on the page, in order, and the sign that an answer is being written. */
export function messageList(send: Send, rate: Rate) {
  const items = element("ol");
  const typing = element("div", { class: "typing", role: "status" });
  /** Ids of the assistant's messages on the page. */
  const shown = new Set<string>();
  return {
    items,
    element: element("div", { role: "log", "aria-live": "off", "aria-label": word("talk") }, items, typing),
    shown,

    /** The new item, or null when the message is on the page already. */
    add(message: Message, answerable: boolean, before: Node | null): HTMLElement | null {
      if (shown.has(message.id)) return null;
      shown.add(message.id);
      return items.insertBefore(assistantItem(message, answerable, send, rate), before);
    },

    addOwn(text: string): HTMLElement {
      return items.appendChild(patientItem(text));
    },

    /** A line after the end of a chat. */
    addLine(words: string): HTMLElement {
      return items.appendChild(element("li", { class: "line" }, words));
    },

    /** Only the newest question can be answered by its controls. */
    retireControls(): void {
      for (const controls of items.querySelectorAll(".controls")) controls.remove();
    },

    typing(on: boolean): void {
      if (on === typing.hasChildNodes()) return;
      typing.replaceChildren(...(on ? [unseen(word("writing")), element("i"), element("i"), element("i")] : []));
      if (on) reveal(typing);
    },

    clear(): void {
      shown.clear();
      items.replaceChildren();
    },
  };
}

/**
 * Scrolls up to an item. scrollIntoView would move the page around the frame as well. Either the list scrolls or, on a low screen, the
 * frame's whole page.
 */
export function reveal(item: Element): void {
  const above = document.querySelector(".heed")?.getBoundingClientRect().bottom ?? 0;
  const by = item.getBoundingClientRect().top - above - 12;
  for (const scroller of [item.closest("main"), window]) scroller?.scrollBy(0, by);
}

/** How far a message of the patient's is: "" when it was taken; `waiting` are the words for one that was not. */
export function mark(item: HTMLElement, state: "" | "sending" | "waiting", waiting = "", again?: () => void): void {
  item.querySelector(".state")?.remove();
  item.dataset.state = state;
  if (state)
    item.append(
      again
        ? element("p", { class: "state" }, waiting, button("flat", again, word("try_now")))
        : element("p", { class: "state" }, word("sending")),
    );
}
