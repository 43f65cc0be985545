import type { Body, Choice, Field, Message } from "../../wire";
import { button, element, freshId } from "../dom";
import { word } from "../words";

/** Sends an answer; `shown` is what the patient sees of it, `controls` what they used. */
export type Send = (body: Body, shown: string, controls: HTMLElement) => void;

/** The choices, the card to tick or the form of a message, or null. `question` is the id of its words. */
export function messageControls({ choices = [], input }: Message, question: string, send: Send): HTMLElement | null {
  const controls = element("div", { class: "controls" });
  const answer = (body: Body, shown: string[]): void => send(body, shown.filter(Boolean).join(", "), controls);
  const ticked = input?.kind === "many" ? choices.filter(({ alone }) => !alone) : [];
  const tapped = choices.filter((choice) => !ticked.includes(choice));
  if (input?.kind === "form") controls.append(fieldsForm(input.fields, answer));
  if (ticked.length) controls.append(tickForm(ticked, question, answer));
  if (ticked.length && tapped.length) controls.append(element("p", { class: "hint" }, word("tick_or")));
  if (tapped.length)
    controls.append(
      element(
        "div",
        { class: "row", role: "group", "aria-labelledby": question },
        ...tapped.map(({ id, label }) => button("quiet", () => answer({ choices: [id] }, [label]), label)),
      ),
    );
  return controls.hasChildNodes() ? controls : null;
}

type Answer = (body: Body, shown: string[]) => void;

/** A form whose button sends what `read` gives; null is for what `read` has found wrong and said so. */
function form(label: string, read: (problem: HTMLElement) => Parameters<Answer> | null, answer: Answer, ...rows: HTMLElement[]) {
  const problem = element("p", { class: "problem whole", role: "alert" });
  return element(
    "form",
    {
      novalidate: true,
      submit: (event) => {
        event.preventDefault();
        problem.textContent = "";
        const given = read(problem);
        if (given) answer(...given);
      },
    },
    ...rows,
    problem,
    element("button", { class: "main" }, label),
  );
}

function tickForm(choices: Choice[], question: string, answer: Answer): HTMLElement {
  const hint = freshId();
  const boxes = choices.map((choice) => ({ ...choice, box: element("input", { type: "checkbox" }) }));
  return form(
    word("tick_send"),
    (problem) => {
      const ticked = boxes.filter(({ box }) => box.checked);
      if (ticked.length) return [{ choices: ticked.map(({ id }) => id) }, ticked.map(({ label }) => label)];
      problem.textContent = word("tick_none");
      boxes[0]?.box.focus();
      return null;
    },
    answer,
    element(
      "fieldset",
      { "aria-labelledby": question, "aria-describedby": hint },
      element("p", { class: "hint", id: hint }, word("tick_all")),
      ...boxes.map(({ label, box }) => element("label", { class: "tick" }, box, element("span", {}, label))),
    ),
  );
}

function fieldsForm(fields: Field[], answer: Answer): HTMLElement {
  const rows = fields.map(fieldRow);
  return form(
    word("send"),
    () => {
      const wrong = rows.filter(({ check }) => check());
      if (!wrong[0]) {
        const values = rows.map(({ input }) => input.value.trim());
        return [{ fields: Object.fromEntries(fields.map(({ name }, index) => [name, values[index] ?? ""])) }, values];
      }
      wrong[0].input.focus();
      return null;
    },
    answer,
    ...rows.map(({ row }) => row),
  );
}

function fieldRow({ name, type, label, autocomplete, required }: Field) {
  const id = freshId();
  const problem = element("p", { class: "problem", role: "alert", id: `${id}p` });
  const long = type === "textarea";
  const input = element(long ? "textarea" : "input", {
    id,
    name,
    type: !long && type,
    autocomplete,
    required,
    maxlength: 1000,
    "aria-describedby": problem.id,
  });
  return {
    input,
    row: element(
      "div",
      { class: "field" },
      element("label", { for: id }, label, !required && element("small", {}, word("optional"))),
      input,
      problem,
    ),
    /** Shows what is wrong with the field; true when something is. */
    check(): boolean {
      const wrong = required && !input.value.trim() ? "missing" : input.validity.typeMismatch ? "bad_email" : "";
      problem.textContent = wrong && word(wrong);
      input.ariaInvalid = `${Boolean(wrong)}`;
      return Boolean(wrong);
    },
  };
}
