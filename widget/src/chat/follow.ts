import { events, isOver, type Refusal } from "./api";
import { backoff, pause } from "./backoff";
import { messageIds } from "./events";

/**
 * Follows what is new in a conversation, from staff or from another tab, until the returned function is called. `caughtUp` is called
 * each time the line is open, since something may have been said before; `heard` with each message's id; `failed` when it cannot be opened.
 */
export function follow(
  token: string,
  caughtUp: () => Promise<void>,
  heard: (id: string) => void,
  over: (refusal: Refusal) => void,
  failed: () => void,
): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const run = async (): Promise<void> => {
    for (let attempt = 0; !signal.aborted; attempt += 1) {
      try {
        const { body } = await events(token, signal);
        await caughtUp();
        attempt = 0;
        if (body) for await (const id of messageIds(body)) heard(id);
      } catch (error) {
        if (signal.aborted) return;
        if (isOver(error)) return over(error);
        failed();
      }
      await pause(backoff(attempt)).done;
    }
  };
  void run();
  return () => stop.abort();
}
