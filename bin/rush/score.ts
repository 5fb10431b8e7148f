/** What the buyers lived through together. */
export class Score {
  holds = 0;
  seats = 0;
  extensions = 0;
  releases = 0;
  expired = 0;
  lost = 0;
  readonly refusals = new Map<string, number>();
  readonly #latenciesMs: number[] = [];

  refused(code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
  }

  took(ms: number): void {
    this.#latenciesMs.push(ms);
  }

  get refusalCount(): number {
    let sum = 0;
    for (const count of this.refusals.values()) sum += count;
    return sum;
  }

  /** Milliseconds that this share (0 to 1) of the answers took at most; 0 without answers. */
  percentile(share: number): number {
    const sorted = Float64Array.from(this.#latenciesMs).sort();
    return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  }
}
