import type { Message } from "../../wire";
import { element, icon } from "../dom";
import { link } from "../text";
import { word } from "../words";

/** "Where this comes from": the sources of a message's answers, each once, or null without any. */
export function sourcesList(answers: NonNullable<Message["answers"]>): HTMLElement | null {
  const sources = new Map(answers.flatMap((answer) => answer.sources).map((source) => [source.id, source]));
  if (!sources.size) return null;
  return element(
    "details",
    {},
    element("summary", { class: "flat" }, word("sources"), icon("down")),
    element(
      "ul",
      {},
      ...Array.from(sources.values(), ({ title, publisher, year, url }) =>
        element(
          "li",
          {},
          url ? link(url, "", title) : title,
          element("small", {}, [publisher, year].filter(Boolean).join(", ")),
        ),
      ),
    ),
  );
}
