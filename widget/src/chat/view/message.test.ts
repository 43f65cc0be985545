import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Kind, Message } from "../../wire";
import { setWords } from "../words";
import { assistantItem, patientItem, spokenWords } from "./message";

const send = vi.fn();
const rate = vi.fn(async () => ({}));
const message = (more: Partial<Message> = {}): Message => ({ id: "m", text: "Some words.", kind: "answer", ...more });
const shown = (more: Partial<Message> = {}, answerable = true): HTMLElement => {
  const item = assistantItem(message(more), answerable, send, rate);
  document.body.replaceChildren(item);
  return item;
};
const buttons = (item: HTMLElement): (string | null)[] => [...item.querySelectorAll(".controls button")].map((one) => one.textContent);
const press = (item: HTMLElement, label: string): void =>
  [...item.querySelectorAll("button")].find((one) => one.textContent === label)?.click();
const submit = (form: Element | null): void => void form?.dispatchEvent(new Event("submit", { cancelable: true, bubbles: true }));

beforeEach(() => {
  send.mockClear();
  rate.mockClear();
  setWords({
    assistant: "Assistant",
    staff: "Clinic staff",
    you: "You",
    choices: "You can pick:",
    kind_urgent: "Urgent",
    kind_crisis: "Help right now",
    kind_handoff: "A person at the clinic",
    kind_outcome: "What to do next",
    tick_none: "Tick at least one.",
    tick_send: "Send what I ticked",
    missing: "Please fill this in.",
    bad_email: "This does not look like an email address.",
    send: "Send",
    sources: "Where this comes from",
    rated: "Thank you.",
    unclear: "That did not work.",
    up: "Yes, this helped",
    down: "No, this did not help",
    leave_hint: "To leave fast, use the button.",
  });
});

describe("a message of staff", () => {
  it("is said under their name, without a heading", () => {
    const item = shown({ kind: "handoff", by: "staff" });
    expect([item.className, item.querySelector(".who")?.textContent, item.querySelector("h2")]).toEqual([
      "message staff",
      "Clinic staff",
      null,
    ]);
    expect(spokenWords(item, message({ by: "staff" }))).toBe("Clinic staff: Some words.");
  });
});

describe("a message of each kind", () => {
  it.each<[Kind, string | undefined]>([
    ["answer", undefined],
    ["question", undefined],
    ["notice", undefined],
    ["outcome", "What to do next"],
    ["handoff", "A person at the clinic"],
    ["urgent", "Urgent"],
    ["crisis", "Help right now"],
  ])("%s is an article of the assistant's under the heading %s", (kind, heading) => {
    const item = shown({ kind });
    expect(item.className).toBe(`message ${kind}`);
    expect(item.querySelector("h2")?.textContent).toBe(heading);
    const named = item.querySelector("article")?.getAttribute("aria-labelledby") ?? "";
    expect(document.getElementById(named)?.textContent).toBe("Assistant");
  });

  it.each([
    ["tel:911", "Call 911"],
    ["tel:988", "call 988"],
  ])("shows %s as a button of its own", (url, label) => {
    const go = shown({ kind: "urgent", links: [{ label, url }] }).querySelector(".go");
    expect([go?.getAttribute("href"), go?.textContent]).toEqual([url, `C${label.slice(1)}`]);
  });

  it("says how to leave where someone near may be a danger", () => {
    expect(shown({ kind: "crisis", quick_exit: true }).querySelector("article>.hint")?.textContent).toBe("To leave fast, use the button.");
  });
});

describe("the patient's own words", () => {
  it.each(["<b>x</b>", "<script>alert(1)</script>", "[a](javascript:alert(1))", "**x**", "call 202-555-0140"])(
    "%s stay what they are",
    (text) => {
      const bubble = patientItem(text).querySelector(".bubble");
      expect([bubble?.textContent, bubble?.children.length]).toEqual([`You: ${text}`, 1]);
    },
  );
});

describe("sources", () => {
  const source = { id: "s", title: "A study", publisher: "A journal", year: 2020, url: "https://example.com/" };
  const answer = { topic: "t", version: 1, sources: [source] };

  it("are folded, each once", () => {
    const details = shown({ answers: [answer, answer] }).querySelector("details");
    expect([details?.open, details?.querySelectorAll("li").length, details?.querySelector("li")?.textContent]).toEqual([
      false,
      1,
      "A studyA journal, 2020",
    ]);
  });

  it("without an address are not links", () => {
    const item = shown({ answers: [{ ...answer, sources: [{ ...source, url: null, year: null }] }] });
    expect([item.querySelector("li a"), item.querySelector("small")?.textContent]).toEqual([null, "A journal"]);
  });

  it("are not there for an answer without any", () => {
    expect(shown({ answers: [{ ...answer, sources: [] }] }).querySelector("details")).toBeNull();
  });
});

describe("choices", () => {
  const choices = [
    { id: "1", label: "Yes", alone: true },
    { id: "2", label: "No", alone: true },
  ];

  it("are buttons in a group that is named by the question", () => {
    const item = shown({ choices, kind: "question" });
    expect(buttons(item)).toEqual(["Yes", "No"]);
    const named = item.querySelector("[role=group]")?.getAttribute("aria-labelledby") ?? "";
    expect(document.getElementById(named)?.textContent).toBe("Some words.");
  });

  it("send their id and show their label", () => {
    const item = shown({ choices });
    press(item, "No");
    expect(send.mock.calls).toEqual([[{ choices: ["2"] }, "No", item.querySelector(".controls")]]);
  });

  it("of an older message are gone", () => {
    expect(shown({ choices }, false).querySelector(".controls")).toBeNull();
  });
});

describe("a card to tick", () => {
  const choices = [
    { id: "1", label: "Fever", alone: false },
    { id: "2", label: "Numb feet", alone: false },
    { id: "3", label: "None of these", alone: true },
  ];
  const card = (): HTMLElement => shown({ choices, kind: "question", input: { kind: "many", fields: [] } });

  it("is a fieldset of check boxes that is named by the question", () => {
    const set = card().querySelector("fieldset");
    expect(set?.querySelectorAll("label>input[type=checkbox]").length).toBe(2);
    expect(document.getElementById(set?.getAttribute("aria-labelledby") ?? "")?.textContent).toBe("Some words.");
  });

  it("sends what is ticked", () => {
    const item = card();
    for (const box of item.querySelectorAll("input")) box.click();
    submit(item.querySelector("form"));
    expect(send.mock.calls[0]?.slice(0, 2)).toEqual([{ choices: ["1", "2"] }, "Fever, Numb feet"]);
  });

  it("says so when nothing is ticked", () => {
    const item = card();
    submit(item.querySelector("form"));
    expect([send.mock.calls, item.querySelector("[role=alert]")?.textContent]).toEqual([[], "Tick at least one."]);
  });

  it("has the choices that stand alone as buttons", () => {
    expect(buttons(card())).toEqual(["Send what I ticked", "None of these"]);
  });
});

describe("a form", () => {
  const form = (more: object = {}): HTMLElement =>
    shown({
      kind: "question",
      input: { kind: "form", fields: [{ name: "contact", type: "email", label: "Email", autocomplete: "email", required: true, ...more }] },
    });

  it("has a label, the right type and what a browser needs to fill it", () => {
    const item = form();
    const input = item.querySelector("input");
    expect([input?.type, input?.getAttribute("autocomplete"), item.querySelector("label")?.getAttribute("for")]).toEqual([
      "email",
      "email",
      input?.id,
    ]);
  });

  it("sends what was written, without spaces around it", () => {
    const item = form();
    (item.querySelector("input") as HTMLInputElement).value = " a@example.com ";
    submit(item.querySelector("form"));
    expect(send.mock.calls[0]?.slice(0, 2)).toEqual([{ fields: { contact: "a@example.com" } }, "a@example.com"]);
  });

  it("tells of an empty field beside it, and takes the reader there", () => {
    const item = form();
    submit(item.querySelector("form"));
    const input = item.querySelector("input");
    const described = document.getElementById(input?.getAttribute("aria-describedby") ?? "");
    expect([described?.textContent, document.activeElement, send.mock.calls]).toEqual(["Please fill this in.", input, []]);
  });

  it("lets a field that is not required be empty", () => {
    submit(form({ required: false }).querySelector("form"));
    expect(send.mock.calls[0]?.[0]).toEqual({ fields: { contact: "" } });
  });
});

describe("thumbs", () => {
  const answers = [{ topic: "t", version: 1, sources: [] }];
  const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 0));
  const thumb = (item: HTMLElement, which: string): HTMLElement => item.querySelector(`.thumb.${which}`) as HTMLElement;

  it("up is told and thanked for", async () => {
    const item = shown({ answers });
    thumb(item, "up").click();
    await settled();
    expect(rate.mock.calls).toEqual([["m", "up", undefined]]);
    expect(item.querySelector(".feedback [role=status]")?.textContent).toBe("Thank you.");
  });

  it("down is told at once, and asks for a word of why", async () => {
    const item = shown({ answers });
    thumb(item, "down").click();
    await settled();
    (item.querySelector(".feedback input") as HTMLInputElement).value = "too long";
    submit(item.querySelector(".feedback form"));
    await settled();
    expect(rate.mock.calls).toEqual([
      ["m", "down", undefined],
      ["m", "down", "too long"],
    ]);
    expect(item.querySelector(".feedback form")).toBeNull();
  });

  it("that could not be saved say so", async () => {
    rate.mockRejectedValueOnce(new TypeError("Failed to fetch"));
    const item = shown({ answers });
    thumb(item, "up").click();
    await settled();
    expect(item.querySelector(".feedback [role=status]")?.textContent).toBe("That did not work.");
  });

  it("are only under answers", () => {
    expect(shown({ kind: "question" }).querySelector(".thumb")).toBeNull();
  });
});

describe("what a screen reader is told", () => {
  it("is the message and its choices, once and without sources", () => {
    const more: Partial<Message> = {
      kind: "outcome",
      text: "One.\n\n- two\n- three",
      choices: [{ id: "1", label: "Yes", alone: true }],
      answers: [{ topic: "t", version: 1, sources: [{ id: "s", title: "A study", publisher: "P", year: 1, url: null }] }],
    };
    expect(spokenWords(shown(more), message(more))).toBe(
      "Assistant: What to do next. One. two. three. You can pick: Yes.",
    );
  });
});
