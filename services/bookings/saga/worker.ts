import type { Clock, Timer } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { ADVANCING_MAX, POLL_EVERY_MS } from "../limits.ts";
import type { BookingStore } from "../store/store.ts";
import type { Saga } from "./saga.ts";

interface Options {
  readonly store: BookingStore;
  readonly saga: Saga;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Finishes what is due: what waited for its time, what others could not be asked for, and what a crash left open. */
export class Worker {
  readonly #options: Options;
  #timer: Timer | undefined;
  #polling: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    this.#polling = this.#poll();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#polling;
  }

  async #poll(): Promise<void> {
    const { store, saga, clock, log } = this.#options;
    try {
      const room = Math.max(0, ADVANCING_MAX - saga.advancing);
      const due = room > 0 ? await store.claimDue(room, clock.now()) : [];
      for (const leased of due) void saga.advance(leased);
    } catch (error) {
      log.warn({ err: error }, "bookings that are due could not be read");
    }
    if (this.#stopped) return;
    this.#timer = clock.after(POLL_EVERY_MS, () => this.start());
  }
}
