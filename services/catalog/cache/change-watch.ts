import type { Clock } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { Poller } from "../../../platform/poller/index.ts";
import { CHANGE_LOOK_EVERY_MS } from "../limits.ts";

/** Something that all services see, and that is another after each change. Both answer soon or not at all. */
export interface ChangeMark {
  /** @throws where it cannot be had just now */
  renew(): Promise<void>;
  /** @throws where it cannot be had just now */
  read(): Promise<string | null>;
}

interface Options {
  readonly mark: ChangeMark;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when somebody has changed something; it may be known already. */
  readonly changed: () => void;
}

/**
 * Looks every now and then whether the catalogue has changed. Word of each change comes over the bus at once, but the bus may lose it.
 * Where the mark cannot be had, what was read still ages by itself.
 */
export class ChangeWatch {
  readonly #options: Options;
  readonly #poller: Poller;
  #seen: string | null = null;

  constructor(options: Options) {
    const { clock, log } = options;
    this.#options = options;
    this.#poller = new Poller({
      clock,
      log,
      what: "looking for changes of the catalogue",
      everyMs: CHANGE_LOOK_EVERY_MS,
      work: () => this.#look(),
    });
  }

  start(): void {
    this.#poller.start();
  }

  async stop(): Promise<void> {
    await this.#poller.stop();
  }

  /** There was a change here. */
  renew(): void {
    this.#options.mark.renew().catch(() => undefined);
  }

  async #look(): Promise<boolean> {
    const mark = await this.#options.mark.read().catch(() => this.#seen);
    if (mark !== this.#seen) this.#options.changed();
    this.#seen = mark;
    return false;
  }
}
