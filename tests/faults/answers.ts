/** When each showtime last gave anybody an answer, and for how long it gave none. */
export class Answers {
  total = 0;
  readonly #showtimes = new Map<string, { lastAt: number; longestMs: number; isSilent: boolean }>();

  note(showtime: string): void {
    this.total++;
    const now = performance.now();
    const one = this.#showtimes.get(showtime);
    if (one === undefined) {
      this.#showtimes.set(showtime, { lastAt: now, longestMs: 0, isSilent: false });
      return;
    }
    one.longestMs = Math.max(one.longestMs, now - one.lastAt);
    one.lastAt = now;
    one.isSilent = false;
  }

  /** From here on only what comes counts. */
  forget(): void {
    const now = performance.now();
    for (const one of this.#showtimes.values()) Object.assign(one, { longestMs: 0, lastAt: now, isSilent: true });
  }

  /** Whether every showtime has given an answer since. */
  get isComplete(): boolean {
    return [...this.#showtimes.values()].every(({ isSilent }) => !isSilent);
  }

  /** The longest time without an answer, in milliseconds; that which has not ended yet too. */
  longestMs(showtime: string): number {
    const one = this.#showtimes.get(showtime);
    return one === undefined ? 0 : Math.max(one.longestMs, performance.now() - one.lastAt);
  }
}

/** The smallest value that this share of all do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0;
}
