import { type Clock, Wakeable } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";

interface Options {
  readonly clock: Clock;
  readonly log: Logger;
  /** Completes the log line "... failed". */
  readonly what: string;
  /** How often it looks when nobody nudges, milliseconds. */
  readonly everyMs: number;
  /** One look. @returns whether there may be more to do at once */
  work(): Promise<boolean>;
}

/** Looks for work at once after a start or a nudge, and now and then by itself; one look at a time. */
export class Poller {
  readonly #options: Options;
  readonly #rest: Wakeable;
  #stopped = false;
  #wanted = false;
  #running: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#rest = new Wakeable(options.clock);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** There is something to do. */
  nudge(): void {
    this.#wanted = true;
    this.#rest.wake();
  }

  /** Settles when the look that is under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#rest.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { log, what, everyMs, work } = this.#options;
    while (!this.#stopped) {
      this.#wanted = false;
      const more = await work().catch((err: unknown) => {
        log.warn({ err }, `${what} failed`);
        return false;
      });
      if (!more && !this.#wanted && !this.#stopped) await this.#rest.wait(everyMs);
    }
  }
}
