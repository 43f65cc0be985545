import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FrameConfig } from "../protocol";
import type { Message } from "../wire";
import { startChat } from "./chat";

const CONFIG: FrameConfig = {
  clinic: "demo",
  language: "en",
  name: "Riverbend",
  phone: { shown: "(202) 555-0140", url: "tel:+12025550140" },
  accent: null,
  fictional: true,
  example: false,
  confirmsTimes: false,
  idleMinutes: null,
  questions: ["Does it hurt?"],
  strings: {
    over: "That chat has ended.",
    kept: "Your words are still in the box.",
    unclear: "That did not work.",
    empty: "Write your question first.",
    too_long: "Too long. Letters to take out:",
    waiting: "Not sent yet.",
    person: "Talk to a person",
    ask_person: "I want to talk to a person",
    leave: "Leave this page now",
    emergency: "Not for emergencies: call [911](tel:911).",
  },
};

type Answer = { status: number; body?: unknown } | "offline";

/** The service: what it was asked, and what it says. A conversation's messages are in `history`. */
class Service {
  readonly asked: { what: string; body: Record<string, unknown>; token: string | null }[] = [];
  readonly history: Message[] = [];
  /** What it answers to the next messages instead of replying. */
  readonly instead: Answer[] = [];
  extra: Partial<Message> = {};

  fetch = async (path: string, init: RequestInit): Promise<Response> => {
    const what = `${init.method} ${path.replace("/chat/v1/", "").replace(/\?.*/, "")}`;
    const body = JSON.parse(String(init.body ?? "{}")) as Record<string, unknown>;
    const token = new Headers(init.headers).get("Authorization");
    this.asked.push({ what, body, token });
    if (what === "GET events") return new Promise(() => undefined);
    if (what === "GET messages") return json(200, { messages: this.history });
    if (what === "DELETE session") return json(200, { message: "Gone." });
    if (what === "POST sessions") return json(201, { token: "t".repeat(32), conversation: "c", messages: [] });
    const answer = this.instead.shift();
    if (answer === "offline") throw new TypeError("Failed to fetch");
    if (answer) return json(answer.status, answer.body ?? {});
    return json(200, { messages: [{ id: `to ${String(body.id)}`, text: "An answer.", kind: "answer", ...this.extra }] });
  };

  sent = (): unknown[] => this.asked.filter(({ what }) => what === "POST messages").map(({ body }) => body.text);
}

const json = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });
/** Until all that follows from what was done has happened; the service answers at once. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setTimeout(done, 0));
}
const items = (): (string | null | undefined)[] =>
  Array.from(document.querySelectorAll(".message .bubble, .message .text"), (one) => one.textContent?.replace(": ", ""));
const box = (): HTMLTextAreaElement => document.querySelector("#say") as HTMLTextAreaElement;
const said = (): string | null | undefined => document.querySelector("#said")?.textContent;

async function write(text: string): Promise<void> {
  box().value = text;
  box().form?.dispatchEvent(new Event("submit", { cancelable: true }));
  await settled();
}

let service: Service;

async function open(config: Partial<FrameConfig> = {}): Promise<void> {
  startChat({ ...CONFIG, ...config });
  await settled();
}

beforeEach(() => {
  document.documentElement.removeAttribute("data-talk");
  document.body.replaceChildren();
  sessionStorage.clear();
  service = new Service();
  vi.stubGlobal("fetch", service.fetch);
  vi.stubGlobal("BroadcastChannel", undefined);
});
afterEach(() => vi.unstubAllGlobals());

describe("before the first message", () => {
  it("nothing is asked of the service and nothing is stored", async () => {
    await open();
    expect([service.asked, sessionStorage.length]).toEqual([[], 0]);
  });

  it("the emergency number and the way to a person are in sight", async () => {
    await open();
    const header = document.querySelector("header");
    expect([header?.querySelector("a")?.getAttribute("href"), header?.querySelector(".quiet")?.textContent]).toEqual([
      "tel:911",
      "Talk to a person",
    ]);
  });
});

describe("a message", () => {
  it("opens a session, is sent with its token and answered", async () => {
    await open();
    await write("does it hurt");
    expect(service.asked.map(({ what }) => what)).toEqual(expect.arrayContaining(["POST sessions", "POST messages"]));
    expect(service.asked.at(-1)?.token).toBe(`Bearer ${"t".repeat(32)}`);
    expect(items()).toEqual(["does it hurt", "An answer."]);
  });

  it("is told to screen readers once", async () => {
    await open();
    await write("does it hurt");
    expect(Array.from(document.querySelectorAll("[aria-live=polite] p"), (one) => one.textContent)).toEqual([": An answer."]);
  });

  it("that is urgent is told before anything else", async () => {
    service.extra = { kind: "urgent" };
    await open();
    await write("chest pain");
    expect(document.querySelector("[aria-live=assertive]")?.textContent).toContain("An answer.");
  });

  it("of markup shows as what was typed", async () => {
    await open();
    await write("<img src=x onerror=alert(1)>");
    expect([items()[0], document.querySelector("img")]).toEqual(["<img src=x onerror=alert(1)>", null]);
  });

  it.each([
    ["   ", "Write your question first."],
    ["a".repeat(4010), "Too long. Letters to take out: 10"],
    ["🦶".repeat(4001), "Too long. Letters to take out: 1"],
  ])("that cannot be sent stays in the box", async (text, words) => {
    await open();
    await write(text);
    expect([service.asked, box().value, said()]).toEqual([[], text, words]);
  });

  it("that is refused is given back with the service's words", async () => {
    await open();
    service.instead.push({ status: 413, body: { message: "Use fewer words." } });
    await write("long");
    expect([items(), box().value, said()]).toEqual([[], "long", "Use fewer words."]);
  });

  it("that does not arrive says so, and is sent again under the same id", async () => {
    await open();
    service.instead.push("offline");
    await write("does it hurt");
    expect(document.querySelector(".state")?.textContent).toContain("Not sent yet.");
    document.querySelector<HTMLButtonElement>(".state button")?.click();
    await settled();
    const ids = service.asked.filter(({ what }) => what === "POST messages").map(({ body }) => body.id);
    expect([ids.length, new Set(ids).size, items()]).toEqual([2, 1, ["does it hurt", "An answer."]]);
  });

  it("to a chat that has ended comes back into the box, and the next one begins a new chat", async () => {
    await open();
    await write("one");
    service.instead.push({ status: 401 });
    await write("two");
    expect([document.querySelector(".line")?.textContent, box().value, sessionStorage.length]).toEqual([
      "That chat has ended. Your words are still in the box.",
      "two",
      0,
    ]);
    await write("two");
    expect(service.asked.filter(({ what }) => what === "POST sessions").length).toBe(2);
  });
});

describe("after a reload", () => {
  const past = (waiting: object[] = []): void =>
    sessionStorage.setItem(
      "needlewise.demo",
      JSON.stringify({ session: { token: "t".repeat(32), conversation: "c" }, waiting, at: Date.now() }),
    );
  const choices = [{ id: "1", label: "Yes", alone: true }];

  // The line to the service never opens in these tests unless it is told to: it comes first.
  beforeEach(() => {
    const { fetch } = service;
    vi.stubGlobal("fetch", (path: string, init: RequestInit) =>
      path.endsWith("events") && !service.asked.some(({ what }) => what === "GET events")
        ? (service.asked.push({ what: "GET events", body: {}, token: null }), Promise.resolve(new Response(new ReadableStream())))
        : fetch(path, init),
    );
    service.history.push(
      { id: "p", from: "patient", text: "one" },
      { id: "a", from: "assistant", text: "An old answer.", kind: "question", choices },
    );
  });

  it("what was said is there, the last question can be answered, and nothing is told aloud", async () => {
    past();
    await open();
    expect([items(), document.querySelectorAll(".controls button").length, document.querySelector("[aria-live=polite]")?.textContent]).toEqual([
      ["one", "An old answer."],
      1,
      "",
    ]);
  });

  it("what had not arrived is sent under its old id", async () => {
    past([{ id: "i".repeat(32), body: { text: "two" }, shown: "two" }]);
    await open();
    const message = service.asked.find(({ what }) => what === "POST messages");
    expect([message?.body, items()]).toEqual([{ id: "i".repeat(32), text: "two" }, ["one", "An old answer.", "two", "An answer."]]);
  });

  it("what the service had taken but not answered stands there once", async () => {
    service.history.push({ id: "q", from: "patient", text: "two" });
    past([{ id: "i".repeat(32), body: { text: "two" }, shown: "two" }]);
    await open();
    expect(items()).toEqual(["one", "An old answer.", "two", "An answer."]);
  });

  it("on a shared computer, too late, the chat is gone", async () => {
    past();
    vi.spyOn(Date, "now").mockReturnValue(Date.now() + 11 * 60_000);
    await open({ idleMinutes: 10 });
    expect([items(), sessionStorage.length]).toEqual([[], 0]);
  });
});

describe("in a page", () => {
  let told: object[];
  let parent: Window;
  const hear = (message: object): void => {
    window.dispatchEvent(Object.assign(new Event("message"), { data: { needlewise: 1, ...message }, origin: "https://clinic.example", source: parent }));
  };

  beforeEach(async () => {
    told = [];
    parent = { postMessage: ({ needlewise: _, ...message }: { needlewise: 1 }) => told.push(message) } as unknown as Window;
    vi.stubGlobal("parent", parent);
    vi.stubGlobal("matchMedia", () => ({ matches: true }));
    await open();
    hear({ type: "hello", accent: "" });
  });

  it.each([
    [true, "say"],
    [false, ""],
  ])("the box takes the focus only where the patient opened the chat: %s", (focus, id) => {
    hear({ type: "opened", focus });
    expect(document.activeElement?.id).toBe(id);
  });

  it("what comes while the chat is closed is counted until it is opened", async () => {
    hear({ type: "send", text: "one" });
    await settled();
    hear({ type: "opened", focus: false });
    hear({ type: "opened", focus: false });
    expect(told.filter((message) => "count" in message)).toEqual([
      { type: "unread", count: 1 },
      { type: "unread", count: 0 },
    ]);
  });
});

describe("a person who has come", () => {
  let tell: (id: string) => void;

  /** A chat whose line is open. */
  async function waiting(): Promise<void> {
    const line = new ReadableStream<Uint8Array>({
      start(controller) {
        tell = (id) => controller.enqueue(new TextEncoder().encode(`event: message\ndata: {"id":"${id}"}\n\n`));
      },
    });
    vi.stubGlobal("fetch", (path: string, init: RequestInit) =>
      path.endsWith("events") ? Promise.resolve(new Response(line)) : service.fetch(path, init),
    );
    await open({ strings: { ...CONFIG.strings, assistant: "Assistant", staff: "Clinic staff" } });
    await write("can I talk to somebody");
  }

  async function says(message: Message): Promise<void> {
    service.history.push(message);
    tell(message.id);
    await settled();
  }

  it("is heard by a patient who waits, under their own name", async () => {
    await waiting();
    await says({ id: "s1", text: "Good morning.", kind: "handoff", by: "staff", from: "assistant" });
    expect(items().at(-1)).toBe("Good morning.");
    expect(document.querySelector(".message:last-child .who")?.textContent).toBe("Clinic staff");
    expect(document.querySelector("[aria-live=polite] p:last-child")?.textContent).toBe("Clinic staff: Good morning.");
  });

  it("is answered, and no answer of the assistant is waited for", async () => {
    await waiting();
    vi.stubGlobal("fetch", (path: string, init: RequestInit) =>
      init.method === "POST" ? Promise.resolve(json(200, { messages: [] })) : service.fetch(path, init),
    );
    await write("thank you");
    expect([items().at(-1), document.querySelector("[data-state=sending],[data-state=waiting]")]).toEqual(["thank you", null]);
  });

  it("is still there after a reload", async () => {
    service.history.push(
      { id: "p1", text: "can I talk to somebody", from: "patient" },
      { id: "s1", text: "Good morning.", kind: "handoff", by: "staff", from: "assistant" },
    );
    sessionStorage.setItem(
      "needlewise.demo",
      JSON.stringify({ session: { token: "t".repeat(32), conversation: "c" }, waiting: [], at: Date.now() }),
    );
    vi.stubGlobal("fetch", (path: string, init: RequestInit) =>
      path.endsWith("events") ? Promise.resolve(new Response(new ReadableStream())) : service.fetch(path, init),
    );
    await open();
    expect(items()).toEqual(["can I talk to somebody", "Good morning."]);
  });
});

describe("a quick exit", () => {
  it("is offered only after a message that calls for it", async () => {
    await open();
    const leave = document.querySelector<HTMLButtonElement>(".leave");
    await write("one");
    expect(leave?.hidden).toBe(true);
    service.extra = { kind: "crisis", quick_exit: true };
    await write("two");
    expect(leave?.hidden).toBe(false);
  });

  it("leaves nothing on the screen or in the tab", async () => {
    const replace = vi.spyOn(location, "replace").mockImplementation(() => undefined);
    service.extra = { kind: "crisis", quick_exit: true };
    await open();
    await write("two");
    document.querySelector<HTMLButtonElement>(".leave")?.click();
    expect([items(), sessionStorage.length, replace.mock.calls.length]).toEqual([[], 0, 1]);
  });
});
