/**
 * Has the engine sell every showtime of the catalogue: each is opened by a command that can be repeated, and marked once the
 * engine has said so. A crash in between repeats the command, and the engine gives its first answer again.
 */
import type { Kysely } from "kysely";
import type { Clock, Timer } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { type Command, ERRORS, holderId, type Reply, type RequestId, showtimeId } from "../../proto/index.ts";
import { hallPlanOf } from "./layout/hall-plan.ts";
import { OPEN_RETRY_AFTER_MS, OPEN_SWEEP_EVERY_MS, OPENINGS_AT_ONCE } from "./limits.ts";
import { type HallVersion, readPlan } from "./store/plans.ts";
import type { CatalogTables } from "./store/tables.ts";

interface Options {
  readonly db: Kysely<CatalogTables>;
  readonly engine: { ask(command: Command): Promise<Reply> };
  readonly clock: Clock;
  readonly log: Logger;
}

interface Unopened {
  readonly id: string;
  readonly hall_id: string;
  readonly plan_version: number;
  readonly sales_start_at: Date;
  readonly sales_end_at: Date;
}

const CATALOG = holderId("catalog");

export class ShowtimeOpener {
  /** Settles when every showtime that was to be opened at the start is, or when the opener is stopped. */
  readonly firstPass: Promise<void>;
  readonly #options: Options;
  #firstPassDone: () => void = () => {};
  #running: Promise<void> | undefined;
  #again = false;
  #timer: Timer | undefined;
  #retryMs = OPEN_RETRY_AFTER_MS;
  #stopped = false;

  constructor(options: Options) {
    this.#options = options;
    this.firstPass = new Promise((resolve) => (this.#firstPassDone = resolve));
  }

  /** Looks for showtimes to open now, and from then on now and then. Call it when one was created. */
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

  /** @returns how long to wait before the next */
  async #pass(): Promise<number> {
    const { log } = this.#options;
    try {
      if (await this.#openAll()) {
        this.#retryMs = OPEN_RETRY_AFTER_MS;
        this.#firstPassDone();
        return OPEN_SWEEP_EVERY_MS;
      }
    } catch (error) {
      log.warn({ err: error }, "showtimes could not be opened; trying again");
    }
    const delayMs = this.#retryMs;
    this.#retryMs = Math.min(2 * delayMs, OPEN_SWEEP_EVERY_MS);
    return delayMs;
  }

  /** @returns false when some have to be tried again soon */
  async #openAll(): Promise<boolean> {
    const queue = await this.#unopened();
    const plans = new Map<string, Promise<HallVersion>>();
    let complete = true;
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined && !this.#stopped; next = queue.shift()) {
        const key = `${next.hall_id} ${next.plan_version}`;
        const plan = plans.get(key) ?? readPlan(this.#options.db, next.hall_id, next.plan_version);
        plans.set(key, plan);
        complete = (await this.#open(next, await plan)) && complete;
      }
    };
    await Promise.all(Array.from({ length: OPENINGS_AT_ONCE }, worker));
    return complete && !this.#stopped;
  }

  /** Those that people wait for come first. What is no longer sold is left alone. */
  #unopened(): Promise<Unopened[]> {
    return this.#options.db
      .selectFrom("showtime")
      .select(["id", "hall_id", "plan_version", "sales_start_at", "sales_end_at"])
      .where("opened_at", "is", null)
      .where("status", "=", "scheduled")
      .where("sales_end_at", ">", new Date(this.#options.clock.now()))
      .orderBy("premiere", "desc")
      .orderBy("starts_at")
      .execute();
  }

  /** @returns false when it has to be tried again soon */
  async #open(showtime: Unopened, plan: HallVersion): Promise<boolean> {
    const { db, engine, clock, log } = this.#options;
    const reply = await engine.ask(openCommand(showtime, plan));
    if (reply.type === "refused") {
      log[ERRORS[reply.code].retryable ? "info" : "error"](
        { showtime: showtime.id, reply },
        "a showtime was not opened",
      );
      return !ERRORS[reply.code].retryable;
    }
    await db
      .updateTable("showtime")
      .set({ opened_at: new Date(clock.now()) })
      .where("id", "=", showtime.id)
      .where("opened_at", "is", null)
      .execute();
    return true;
  }
}

const openCommand = (showtime: Unopened, plan: HallVersion): Command => ({
  type: "open",
  showtime: showtimeId(showtime.id),
  holder: CATALOG,
  rid: `open-${showtime.plan_version}-${showtime.id}` as RequestId, // At most 56 characters: the tables bound both.
  plan: hallPlanOf(plan.layout),
  rules: {
    salesStartAt: showtime.sales_start_at.getTime(),
    salesEndAt: showtime.sales_end_at.getTime(),
    orphan: plan.orphan,
    accessibleRelease: plan.accessibleRelease,
  },
});
