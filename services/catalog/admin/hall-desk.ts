import { isDeepStrictEqual } from "node:util";
import type { Transaction } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import { type Query, type Reply, SEAT_STATUS, showtimeId } from "../../../proto/index.ts";
import type { HallPlanView, NewHall } from "../../../proto/rest/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import { layoutOf } from "../layout/hall-drawing.ts";
import { type HallLayout, seatsOf } from "../layout/hall-layout.ts";
import { UnbuildableHall } from "../layout/layout-builder.ts";
import { CLEANING_MINUTES_DEFAULT } from "../limits.ts";
import { readHall } from "../store/halls.ts";
import { type HallVersion, insertPlan, readPlan } from "../store/plans.ts";
import type { CatalogTables } from "../store/tables.ts";
import type { Changes } from "./changes.ts";
import { type Expected, requireExpected } from "./expected-version.ts";
import { known } from "../known.ts";

interface Options {
  readonly changes: Changes;
  readonly engine: { ask(query: Query): Promise<Reply> };
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** Labels of lost seats that a refusal names. */
const LABELS_NAMED_MAX = 20;

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
   * Another layout is another version of the plan: showtimes that are there keep the one that they are sold with, new ones get this.
   *
   * @throws Problem NOT_FOUND | CONFLICT also when a seat would go that somebody has a ticket for | BAD_MESSAGE
   */
  async change(id: string, input: NewHall, expected: Expected): Promise<HallPlanView> {
    const plan = planOf(input);
    return this.#options.changes.run(async (transaction) => {
      const hall = await lockHall(transaction, id);
      requireExpected(expected, hall);
      if (input.cinemaId !== hall.cinemaId) throw new Problem("CONFLICT", "A hall stays in its cinema.");
      const present = await readPlan(transaction, id, hall.planVersion);
      const same = isDeepStrictEqual({ ...plan, drawing: null }, { ...present, drawing: null });
      const planVersion = hall.planVersion + (same ? 0 : 1);
      if (!same) {
        await this.#requireSoldSeats(transaction, id, plan.layout);
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
      requireExpected({ ifMatch }, await lockHall(transaction, id));
      await transaction.deleteFrom("hall").where("id", "=", id).execute();
    });
  }

  /** Whoever has a ticket, or is about to buy one, finds the seat there. @throws Problem CONFLICT | UNAVAILABLE */
  async #requireSoldSeats(db: Transaction<CatalogTables>, hallId: string, layout: HallLayout): Promise<void> {
    const showtimes = await db
      .selectFrom("showtime")
      .select(["id", "plan_version"])
      .where("hall_id", "=", hallId)
      .where("status", "=", "scheduled")
      .where("ends_at", ">", new Date(this.#options.clock.now()))
      .execute();
    const kept = new Set(Array.from(seatsOf(layout), ({ label }) => label));
    const lost = new Map<number, ReadonlyMap<number, string>>();
    for (const { plan_version: version } of showtimes) {
      if (lost.has(version)) continue;
      const seats = [...seatsOf((await readPlan(db, hallId, version)).layout)].filter(({ label }) => !kept.has(label));
      lost.set(version, new Map(seats.map(({ index, label }) => [index, label])));
    }
    for (const { id, plan_version: version } of showtimes) {
      const labels = lost.get(version);
      if (labels === undefined || labels.size === 0) continue;
      const taken = await this.#takenSeats(id);
      const sold = taken.flatMap((seat) => labels.get(seat) ?? []);
      if (sold.length === 0) continue;
      throw new Problem("CONFLICT", "Seats that are sold or being bought would be gone; `labels` names them.", {
        showtimeId: id,
        labels: sold.slice(0, LABELS_NAMED_MAX),
      });
    }
  }

  async #takenSeats(showtime: string): Promise<number[]> {
    const view = await this.#options.engine.ask({ type: "view", showtime: showtimeId(showtime) });
    if (view.type === "refused") {
      if (view.code === "NOT_FOUND") return [];
      throw new Problem(view.code, view.message);
    }
    if (view.type !== "view") throw new TypeError(`a view was answered with ${view.type}`);
    return [...view.statuses].flatMap((status, seat) =>
      status === SEAT_STATUS.held || status === SEAT_STATUS.booked ? [seat] : [],
    );
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

async function lockHall(db: Transaction<CatalogTables>, id: string): Promise<HallPlanView> {
  await db.selectFrom("hall").select("id").where("id", "=", id).forUpdate().execute();
  return known("hall", await readHall(db, id));
}
