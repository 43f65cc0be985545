import { describe, expect, it } from "vitest";
import type { Message } from "../wire";
import { Refusal } from "./api";
import { backoff } from "./backoff";
import { outbox, type Entry } from "./queue";

const entry = (id: string): Entry => ({ id, body: { text: id }, shown: id });
const reply = (id: string): Message => ({ id: `to ${id}`, text: "ok" });
const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

/** An outbox whose service answers each try as `answers` say, and whose pauses end when told to. */
function office(...answers: (Error | "ok" | "hangs")[]) {
  const told: string[] = [];
  const tried: string[] = [];
  const pauses: { milliseconds: number; stop: () => void }[] = [];
  const box = outbox<Entry>(
    {
      async deliver({ id }) {
        tried.push(id);
        const answer = answers.shift() ?? "ok";
        if (answer === "hangs") return new Promise(() => undefined);
        if (answer !== "ok") throw answer;
        return [reply(id)];
      },
      sending: ({ id }) => told.push(`${id} is sent`),
      waits: ({ id }, attempt, said) => told.push(`${id} waits ${attempt} ${said ?? ""}`.trim()),
      taken: ({ id }, messages) => told.push(`${id} taken: ${messages.map((message) => message.id).join()}`),
      refused: ({ id }, { message }) => told.push(`${id} refused: ${message}`),
      over: (_, entries) => told.push(`over with ${entries.map(({ id }) => id).join()}`),
      changed: () => undefined,
    },
    (milliseconds) => {
      let stop: () => void = () => undefined;
      const done = new Promise<void>((resolve) => (stop = resolve));
      pauses.push({ milliseconds, stop });
      return { done, stop };
    },
  );
  return { box, told, tried, pauses };
}

const OFFLINE = new TypeError("Failed to fetch");

describe("a message", () => {
  it("is sent once and taken", async () => {
    const { box, told, tried } = office();
    box.add(entry("a"));
    await settled();
    expect([tried, told, box.entries]).toEqual([["a"], ["a is sent", "a taken: to a"], []]);
  });

  it("is tried again under the same id until it arrives", async () => {
    const { box, told, tried, pauses } = office(OFFLINE, OFFLINE);
    box.add(entry("a"));
    await settled();
    pauses[0]?.stop();
    await settled();
    pauses[1]?.stop();
    await settled();
    expect(tried).toEqual(["a", "a", "a"]);
    expect(told).toEqual(["a is sent", "a waits 0", "a is sent", "a waits 1", "a is sent", "a taken: to a"]);
  });

  it("waits as long as the service asks for", async () => {
    const { box, pauses, told } = office(new Refusal(429, "Too fast.", 40));
    box.add(entry("a"));
    await settled();
    expect([pauses[0]?.milliseconds, told.at(-1)]).toEqual([40_000, "a waits 0 Too fast."]);
  });

  it("is tried at once when nudged", async () => {
    const { box, tried } = office(OFFLINE);
    box.add(entry("a"));
    await settled();
    box.nudge();
    await settled();
    expect(tried).toEqual(["a", "a"]);
  });

  it.each([413, 422, 403, 404])("that the service refuses with %d is given back, and the next one goes on", async (status) => {
    const { box, told } = office(new Refusal(status, "No.", 0));
    box.add(entry("a"));
    box.add(entry("b"));
    await settled();
    expect(told).toEqual(["a is sent", "b is sent", "a refused: No.", "b taken: to b"]);
  });

  it.each([408, 429, 500, 502, 503])("stays when the service says %d", async (status) => {
    const { box } = office(new Refusal(status, undefined, 0));
    box.add(entry("a"));
    await settled();
    expect(box.entries.map(({ id }) => id)).toEqual(["a"]);
  });
});

describe("several messages", () => {
  it("arrive in the order they were written", async () => {
    const { box, tried } = office("ok", OFFLINE);
    for (const id of ["a", "b", "c"]) box.add(entry(id));
    await settled();
    box.nudge();
    await settled();
    expect(tried).toEqual(["a", "b", "b", "c"]);
  });

  it("all say that they wait while the first one does", async () => {
    const { box, told } = office(OFFLINE);
    box.add(entry("a"));
    box.add(entry("b"));
    await settled();
    expect(told.slice(-2)).toEqual(["a waits 0", "b waits 0"]);
  });

  it("are all given back when the chat is over", async () => {
    const { box, told } = office(new Refusal(401, "Over.", 0));
    box.add(entry("a"));
    box.add(entry("b"));
    await settled();
    expect([told.at(-1), box.entries]).toEqual(["over with a,b", []]);
  });
});

describe("a cleared outbox", () => {
  it("drops what arrives for the old chat, and sends what is new", async () => {
    const { box, told, pauses } = office(OFFLINE);
    box.add(entry("a"));
    await settled();
    box.clear();
    box.add(entry("b"));
    await settled();
    pauses[0]?.stop();
    await settled();
    expect(told.filter((line) => line.includes("taken"))).toEqual(["b taken: to b"]);
  });

  it("does not wait for an answer that never comes", async () => {
    const { box, tried } = office("hangs");
    box.add(entry("a"));
    await settled();
    box.clear();
    box.add(entry("b"));
    await settled();
    expect(tried).toEqual(["a", "b"]);
  });
});

describe("the pause before a try", () => {
  it.each([
    [0, 500, 1000],
    [1, 1000, 2000],
    [3, 4000, 8000],
    [5, 15_000, 30_000],
    [50, 15_000, 30_000],
  ])("number %d is between %d and %d ms", (attempt, least, most) => {
    expect([backoff(attempt, () => 0), backoff(attempt, () => 1)]).toEqual([least, most]);
  });
});
