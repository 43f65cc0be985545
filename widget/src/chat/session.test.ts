import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hasLapsed, watchIdle } from "./idle";
import { joinTabs, remember, remembered } from "./session";

const SESSION = { token: "t".repeat(32), conversation: "c" };
const WAITING = { id: "1", body: { text: "hello" }, shown: "hello" };

/** Channels of one process that hear each other at once, as the tabs of a browser do soon. */
class Channel {
  static readonly open = new Set<Channel>();
  onmessage: ((event: { data: unknown }) => void) | null = null;
  constructor(readonly name: string) {
    Channel.open.add(this);
  }
  postMessage(data: unknown): void {
    for (const other of Channel.open) if (other !== this && other.name === this.name) other.onmessage?.({ data: structuredClone(data) });
  }
}

beforeEach(() => {
  sessionStorage.clear();
  Channel.open.clear();
  vi.stubGlobal("BroadcastChannel", Channel);
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe("what a tab remembers", () => {
  it("comes back after a reload, without what belongs to the page", () => {
    const entry = { ...WAITING, item: document.createElement("li") };
    remember("demo", { session: SESSION, waiting: [entry], at: 5 });
    expect(remembered("demo")).toEqual({ session: SESSION, waiting: [WAITING], at: 5 });
  });

  it("is nothing before the first message", () => {
    remember("demo", { session: null, waiting: [], at: 5 });
    expect([sessionStorage.length, remembered("demo")]).toEqual([0, null]);
  });

  it("is gone when the chat is forgotten", () => {
    remember("demo", { session: SESSION, waiting: [], at: 5 });
    remember("demo", { session: null, waiting: [], at: 6 });
    expect(sessionStorage.length).toBe(0);
  });

  it("belongs to one clinic", () => {
    remember("demo", { session: SESSION, waiting: [], at: 5 });
    expect(remembered("other")).toBeNull();
  });

  it("is nothing, and no error, where storage is closed or spoilt", () => {
    sessionStorage.setItem("needlewise.demo", "{");
    expect(remembered("demo")).toBeNull();
    vi.stubGlobal("sessionStorage", undefined);
    remember("demo", { session: SESSION, waiting: [], at: 5 });
    expect(remembered("demo")).toBeNull();
  });
});

describe("a second tab", () => {
  const tab = (clinic: string, own: typeof SESSION | null) => {
    const joined = vi.fn();
    const gone = vi.fn();
    return { tabs: joinTabs(clinic, () => own, joined, gone), joined, gone };
  };

  it("is told the session of an open one when it asks", () => {
    tab("demo", SESSION);
    const second = tab("demo", null);
    second.tabs.ask();
    expect(second.joined.mock.calls).toEqual([[SESSION]]);
  });

  it.each([
    ["no tab is open", null],
    ["the open one has no chat", "demo"],
    ["the open one is another clinic's", "other"],
  ])("hears nothing when %s", (_, clinic) => {
    if (clinic) tab(clinic, clinic === "other" ? SESSION : null);
    const second = tab("demo", null);
    second.tabs.ask();
    expect(second.joined).not.toHaveBeenCalled();
  });

  it("is told of a session that begins elsewhere, and of one that is forgotten", () => {
    const first = tab("demo", SESSION);
    const second = tab("demo", null);
    first.tabs.tell();
    first.tabs.forgotten("c");
    expect([second.joined.mock.calls, second.gone.mock.calls]).toEqual([[[SESSION]], [["c"]]]);
  });

  it("has a chat of its own where tabs cannot speak with each other", () => {
    vi.stubGlobal("BroadcastChannel", undefined);
    const { tabs, joined } = tab("demo", null);
    tabs.ask();
    expect(joined).not.toHaveBeenCalled();
  });
});

describe("on a shared computer", () => {
  it.each([
    [10, 10 * 60_000 - 1, false],
    [10, 10 * 60_000, true],
    [null, 10 ** 9, false],
  ])("with a time of %s minutes a chat of %d ms ago has lapsed: %s", (minutes, age, lapsed) => {
    expect(hasLapsed(0, minutes, age)).toBe(lapsed);
  });

  it("the patient is warned for a minute before the time is up", () => {
    vi.useFakeTimers({ now: 0 });
    const left: number[] = [];
    watchIdle(2, () => 0, (seconds) => left.push(seconds));
    vi.advanceTimersByTime(59_000);
    expect(left).toEqual([]);
    vi.advanceTimersByTime(61_000);
    expect([left[0], left.at(-2), left.at(-1)]).toEqual([60, 1, 0]);
  });

  it("a computer that slept is not given its sleep as time", () => {
    vi.useFakeTimers({ now: 0 });
    const left: number[] = [];
    watchIdle(2, () => -1e7, (seconds) => left.push(seconds));
    vi.advanceTimersByTime(1000);
    expect(left).toEqual([0]);
  });
});
