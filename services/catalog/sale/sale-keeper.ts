/**
 * Keeps the engine's sales in line with the catalogue: it says when to look for what the engine does not know, and `SaleTeller` tells it.
 * What an admin changes is a row first, with a version; the engine is told of it by a command that may be repeated, and the row then says
 * which version the engine knows. A crash in between repeats the command.
 */
import type { Clock, Timer } from "../../../platform/clock/index.ts";
import { TELL_RETRY_AFTER_MS, TELL_SWEEP_EVERY_MS, TELLING_AT_ONCE } from "../limits.ts";
import { SALE, type Sale, SaleTeller, type TellerOptions } from "./sale-teller.ts";
import { type HallVersion, readPlan } from "../store/plans.ts";

interface Options extends TellerOptions {
  readonly clock: Clock;
}

export class SaleKeeper {
  /** Settles when the engine knows everything that was to be told at the start, when it is away, or when the keeper is stopped. */
  readonly firstPass: Promise<void>;
  readonly #options: Options;
  readonly #teller: SaleTeller;
  #firstPassDone: () => void = () => {};
  #running: Promise<void> | undefined;
  #again = false;
  #timer: Timer | undefined;
  #retryMs = TELL_RETRY_AFTER_MS;
  #stopped = false;

  constructor(options: Options) {
    this.#options = options;
    this.#teller = new SaleTeller(options);
    this.firstPass = new Promise((resolve) => (this.#firstPassDone = resolve));
  }

  /** Looks for what the engine does not know now, and from then on now and then. */
  wake(): void {
    if (this.#stopped) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#timer?.cancel();
    this.#again = false;
    this.#running = this.#pass().then((delayMs) => {
      this.#running = undefined;
      if (this.#again) return this.wake();
      if (!this.#stopped) this.#timer = this.#options.clock.after(delayMs, () => this.wake());
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#firstPassDone();
    await this.#running;
  }

  /**
   * Tells the engine of one showtime now, so that whoever changed it finds the change in force. An engine that is away hears of it
   * later: the row is what counts.
   */
  async settle(id: string): Promise<void> {
    const { db, log } = this.#options;
    try {
      const sale = await db.selectFrom("showtime").select(SALE).where("id", "=", id).executeTakeFirst();
      if (sale !== undefined && (await this.#teller.bringInLine(sale, () => this.#planOf(sale)))) return;
    } catch (error) {
      log.warn({ err: error, showtime: id }, "the engine could not be told of a change; trying again");
    }
    this.wake();
  }

  /** @returns how long to wait before the next */
  async #pass(): Promise<number> {
    const { log } = this.#options;
    try {
      if (await this.#tellAll()) {
        this.#retryMs = TELL_RETRY_AFTER_MS;
        this.#firstPassDone();
        return TELL_SWEEP_EVERY_MS;
      }
    } catch (error) {
      log.warn({ err: error }, "the engine could not be told of the showtimes; trying again");
    }
    const delayMs = this.#retryMs;
    this.#retryMs = Math.min(2 * delayMs, TELL_SWEEP_EVERY_MS);
    return delayMs;
  }

  /** @returns false when some have to be tried again soon */
  async #tellAll(): Promise<boolean> {
    const queue = await this.#untold();
    const plans = new Map<string, Promise<HallVersion>>();
    let complete = true;
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined && !this.#stopped; next = queue.shift()) {
        const sale = next;
        const key = `${sale.hall_id} ${sale.plan_version}`;
        const plan = () => {
          const known = plans.get(key) ?? this.#planOf(sale);
          plans.set(key, known);
          return known;
        };
        if (await this.#teller.bringInLine(sale, plan)) continue;
        complete = false;
        this.#firstPassDone(); // Nobody waits for an engine that is away.
      }
    };
    await Promise.all(Array.from({ length: TELLING_AT_ONCE }, worker));
    return complete && !this.#stopped;
  }

  /** Those that people wait for come first. What was over before the engine ever heard of it is left alone. */
  #untold(): Promise<Sale[]> {
    return this.#options.db
      .selectFrom("showtime")
      .select(SALE)
      .whereRef("engine_version", "<>", "version")
      .where(({ or, eb }) =>
        or([
          eb("engine_version", ">", 0),
          eb("status", "=", "cancelled"),
          eb("sales_end_at", ">", new Date(this.#options.clock.now())),
        ]),
      )
      .orderBy("premiere", "desc")
      .orderBy("starts_at")
      .execute();
  }

  #planOf(sale: Sale): Promise<HallVersion> {
    return readPlan(this.#options.db, sale.hall_id, sale.plan_version);
  }
}
