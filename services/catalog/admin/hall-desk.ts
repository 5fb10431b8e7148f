import { isDeepStrictEqual } from "node:util";
import type { Transaction } from "kysely";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import type { HallPlanView, NewHall } from "../../../proto/rest/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import { layoutOf } from "../layout/hall-drawing.ts";
import { UnbuildableHall } from "../layout/layout-builder.ts";
import { CLEANING_MINUTES_DEFAULT } from "../limits.ts";
import { readHall } from "../store/halls.ts";
import { type HallVersion, insertPlan, readPlan, redraw } from "../store/plans.ts";
import type { CatalogTables } from "../store/tables.ts";
import type { Changes } from "./changes.ts";
import type { DroppedSeats } from "./dropped-seats.ts";
import { type Expected, requireExpected } from "./expected-version.ts";
import { known } from "../known.ts";

interface Options {
  readonly changes: Changes;
  readonly dropped: DroppedSeats;
  readonly random: RandomBytes;
}

export class HallDesk {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @throws Problem BAD_MESSAGE naming the field that cannot be built */
  async create(input: NewHall): Promise<HallPlanView> {
    const { changes, random } = this.#options;
    const plan = planOf(input);
    return changes.run(async (transaction) => {
      await requireCinema(transaction, input.cinemaId);
      const id = newId("ha", random);
      await transaction
        .insertInto("hall")
        .values({ id, cinema_id: input.cinemaId, plan_version: 1, ...columnsOf(input) })
        .execute();
      await insertPlan(transaction, id, 1, plan);
      return known("hall", await readHall(transaction, id));
    });
  }

  /**
   * Another layout is another version of the plan: showtimes that are there keep the one that they are sold with, but for the seats that are
   * gone, and new ones get this. Whoever has a ticket, or is about to buy one, finds the seat there.
   *
   * @throws Problem NOT_FOUND | CONFLICT also when a seat would go that somebody has a ticket for | BAD_MESSAGE | UNAVAILABLE
   */
  async change(id: string, input: NewHall, expected: Expected): Promise<HallPlanView> {
    const { dropped } = this.#options;
    const plan = planOf(input);
    try {
      for (;;) {
        await dropped.unsettle(id);
        const changed = await this.#changeUnsettled(id, input, plan, expected);
        if (changed !== undefined) return changed;
      }
    } catch (error) {
      // Where the connection broke, the hall was locked no more, and may have been settled before its last seat was blocked.
      await dropped.unsettle(id);
      throw error;
    } finally {
      await dropped.settle(id);
    }
  }

  /** @returns undefined where somebody has settled the hall again before it was locked */
  #changeUnsettled(
    id: string,
    input: NewHall,
    plan: HallVersion,
    expected: Expected,
  ): Promise<HallPlanView | undefined> {
    const { changes, dropped } = this.#options;
    return changes.run(async (transaction) => {
      const { hall, settled } = await lockHall(transaction, id);
      requireExpected(expected, hall);
      if (input.cinemaId !== hall.cinemaId) throw new Problem("CONFLICT", "A hall stays in its cinema.");
      if (settled) return undefined;
      const present = await readPlan(transaction, id, hall.planVersion);
      const same = isDeepStrictEqual({ ...plan, drawing: null }, { ...present, drawing: null });
      const planVersion = hall.planVersion + (same ? 0 : 1);
      if (same) await redraw(transaction, id, planVersion, plan.drawing);
      else {
        await dropped.block(transaction, id, plan.layout);
        await insertPlan(transaction, id, planVersion, plan);
      }
      await transaction
        .updateTable("hall")
        .set({ ...columnsOf(input), plan_version: planVersion, version: hall.version + 1 })
        .where("id", "=", id)
        .execute();
      return known("hall", await readHall(transaction, id));
    });
  }

  /** @throws Problem NOT_FOUND | CONFLICT when it has showtimes, or somebody has changed it meanwhile */
  remove(id: string, ifMatch: string | undefined): Promise<void> {
    return this.#options.changes.run(async (transaction) => {
      requireExpected({ ifMatch }, (await lockHall(transaction, id)).hall);
      await transaction.deleteFrom("hall").where("id", "=", id).execute();
    });
  }
}

const columnsOf = ({ name, cleaningMinutes = CLEANING_MINUTES_DEFAULT }: NewHall) => ({
  name,
  cleaning_minutes: cleaningMinutes,
});

/** @throws Problem BAD_MESSAGE */
function planOf({ orphanRule = "none", accessibleRelease, categories, sections }: NewHall): HallVersion {
  const { when, minutes } = accessibleRelease ?? { when: "always" };
  if ((when === "before-end") !== (minutes !== undefined)) {
    throw badField("accessibleRelease.minutes", 'minutes are given with "before-end", and only then');
  }
  const drawing = { categories, sections };
  try {
    return {
      layout: layoutOf(drawing),
      drawing,
      orphan: orphanRule,
      accessibleRelease: when === "before-end" ? { when, ms: (minutes ?? 0) * 60_000 } : { when },
    };
  } catch (error) {
    if (error instanceof UnbuildableHall) throw badField(error.at, error.message);
    throw error;
  }
}

const badField = (at: string, message: string): Problem =>
  new Problem("BAD_MESSAGE", `body.${at}: ${message}.`, { field: `body.${at}` });

async function requireCinema(db: Transaction<CatalogTables>, id: string): Promise<void> {
  if (await db.selectFrom("cinema").select("id").where("id", "=", id).forKeyShare().executeTakeFirst()) return;
  throw badField("cinemaId", "there is no such cinema");
}

async function lockHall(
  db: Transaction<CatalogTables>,
  id: string,
): Promise<{ readonly hall: HallPlanView; readonly settled: boolean }> {
  const locked = await db.selectFrom("hall").select("settled").where("id", "=", id).forUpdate().executeTakeFirst();
  return { hall: known("hall", await readHall(db, id)), settled: locked?.settled ?? true };
}
