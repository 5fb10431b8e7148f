/**
 * Full jitter: a random wait below a ceiling that doubles with every attempt, so that a hundred thousand clients that lost
 * the same server do not come back in the same second.
 * Source: Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
 *
 * @param attempt 0 for the first wait.
 * @param random in [0, 1).
 * @returns milliseconds.
 */
export function fullJitterMs(attempt: number, baseMs: number, maxMs: number, random: () => number): number {
  return random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
}
