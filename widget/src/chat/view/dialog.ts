import { button, element, freshId } from "../dom";

/** A modal dialog over the chat. Each answer closes it and then acts; the first is the safe one. Escape closes it too. */
export function openDialog(
  title: string,
  content: (Node | string)[],
  ...answers: [label: string, act?: () => unknown][]
): HTMLDialogElement {
  const id = freshId();
  const dialog = element(
    "dialog",
    { "aria-labelledby": id, close: () => dialog.remove() },
    element("h2", { id, tabindex: -1, autofocus: true }, title),
    ...content,
    element(
      "div",
      { class: "row" },
      ...answers.map(([label, act], index) => button(index ? "quiet" : "main", closing(() => dialog, act), label)),
    ),
  ) as HTMLDialogElement;
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Closes the dialog, then acts: what acts may move the focus. */
export const closing = (dialog: () => HTMLDialogElement, act?: () => unknown) => (): void => {
  dialog().close();
  act?.();
};

export const paragraphs = (text: string): HTMLElement[] => text.split("\n\n").map((part) => element("p", {}, part));
