import { type Kysely, type Selectable, sql } from "kysely";
import { type Bus, isAway } from "../../../platform/bus/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { type Command, ERRORS, type Refusal, showtimeId } from "../../../proto/index.ts";
import { WAS_BOOKED } from "../../../proto/services/index.ts";
import { answerTo, type Engine } from "../../../platform/engine-client/index.ts";
import { CATALOG, newRid, takenSeats } from "../engine.ts";
import { hallPlanOf } from "../layout/hall-plan.ts";
import { BOOKINGS_ASKED_WITHIN_MS, TELL_ATTEMPTS_MAX } from "../limits.ts";
import type { HallVersion } from "../store/plans.ts";
import type { CatalogTables, ShowtimeTable } from "../store/tables.ts";

export interface TellerOptions {
  readonly db: Kysely<CatalogTables>;
  readonly engine: Engine;
  readonly bus: Bus;
  readonly random: RandomBytes;
  readonly log: Logger;
  /** Called when a showtime that was deleted has gone. */
  readonly removed: () => void;
}

/** What the engine may have to be told of a showtime. */
export const SALE = [
  "id",
  "hall_id",
  "plan_version",
  "sales_start_at",
  "sales_end_at",
  "ends_at",
  "status",
  "removing",
  "version",
  "engine_version",
] as const satisfies readonly (keyof ShowtimeTable)[];
export type Sale = Pick<Selectable<ShowtimeTable>, (typeof SALE)[number]>;

/** How telling the engine went: it knows; it may soon, or bookings may answer; it never will; or the row has changed meanwhile. */
type Outcome = "told" | "again" | "refused" | "changed";

/** Tells the engine how one sale is to be, and its row what the engine knows by that. */
export class SaleTeller {
  readonly #options: TellerOptions;

  constructor(options: TellerOptions) {
    this.#options = options;
  }

  /** @returns false when it has to be tried again soon */
  async bringInLine(sale: Sale, plan: () => Promise<HallVersion>): Promise<boolean> {
    const { db } = this.#options;
    let next: Sale | undefined = sale;
    for (let attempt = 0; next !== undefined && attempt < TELL_ATTEMPTS_MAX; attempt++) {
      if (next.engine_version === next.version) return true;
      const outcome = await this.#tell(next, plan);
      if (outcome !== "changed") return outcome !== "again";
      next = await db.selectFrom("showtime").select(SALE).where("id", "=", sale.id).executeTakeFirst();
    }
    return next === undefined && this.#closeDeleted(sale);
  }

  /**
   * Another has deleted the row while the engine was told of it: what has come to be on sale by that is in no catalogue. There is
   * nothing left by which it could be tried again later.
   */
  async #closeDeleted(sale: Sale): Promise<boolean> {
    const refusal = await this.#close(sale);
    if (refusal !== undefined) this.#refused(sale, refusal);
    return true;
  }

  async #tell(sale: Sale, plan: () => Promise<HallVersion>): Promise<Outcome> {
    const refusal = sale.status === "cancelled" ? await this.#close(sale) : await this.#openOrAmend(sale, await plan());
    if (refusal?.code === "SALE_CLOSED") {
      this.#options.log.warn(
        { showtime: sale.id },
        "a showtime that is archived cannot be changed: it stays in the books as it is",
      );
      return this.#remember(sale);
    }
    if (refusal !== undefined) return this.#refused(sale, refusal);
    if (sale.removing) {
      // It is closed: nobody can hold a seat any more who has none now.
      const taken = await takenSeats(this.#options.engine, showtimeId(sale.id));
      if ("code" in taken) return this.#refused(sale, taken);
      // Only now: whoever has no seat by then can book none any more.
      const booked = taken.size > 0 || (await this.#wasBooked(sale));
      if (booked === undefined) return "again";
      if (!booked) return this.#remove(sale);
    }
    return this.#remember(sale);
  }

  async #openOrAmend(sale: Sale, plan: HallVersion): Promise<Refusal | undefined> {
    const rules = {
      salesStartAt: sale.sales_start_at.getTime(),
      salesEndAt: sale.sales_end_at.getTime(),
      showEndsAt: sale.ends_at.getTime(),
      orphan: plan.orphan,
      accessibleRelease: plan.accessibleRelease,
      version: sale.version,
    };
    if (sale.engine_version > 0) {
      const refusal = await this.#ask({ type: "amend", ...this.#addressed(sale), rules });
      if (refusal?.code !== "NOT_FOUND") return refusal;
    }
    return this.#ask({ type: "open", ...this.#addressed(sale), plan: hallPlanOf(plan.layout), rules });
  }

  async #close(sale: Sale): Promise<Refusal | undefined> {
    const refusal = await this.#ask({ type: "close", ...this.#addressed(sale) });
    return refusal?.code === "NOT_FOUND" ? undefined : refusal; // Never opened.
  }

  #addressed(sale: Sale) {
    return { showtime: showtimeId(sale.id), holder: CATALOG, rid: newRid(this.#options.random) };
  }

  async #ask(command: Command): Promise<Refusal | undefined> {
    const reply = await answerTo(this.#options.engine, command);
    return reply.type === "refused" ? reply : undefined;
  }

  #refused(sale: Sale, refusal: Refusal): Outcome {
    const { retryable } = ERRORS[refusal.code];
    this.#options.log[retryable ? "info" : "error"](
      { showtime: sale.id, refusal },
      "the engine did not take a showtime's sale",
    );
    return retryable ? "again" : "refused";
  }

  /** Then it stays: bookings name it alone, and whoever keeps the books asks for its film, hall and day. Undefined while nobody knows. */
  async #wasBooked({ id }: Sale): Promise<boolean | undefined> {
    const { bus, log } = this.#options;
    try {
      const timing = { timeoutMs: BOOKINGS_ASKED_WITHIN_MS };
      return (await bus.request(WAS_BOOKED, { showtimeId: id }, timing)).booked;
    } catch (error) {
      if (!isAway(error)) throw error;
      log.info({ showtime: id, err: error }, "whether a showtime was booked is not known; asking again");
      return undefined;
    }
  }

  async #remove(sale: Sale): Promise<Outcome> {
    const { db, removed } = this.#options;
    const { numDeletedRows } = await db
      .deleteFrom("showtime")
      .where("id", "=", sale.id)
      .where("version", "=", sale.version)
      .executeTakeFirst();
    if (numDeletedRows === 0n) return "changed";
    removed();
    return "told";
  }

  /**
   * Only if nobody else has told the engine anything since the row was read: of two commands that were under way at once nobody knows
   * which came last, so the engine is told again then.
   */
  async #remember(sale: Sale): Promise<Outcome> {
    const { db } = this.#options;
    const remembered = await db
      .updateTable("showtime")
      .set({ engine_version: sale.version, removing: sql<boolean>`removing and version <> ${sale.version}` })
      .where("id", "=", sale.id)
      .where("engine_version", "=", sale.engine_version)
      .returning("version")
      .executeTakeFirst();
    if (remembered !== undefined) return remembered.version === sale.version ? "told" : "changed";
    await db
      .updateTable("showtime")
      .set({ engine_version: 0 })
      .where("id", "=", sale.id)
      .where("engine_version", "<>", sale.version)
      .execute();
    return "changed";
  }
}
