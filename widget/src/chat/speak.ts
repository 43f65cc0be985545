import { element } from "./dom";

/** What screen readers are told, each once. The list of messages is not live: some would read all of it again at each new one. */
export interface Voice {
  readonly elements: HTMLElement[];
  /** `urgent` words are told before anything else. */
  say(words: string, urgent?: boolean): void;
  clear(): void;
}

const MOST = 6;

export function voice(): Voice {
  const elements = ["polite", "assertive"].map((live) =>
    element("div", { class: "unseen", "aria-live": live, "aria-relevant": "additions" }),
  );
  return {
    elements,
    say(words, urgent = false) {
      const region = elements[Number(urgent)];
      region?.append(element("p", {}, words));
      if (region && region.childElementCount > MOST) region.firstChild?.remove();
    },
    clear() {
      for (const region of elements) region.replaceChildren();
    },
  };
}
