import type { Body, Message } from "../wire";
import { isFinal, isOver, Refusal } from "./api";
import { backoff, pause } from "./backoff";

/** A message on its way. `id` stays the same over every try, so that the service takes it once. */
export interface Entry {
  id: string;
  body: Body;
  /** What the patient sees of it, and what the service's history will show. */
  shown: string;
}

export interface Deliveries<Sent extends Entry> {
  deliver(entry: Sent): Promise<Message[]>;
  sending(entry: Sent): void;
  /** It was not taken; it will be tried again. `said` is the service's own sentence about that. */
  waits(entry: Sent, attempt: number, said?: string): void;
  taken(entry: Sent, messages: Message[]): void;
  /** It will never be taken as it is. */
  refused(entry: Sent, refusal: Refusal): void;
  /** The conversation has ended; these were not taken. */
  over(refusal: Refusal, entries: Sent[]): void;
  /** What waits has changed. */
  changed(): void;
}

export interface Outbox<Sent extends Entry> {
  /** What the service has not answered, oldest first. */
  readonly entries: Sent[];
  add(entry: Sent): void;
  /** Tries at once what waits for its next try. */
  nudge(): void;
  /** Drops everything, as when the chat is forgotten. */
  clear(): void;
}

/** Messages in the order they were written, each sent until the service answers it or says no. Nothing is dropped in silence. */
export function outbox<Sent extends Entry>(to: Deliveries<Sent>, wait = pause): Outbox<Sent> {
  const entries: Sent[] = [];
  let running = false;
  let nudge: () => void = () => undefined;
  /** Counts clearings; what belongs to an older round is dropped when it arrives. */
  let round = 0;

  function clear(): void {
    round += 1;
    running = false;
    entries.length = 0;
    nudge();
    to.changed();
  }

  function done(): void {
    entries.shift();
    to.changed();
  }

  async function run(): Promise<void> {
    const mine = round;
    running = true;
    for (let attempt = 0, entry = entries[0]; entry; entry = entries[0]) {
      try {
        const messages = await to.deliver(entry);
        if (mine !== round) return;
        attempt = 0;
        done();
        to.taken(entry, messages);
      } catch (error) {
        if (mine !== round) return;
        const refusal = error instanceof Refusal ? error : null;
        if (isOver(error)) {
          const left = [...entries];
          clear();
          return to.over(error, left);
        }
        if (refusal && isFinal(refusal)) {
          done();
          to.refused(entry, refusal);
          continue;
        }
        for (const waiting of entries) to.waits(waiting, attempt, refusal?.said);
        const pausing = wait(Math.max(backoff(attempt), (refusal?.seconds ?? 0) * 1000));
        nudge = pausing.stop;
        await pausing.done;
        if (mine !== round) return;
        attempt += 1;
        for (const waiting of entries) to.sending(waiting);
      }
    }
    running = false;
  }

  return {
    entries,
    add(entry) {
      entries.push(entry);
      to.changed();
      to.sending(entry);
      if (!running) void run();
    },
    nudge: () => nudge(),
    clear,
  };
}
