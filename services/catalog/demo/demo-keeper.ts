import type { Kysely } from "kysely";
import { type Clock, every, type Timer } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { DEMO_REFRESH_EVERY_MS } from "../limits.ts";
import type { CatalogTables } from "../store/tables.ts";
import { loadDemo, refreshDemo } from "./demo-catalogue.ts";

interface Options {
  readonly db: Kysely<CatalogTables>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when there are new showtimes. */
  readonly added: () => void;
}

/** Keeps the demo going for as long as somebody runs it: its programme ends a week ahead, whatever the day. */
export class DemoKeeper {
  readonly #options: Options;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @returns whether the demo was loaded just now */
  async start(): Promise<boolean> {
    const { db, clock, log } = this.#options;
    const first = await loadDemo(db, clock);
    if (first) log.info("the demo catalogue is loaded");
    await this.#refresh();
    if (!this.#stopped) this.#timer = every(clock, DEMO_REFRESH_EVERY_MS, () => (this.#running = this.#refresh()));
    return first;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #refresh(): Promise<void> {
    const { db, clock, log, added } = this.#options;
    try {
      if (await refreshDemo(db, clock)) added();
    } catch (error) {
      log.warn({ err: error }, "the demo's programme could not be made; trying again tomorrow");
    }
  }
}
