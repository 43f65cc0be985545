/** Whether a chat last used at `at` is over by `now` on a computer that others use too. All in milliseconds. */
export const hasLapsed = (at: number, minutes: number | null, now: number): boolean =>
  minutes !== null && now - at >= minutes * 60_000;

/** Seconds between the warning and the end. */
export const WARNING = 60;

/**
 * Once a second: `left` is told the seconds that are left in the last minute of `minutes` after `last()`, and 0 when the time is up.
 * Clocks, not counts: a computer that slept is not given its sleep as time.
 */
export function watchIdle(minutes: number, last: () => number, left: (seconds: number) => void): void {
  setInterval(() => {
    const seconds = Math.ceil((last() - Date.now()) / 1000) + minutes * 60;
    if (seconds <= WARNING) left(Math.max(0, seconds));
  }, 1000);
}
