import { button, element, freshId, icon } from "../dom";
import { word } from "../words";

export type Rate = (message: string, verdict: "up" | "down", reason?: string) => Promise<unknown>;

/** Thumbs up and down for one message. A thumb down asks for a word of why, which may be left out. */
export function feedbackRow(message: string, rate: Rate): HTMLElement {
  const status = element("p", { class: "hint", role: "status" });
  const why = element("div");

  async function tell(verdict: "up" | "down", reason?: string): Promise<void> {
    const saved = await rate(message, verdict, reason).catch(() => null);
    status.textContent = word(saved ? "rated" : "unclear");
    for (const thumb of thumbs) thumb.ariaPressed = `${Boolean(saved) && thumb.classList.contains(verdict)}`;
    why.replaceChildren();
    if (saved && verdict === "down" && reason === undefined) why.append(whyForm());
  }

  function whyForm(): HTMLElement {
    const id = freshId();
    const input = element("input", { id, maxlength: 1000, autocomplete: "off" });
    return element(
      "form",
      {
        submit: (event) => {
          event.preventDefault();
          thumbs[1]?.focus();
          void tell("down", input.value.trim());
        },
      },
      element("label", { for: id }, word("why"), element("small", {}, word("optional"))),
      input,
      element("button", { class: "quiet" }, word("send")),
    );
  }

  const thumbs = (["up", "down"] as const).map((verdict) => {
    const thumb = button(`flat thumb ${verdict}`, () => tell(verdict), icon("thumb"));
    thumb.ariaLabel = word(verdict);
    thumb.ariaPressed = "false";
    return thumb;
  });
  return element(
    "div",
    { class: "feedback" },
    element("div", { role: "group", "aria-label": word("helped") }, ...thumbs),
    why,
    status,
  );
}
