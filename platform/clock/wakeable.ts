import type { Clock } from "./clock.ts";

/** Waits that somebody else may end early. One at a time; a wake while nobody waits is forgotten. */
export class Wakeable {
  readonly #clock: Clock;
  #end: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Settles after `ms`, or when woken. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(ms, resolve);
      this.#end = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  wake(): void {
    this.#end();
  }
}
