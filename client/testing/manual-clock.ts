import type { ClientClock, ClientTimer } from "../clock.ts";

/** Time that passes when a test says so. */
export class ManualClock implements ClientClock {
  readonly #timers = new Set<{ at: number; readonly callback: () => void }>();
  #now = 0;

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): ClientTimer {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** The machine sleeps: time passes, and every timer is that much late. */
  sleep(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers) timer.at += ms;
  }

  /** Calls what comes due on the way, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = due.at;
      due.callback();
    }
    this.#now = end;
  }
}
