import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { mount, type Chat, type Options } from "./launcher";

const SERVICE = "https://chat.example.com/";
const ORIGIN = "https://chat.example.com";

let host: HTMLElement;
let isSmall: { matches: boolean; onchange: (() => void) | null };
let posted: Record<string, unknown>[];

function start(options: Options = {}): Chat {
  const chat = mount(host, SERVICE, { clinic: "demo", ...options });
  // What the panel would do in a browser.
  panel().showModal = () => panel().setAttribute("open", "modal");
  return chat;
}

const root = (): ShadowRoot => host.shadowRoot as ShadowRoot;
const launcher = (): HTMLButtonElement => root().querySelector("button") as HTMLButtonElement;
const panel = (): HTMLDialogElement => root().querySelector("dialog") as HTMLDialogElement;
const frame = (): HTMLIFrameElement | null => root().querySelector("iframe");

/** The frame's page is loaded, and its window is one that notes what it is sent. */
function arrive(): Window {
  const inside = { postMessage: (message: Record<string, unknown>, to: string) => posted.push({ ...message, to }) };
  Object.defineProperty(frame(), "contentWindow", { value: inside, configurable: true });
  frame()?.onload?.(new Event("load"));
  return inside as unknown as Window;
}

function say(message: object, source: Window, origin = ORIGIN): void {
  const event = new MessageEvent("message", { data: { needlewise: 1, ...message }, origin });
  Object.defineProperty(event, "source", { value: source });
  window.dispatchEvent(event);
}

beforeEach(() => {
  posted = [];
  isSmall = { matches: false, onchange: null };
  vi.stubGlobal("matchMedia", () => isSmall);
  vi.stubGlobal("visualViewport", { scale: 1, height: 800, offsetTop: 0 });
  // Outside of the document, where frames load nothing.
  host = document.createElement("div");
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("before it is touched", () => {
  it("draws a named button that says it is closed and what it opens", () => {
    start();
    expect(launcher().textContent).toBe(LOADER_STRINGS["en"]?.["launcher"]);
    expect(launcher().ariaExpanded).toBe("false");
    expect(launcher().getAttribute("aria-controls")).toBe(panel().id);
  });

  it("asks for nothing", () => {
    start();
    expect(frame()).toBeNull();
  });

  it("takes its label from the page", () => {
    start({ label: "Ask Riverbend" });
    expect(launcher().textContent).toBe("Ask Riverbend");
  });

  it.each([
    [undefined, "auto 20px"],
    ["end", "auto 20px"],
    ["start", "20px auto"],
  ])("stands in its corner: position %s", (position, expected) => {
    start({ position });
    expect(host.style.getPropertyValue("--nw-side")).toBe(expected);
  });

  it("greets after the seconds that the page gives, and not without them", () => {
    vi.useFakeTimers();
    start({ greetingDelay: "3" });
    vi.advanceTimersByTime(2999);
    expect(launcher().textContent).toBe(LOADER_STRINGS["en"]?.["launcher"]);
    vi.advanceTimersByTime(1);
    expect(launcher().textContent).toBe(LOADER_STRINGS["en"]?.["greeting"]);
    vi.useRealTimers();
  });
});

describe("at the first sign of intent", () => {
  it.each(["pointerenter", "focus"])("loads the chat on %s, and does not open it", (sign) => {
    start();
    launcher().dispatchEvent(new Event(sign));
    expect(frame()?.src).toBe("https://chat.example.com/chat/frame?clinic=demo&lang=");
    expect(panel().open).toBe(false);
  });

  it("loads it once", () => {
    start();
    for (const sign of ["pointerenter", "focus", "click"]) launcher().dispatchEvent(new Event(sign));
    expect(root().querySelectorAll("iframe")).toHaveLength(1);
  });
});

describe("opening and closing", () => {
  it("is a panel beside the page on a large screen", () => {
    start();
    launcher().click();
    expect(panel().getAttribute("open")).toBe("");
    expect(launcher().ariaExpanded).toBe("true");
  });

  it("covers a small screen as a modal", () => {
    isSmall.matches = true;
    start();
    launcher().click();
    expect(panel().getAttribute("open")).toBe("modal");
  });

  it("opens with the page on a large screen, without the focus", () => {
    start({ open: "" });
    const frames = arrive();
    say({ type: "ready" }, frames);
    expect(panel().open).toBe(true);
    expect(posted.at(-1)).toEqual({ needlewise: 1, type: "opened", focus: false, to: ORIGIN });
  });

  it("does not open with the page where it would cover it", () => {
    isSmall.matches = true;
    start({ open: "" });
    expect(panel().open).toBe(false);
  });

  it("closes on Escape and gives the focus back to the button", () => {
    start();
    const focused = vi.spyOn(launcher(), "focus");
    launcher().click();
    panel().dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect(panel().open).toBe(false);
    expect(focused).toHaveBeenCalledOnce();
    expect(launcher().ariaExpanded).toBe("false");
  });
});

describe("the frame", () => {
  it("is greeted when it has loaded, with the page's accent, at the service's origin alone", () => {
    start({ accent: "#123456" });
    launcher().click();
    arrive();
    expect(posted).toEqual([{ needlewise: 1, type: "hello", accent: "#123456", to: ORIGIN }]);
  });

  it("is told that it is open once it is ready", () => {
    start();
    launcher().click();
    const inside = arrive();
    say({ type: "ready" }, inside);
    expect(posted.at(-1)).toEqual({ needlewise: 1, type: "opened", focus: true, to: ORIGIN });
  });

  it("gets words that the page sends, after it is ready", () => {
    const chat = start();
    chat.send("Does it hurt?");
    const inside = arrive();
    expect(posted.map(({ type }) => type)).toEqual(["hello"]);
    say({ type: "ready" }, inside);
    expect(posted.at(-1)).toEqual({ needlewise: 1, type: "send", text: "Does it hurt?", to: ORIGIN });
  });

  it.each([
    ["another origin", "https://evil.example.com", true],
    ["another window", ORIGIN, false],
  ])("is not mistaken for %s", (_, origin, isOurs) => {
    start();
    launcher().click();
    const inside = arrive();
    say({ type: "ready" }, isOurs ? inside : window, origin);
    say({ type: "close" }, isOurs ? inside : window, origin);
    expect(panel().open).toBe(true);
    expect(posted.map(({ type }) => type)).toEqual(["hello"]);
  });

  it("may close the panel", () => {
    start();
    launcher().click();
    const inside = arrive();
    say({ type: "ready" }, inside);
    say({ type: "close" }, inside);
    expect(panel().open).toBe(false);
  });

  it("shows how many messages are new in the button's name", () => {
    start();
    launcher().click();
    const inside = arrive();
    say({ type: "unread", count: 2 }, inside);
    expect(launcher().textContent).toBe("Chat with us (2 new)");
    say({ type: "unread", count: 0 }, inside);
    expect(launcher().textContent).toBe("Chat with us");
  });
});

describe("a chat that does not come", () => {
  it("shows what the page holds in its place, and a way out", () => {
    host.innerHTML = '<p class="needlewise-phone">Call <a href="tel:+12025550140">(202) 555-0140</a></p>';
    start();
    launcher().click();
    expect(panel().querySelector("slot")).not.toBeNull();
    panel().querySelector("button")?.click();
    expect(panel().open).toBe(false);
  });

  it("shows the number of data-phone as a link that dials", () => {
    start({ phone: "+1 202 555 0140" });
    launcher().click();
    expect(panel().querySelector("a")?.textContent).toBe("+1 202 555 0140");
    expect(panel().querySelector("a")?.getAttribute("href")).toBe("tel:+1 202 555 0140");
  });

  it("is asked for again when it is opened again", () => {
    start();
    launcher().click();
    const first = frame();
    panel().close();
    launcher().click();
    expect(frame()).not.toBe(first);
    expect(frame()).not.toBeNull();
  });

  it("is asked for again when it failed before it was opened", () => {
    start();
    launcher().dispatchEvent(new Event("pointerenter"));
    const first = frame();
    arrive();
    launcher().click();
    expect(frame()).not.toBe(first);
    expect(root().querySelectorAll("iframe")).toHaveLength(1);
  });

  it("takes the place of the number when it comes after all", () => {
    start({ phone: "1" });
    launcher().click();
    say({ type: "ready" }, arrive());
    expect(panel().querySelector("p")).toBeNull();
  });
});

describe("what the page may listen to", () => {
  it("is told of opening, closing and messages, and never of words", () => {
    const heard: [string, unknown][] = [];
    const chat = start();
    for (const name of ["ready", "open", "close", "message", "unread"] as const)
      chat.on(name, ({ type, detail }) => heard.push([type, detail]));
    chat.open();
    const inside = arrive();
    say({ type: "ready" }, inside);
    say({ type: "message", kind: "answer", id: "m1" }, inside);
    chat.close();
    expect(heard.map(([name]) => name)).toEqual(["open", "ready", "message", "close"]);
    expect(heard[2]?.[1]).toEqual({ needlewise: 1, type: "message", kind: "answer", id: "m1" });
  });

  it("stops when the listener is taken off", () => {
    const heard: string[] = [];
    const chat = start();
    const listener = (): void => void heard.push("open");
    chat.on("open", listener);
    chat.off("open", listener);
    chat.open();
    expect(heard).toEqual([]);
  });
});
