import { button, element } from "../dom";
import { word } from "../words";
import { closing, openDialog, paragraphs } from "./dialog";

/** The menu. Without a chat there is nothing to start over, to keep or to forget. */
export function openMenu(talk: HTMLElement, talking: boolean, restart: () => void, forget: () => void): void {
  const line = (key: string, act: () => void): HTMLElement => button("quiet", closing(() => dialog, act), word(key));
  const privacy = (): void => void openDialog(word("privacy"), paragraphs(word("privacy_text")), [word("done")]);
  const dialog: HTMLDialogElement = openDialog(
    word("menu"),
    [
      element(
        "div",
        { class: "lines" },
        sizeButton(),
        ...(talking
          ? [
              line("restart", restart),
              line("save", () => {
                unfold(talk);
                save(talk);
              }),
              line("print", () => {
                unfold(talk);
                print();
              }),
              line("forget", forget),
            ]
          : []),
        line("privacy", privacy),
      ),
    ],
    [word("done")],
  );
}

/** Makes all text larger, and back. */
function sizeButton(): HTMLElement {
  const root = document.documentElement;
  const press = (): void => {
    size.ariaPressed = `${root.toggleAttribute("data-large")}`;
  };
  const size = button("quiet", press, word("size"));
  size.ariaPressed = `${root.hasAttribute("data-large")}`;
  return size;
}

/** What is folded is neither printed nor in the text. */
function unfold(talk: HTMLElement): void {
  for (const details of talk.querySelectorAll("details")) details.open = true;
}

/** Keeps the talk as a text file. */
function save(talk: HTMLElement): void {
  const href = URL.createObjectURL(new Blob([talk.innerText]));
  element("a", { href, download: `${word("saved")}.txt` }).click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}
