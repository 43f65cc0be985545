import type { FrameConfig } from "../../protocol";
import { button, element, icon, unseen } from "../dom";
import { inline } from "../text";
import { word } from "../words";

export interface ShellActs {
  menu: () => void;
  close: () => void;
  leave: () => void;
  say: (text: string) => void;
}

/** The parts that are always there, around the messages and the box to write in. */
export function shell(config: FrameConfig, list: HTMLElement, box: HTMLElement, framed: boolean, acts: ShellActs) {
  const { name, fictional, example, questions } = config;
  const title = element("h1", { tabindex: -1 }, name);
  const trouble = element("p", { class: "problem", role: "status" });
  const leave = button("main leave", acts.leave, word("leave"));
  leave.hidden = true;
  const main = element(
    "main",
    { tabindex: 0, "aria-label": word("talk") },
    element(
      "section",
      { class: "start" },
      (fictional || example) && element("p", { class: "note" }, word(fictional ? "fictional" : "example")),
      element("h2", {}, word("start")),
      element("div", { class: "row" }, ...questions.map((question) => button("quiet", () => acts.say(question), question))),
      element("p", { class: "hint" }, word("before")),
    ),
    list,
  );
  document.body.append(
    element(
      "header",
      {},
      element(
        "div",
        { class: "bar" },
        title,
        button("tool", acts.menu, icon("menu"), unseen(word("menu"))),
        framed && button("tool", acts.close, icon("close"), unseen(word("close"))),
      ),
      element(
        "div",
        { class: "heed" },
        element("p", {}, element("strong", {}, word("automated")), " ", ...inline(word("emergency"))),
        button("quiet", () => acts.say(word("ask_person")), icon("person"), word("person")),
        leave,
      ),
    ),
    main,
    element("section", { class: "end", "aria-label": word("say") }, trouble, box),
  );
  return { title, main, trouble, leave };
}
