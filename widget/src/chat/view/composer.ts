import { LONGEST } from "../../wire";
import { element, icon, unseen } from "../dom";
import { word } from "../words";

export interface Composer {
  readonly element: HTMLElement;
  readonly box: HTMLTextAreaElement;
  /** Says something about what is written. */
  say(words: string): void;
  /** Puts words into the box that were not sent, before those that stand there. */
  giveBack(text: string): void;
}

/** The box to write in. `send` gets the words; what cannot be sent is said in a status line. */
export function composer(send: (text: string) => void): Composer {
  const said = element("p", { id: "said", class: "problem", role: "status" });
  const box = element("textarea", {
    id: "say",
    rows: 1,
    dir: "auto",
    placeholder: word("ask"),
    enterkeyhint: "send",
    autocomplete: "off",
    "aria-describedby": said.id,
    input: count,
    keydown: (event) => {
      const { key, shiftKey, isComposing } = event as KeyboardEvent;
      if (key === "Enter" && !shiftKey && !isComposing) submit(event);
    },
    paste: (event) => {
      const data = (event as ClipboardEvent).clipboardData;
      if (data?.files.length && !data.getData("text")) say(word("only_words"));
    },
  });

  function say(words: string): void {
    said.textContent = words;
  }

  function put(text: string): void {
    box.value = text;
    count();
  }

  /** How many letters may still be written. */
  function count(): number {
    const left = LONGEST - [...box.value.trim()].length;
    say(left < 0 ? `${word("too_long")} ${-left}` : "");
    box.ariaInvalid = `${left < 0}`;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight + 2}px`;
    return left;
  }

  function submit(event: Event): void {
    event.preventDefault();
    const text = box.value.trim();
    if (!text) say(word("empty"));
    else if (count() >= 0) {
      put("");
      send(text);
    }
    box.focus();
  }

  return {
    box,
    say,
    element: element(
      "form",
      { submit },
      said,
      element(
        "div",
        { class: "box" },
        element("label", { class: "unseen", for: box.id }, word("say")),
        box,
        element("button", { class: "send" }, icon("send"), unseen(word("send"))),
      ),
    ),
    giveBack(text) {
      put([text, box.value].filter(Boolean).join("\n"));
      if (text) box.focus();
    },
  };
}
