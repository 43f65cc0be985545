import type { Kind, Message } from "../../wire";
import { element, freshId, icon, unseen } from "../dom";
import { lines, link, markdown } from "../text";
import { word } from "../words";
import { messageControls, type Send } from "./controls";
import { feedbackRow, type Rate } from "./feedback";
import { sourcesList } from "./sources";

/** Kinds with a heading, and its drawing. */
const HEADED: Partial<Record<Kind, Parameters<typeof icon>[0] | null>> = {
  urgent: "urgent",
  crisis: "crisis",
  handoff: "person",
  outcome: null,
};

export const isAlarm = ({ kind }: Message): boolean => kind === "urgent" || kind === "crisis";

export const patientItem = (text: string): HTMLLIElement =>
  element(
    "li",
    { class: "message own", tabindex: -1 },
    element("div", { class: "bubble", dir: "auto" }, unseen(`${word("you")}: `), ...lines(text)),
  );

const speaker = ({ by }: Message): string => word(by ?? "assistant");

/** A message of the assistant or of staff; with its choices or form when `answerable`. */
export function assistantItem(message: Message, answerable: boolean, send: Send, rate: Rate): HTMLLIElement {
  const { id, text, kind = "answer", by, links = [], answers = [] } = message;
  const who = freshId();
  const words = freshId();
  const drawing = by ? undefined : HEADED[kind];
  return element(
    "li",
    { class: `message ${by ?? kind}` },
    element(
      "article",
      { tabindex: -1, "aria-labelledby": who },
      element("p", { class: "who", id: who }, speaker(message)),
      drawing !== undefined && element("h2", { class: "kind" }, drawing && icon(drawing), word(`kind_${kind}`)),
      element("div", { class: "text", id: words }, ...markdown(text)),
      ...links.map(({ label, url }) =>
        link(url, "go", icon("phone"), label.replace(/^./, (first) => first.toUpperCase())),
      ),
      message.quick_exit && element("p", { class: "hint" }, word("leave_hint")),
      answerable && messageControls(message, words, send),
      answers.length > 0 && element("footer", {}, sourcesList(answers), feedbackRow(id, rate)),
    ),
  );
}

/** What a screen reader is told of a message: its words and the choices, without sources and fields. */
export function spokenWords(item: HTMLElement, message: Message): string {
  const { choices = [] } = message;
  const parts = Array.from(item.querySelectorAll(".kind,.text p,.text li,article>.hint"), (part) => part.textContent ?? "");
  if (choices.length) parts.push(`${word("choices")} ${choices.map(({ label }) => label).join(", ")}`);
  return [`${speaker(message)}:`, ...parts.map((part) => (/[.!?:]$/.test(part) ? part : `${part}.`))].join(" ");
}
