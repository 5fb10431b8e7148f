import type { Clock, Timer } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";

export interface LoopOptions {
  /** For the log: "polling payments". */
  readonly what: string;
  /** How long it rests when there was nothing (more) to do. */
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** @returns whether there may be more to do at once */
  work(): Promise<boolean>;
}

/** Work that is looked for now and then, and at once when somebody knows of some. One pass runs at a time. */
export class Loop {
  readonly #options: LoopOptions;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = true;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    this.nudge();
  }

  /** There is something to do now. */
  nudge(): void {
    this.#again = true;
    if (this.#stopped || this.#running) return;
    this.#timer?.cancel();
    this.#running = this.#run();
  }

  /** Settles when the pass under way is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { what, everyMs, clock, log, work } = this.#options;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        if (await work()) this.#again = true;
      } catch (error) {
        if (!this.#stopped) log.warn({ err: error }, `${what} failed; trying again`);
      }
    }
    this.#running = undefined;
    if (!this.#stopped) this.#timer = clock.after(everyMs, () => this.nudge());
  }
}
