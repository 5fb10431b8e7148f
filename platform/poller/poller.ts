import { type Clock, Wakeable } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";

interface Options {
  readonly clock: Clock;
  readonly log: Logger;
  /** Completes the log line "... failed". */
  readonly what: string;
  /** How often it looks when nobody nudges, milliseconds. */
  readonly everyMs: number;
  /** Whether it rests for as long before its first look too; without, it looks at its start. */
  readonly restsFirst?: boolean;
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
    const { log, what, everyMs, restsFirst = false, work } = this.#options;
    let isDue = !restsFirst;
    while (!this.#stopped) {
      if (isDue || this.#wanted) {
        this.#wanted = false;
        isDue = await work().catch((err: unknown) => {
          log.warn({ err }, `${what} failed`);
          return false;
        });
      } else {
        await this.#rest.wait(everyMs);
        isDue = true;
      }
    }
  }
}
