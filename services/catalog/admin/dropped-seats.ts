import { type Kysely, sql } from "kysely";
import { type Clock, every, type Timer } from "../../../platform/clock/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { type ShowtimeId, showtimeId } from "../../../proto/index.ts";
import { answerTo, type Engine } from "../../../platform/engine-client/index.ts";
import { CATALOG, newRid, takenSeats } from "../engine.ts";
import { type HallLayout, seatsOf, type SeatView } from "../layout/hall-layout.ts";
import { SETTLE_SWEEP_EVERY_MS } from "../limits.ts";
import type { SaleKeeper } from "../sale/sale-keeper.ts";
import { readPlan } from "../store/plans.ts";
import type { CatalogTables } from "../store/tables.ts";

interface Options {
  readonly db: Kysely<CatalogTables>;
  readonly engine: Engine;
  readonly keeper: SaleKeeper;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
}

/** A showtime that is not over, and the seats of its plan. */
interface Sale {
  readonly showtime: ShowtimeId;
  /** Those that the hall has. */
  readonly there: readonly SeatView[];
  /** Those that it has no more. */
  readonly gone: readonly SeatView[];
}

/** Labels of lost seats that a refusal names. */
const LABELS_NAMED_MAX = 20;

/**
 * Showtimes keep the plan that they are sold with when their hall gets another. Of that plan the seats that the hall has no more are blocked
 * at the engine, and only they: every command says how a seat is to be, so that any may come again, after whatever went wrong.
 *
 * A hall is unsettled from before the first seat is blocked for its change until what it has is on sale again. Whoever changes it dies in
 * between, or the engine goes away: then a sweep settles it.
 */
export class DroppedSeats {
  readonly #options: Options;
  #sweep: Timer | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    this.#sweep = every(this.#options.clock, SETTLE_SWEEP_EVERY_MS, () => (this.#sweeping = this.#settleAll()));
  }

  async stop(): Promise<void> {
    this.#sweep?.cancel();
    await this.#sweeping;
  }

  /** To be called before the hall is locked for a change, again where it is settled by then, and once more where the change has failed. */
  async unsettle(hallId: string): Promise<void> {
    await this.#options.db.updateTable("hall").set({ settled: false }).where("id", "=", hallId).execute();
  }

  /**
   * Blocks what a hall of this layout has no more, and looks only then who has a seat there: nobody gets one in between.
   * @param db of whoever has locked the hall, unsettled as it is, so that no showtime is added meanwhile
   * @throws Problem CONFLICT when somebody has one | UNAVAILABLE; what is blocked by then `settle` frees
   */
  async block(db: Kysely<CatalogTables>, hallId: string, layout: HallLayout): Promise<void> {
    for (const { showtime, gone } of await this.#sales(db, hallId, layout)) {
      if (gone.length === 0) continue;
      if (!(await this.#tell(db, "block", showtime, gone))) {
        await this.#options.keeper.settle(showtime); // It was made a moment ago: it goes on sale, and is told at once.
        if (!(await this.#tell(db, "block", showtime, gone))) {
          throw new Problem("UNAVAILABLE", "A showtime of the hall is not on sale yet: try again.");
        }
      }
      const taken = await takenSeats(this.#options.engine, showtime);
      if ("code" in taken) throw new Problem(taken.code, taken.message);
      const sold = gone.filter(({ index }) => taken.has(index)).map(({ label }) => label);
      if (sold.length === 0) continue;
      throw new Problem("CONFLICT", "Seats that are sold or being bought would be gone; `labels` names them.", {
        showtimeId: showtime,
        labels: sold.slice(0, LABELS_NAMED_MAX),
      });
    }
  }

  /** Frees what was blocked for a change that did not come about after all, or what the hall has again. */
  async settle(hallId: string): Promise<void> {
    const { db, log } = this.#options;
    try {
      await db.transaction().execute(async (transaction) => {
        const hall = await transaction
          .selectFrom("hall")
          .select(["plan_version", "settled"])
          .where("id", "=", hallId)
          .forNoKeyUpdate() // Nobody blocks seats for another change meanwhile.
          .executeTakeFirst();
        if (hall === undefined || hall.settled) return;
        const { layout } = await readPlan(transaction, hallId, hall.plan_version);
        for (const { showtime, there } of await this.#sales(transaction, hallId, layout)) {
          if (there.length > 0) await this.#tell(transaction, "unblock", showtime, there);
        }
        await transaction.updateTable("hall").set({ settled: true }).where("id", "=", hallId).execute();
      });
    } catch (error) {
      log.warn({ err: error, hall: hallId }, "seats that the hall has may be blocked in its showtimes; trying again");
    }
  }

  async #settleAll(): Promise<void> {
    const { db, log } = this.#options;
    try {
      const halls = await db.selectFrom("hall").select("id").where("settled", "=", false).execute();
      for (const { id } of halls) await this.settle(id);
    } catch (error) {
      log.warn({ err: error }, "halls whose seats may be blocked could not be looked for; trying again");
    }
  }

  async #sales(db: Kysely<CatalogTables>, hallId: string, layout: HallLayout): Promise<Sale[]> {
    const showtimes = await db
      .selectFrom("showtime")
      .select(["id", "plan_version"])
      .where("hall_id", "=", hallId)
      .where("status", "=", "scheduled")
      .where("ends_at", ">", new Date(this.#options.clock.now()))
      .orderBy("starts_at")
      .execute();
    const labels = new Set(Array.from(seatsOf(layout), ({ label }) => label));
    const plans = new Map<number, Omit<Sale, "showtime">>();
    for (const version of new Set(showtimes.map(({ plan_version }) => plan_version))) {
      const seats = [...seatsOf((await readPlan(db, hallId, version)).layout)];
      const isThere = ({ label }: SeatView): boolean => labels.has(label);
      plans.set(version, { there: seats.filter(isThere), gone: seats.filter((seat) => !isThere(seat)) });
    }
    return showtimes.flatMap(({ id, plan_version: version }) => {
      const plan = plans.get(version);
      return plan === undefined ? [] : [{ showtime: showtimeId(id), ...plan }];
    });
  }

  /**
   * @param db of whoever has locked the hall: one whose connection broke has it no more, and what it would tell may be wrong by now. To be
   * asked keeps PostgreSQL from taking a long change for one that hangs, too.
   * @returns false when the engine does not know the showtime
   */
  async #tell(
    db: Kysely<CatalogTables>,
    type: "block" | "unblock",
    showtime: ShowtimeId,
    seats: readonly SeatView[],
  ): Promise<boolean> {
    const { engine, random } = this.#options;
    await sql`select`.execute(db);
    const indexes = seats.map(({ index }) => index);
    const reply = await answerTo(engine, { type, showtime, holder: CATALOG, rid: newRid(random), seats: indexes });
    if (reply.type !== "refused") return true;
    if (reply.code === "NOT_FOUND") return false;
    if (reply.code === "SALE_CLOSED") return true; // It is archived: nobody buys there.
    throw new Problem(reply.code, reply.message);
  }
}
