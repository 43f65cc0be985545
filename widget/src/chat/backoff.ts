/** Milliseconds to wait before try number `attempt` (0 is the first repeat): doubling, at most 30 s, spread so that clients part. */
export const backoff = (attempt: number, random: () => number = Math.random): number =>
  Math.min(30_000, 1000 * 2 ** attempt) * (0.5 + random() / 2);

/** `done` resolves after so many milliseconds, or when `stop` is called. */
export function pause(milliseconds: number): { done: Promise<void>; stop: () => void } {
  let stop: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    stop = resolve;
    setTimeout(resolve, milliseconds);
  });
  return { done, stop };
}
