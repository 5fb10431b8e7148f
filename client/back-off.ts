/**
 * Full jitter: a random wait below a ceiling that doubles with every attempt, so that all the clients that
 * lost the same server do not come back at the same moment.
 * Source: Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
 *
 * @param attempt 0 for the first wait.
 * @param random in [0, 1).
 * @returns milliseconds.
 */
export function fullJitterMs(attempt: number, baseMs: number, maxMs: number, random: () => number): number {
  return random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
}
