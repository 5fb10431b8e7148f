import type { Selectable, Transaction } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Outbox } from "../../../platform/events/index.ts";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import type { CategoryPrices, ChangedShowtime, NewShowtime, Showtime } from "../../../proto/rest/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import type { SaleKeeper } from "../sale/sale-keeper.ts";
import { readShowtime } from "../store/showtimes.ts";
import type { CatalogTables, ShowtimeTable } from "../store/tables.ts";
import type { Changes } from "./changes.ts";
import { type Expected, requireExpected } from "./expected-version.ts";
import { known } from "../known.ts";
import { currencyOf } from "./price-list.ts";
import { namesShowtime } from "../showtime-tag.ts";
import { timesOf } from "./showtime-times.ts";

interface Options {
  readonly changes: Changes;
  readonly keeper: SaleKeeper;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

type Row = Selectable<ShowtimeTable>;

/** Whatever becomes of a showtime is a row first; the engine is told before whoever asked is answered, or later if it is away. */
export class ShowtimeDesk {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @throws Problem BAD_MESSAGE naming the field | CONFLICT when the hall is in use then */
  async create(input: NewShowtime): Promise<Showtime> {
    const { changes, random, keeper, clock } = this.#options;
    const id = newId("st", random);
    const showtime = await changes.run(async (transaction) => {
      const hall = await lockHall(transaction, input.hallId);
      const times = timesOf(input, await durationOf(transaction, input.movieId), hall.cleaning_minutes, clock.now());
      const currency = await currencyOf(transaction, hall.id, hall.plan_version, input.prices);
      await transaction
        .insertInto("showtime")
        .values({
          id,
          movie_id: input.movieId,
          hall_id: hall.id,
          plan_version: hall.plan_version,
          currency,
          premiere: input.premiere ?? false,
          ...times,
        })
        .execute();
      await insertPrices(transaction, { id, hall_id: hall.id, plan_version: hall.plan_version }, input.prices);
      return this.#read(transaction, id);
    });
    await keeper.settle(id);
    return showtime;
  }

  /** @throws Problem NOT_FOUND | BAD_MESSAGE naming the field | CONFLICT: changed meanwhile, over, or its hall is in use then */
  async change(id: string, input: ChangedShowtime, expected: Expected): Promise<Showtime> {
    const { changes, keeper, outbox } = this.#options;
    const showtime = await changes.run(async (transaction) => {
      const row = await lockShowtime(transaction, id);
      requireExpected(expected, await this.#read(transaction, id), namesShowtime);
      if (row.status === "cancelled") throw new Problem("CONFLICT", "The showtime was cancelled, and stays so.");
      if (input.status === "cancelled") await this.#cancel(transaction, row, false);
      else await this.#amend(transaction, row, input);
      return this.#read(transaction, id);
    });
    outbox.nudge();
    await keeper.settle(id);
    return showtime;
  }

  /**
   * Ends the sale. A showtime in which nobody has a seat, and nobody ever booked one, is gone then; any other stays in the books, as
   * cancelled, and everybody gets the money back.
   *
   * @throws Problem NOT_FOUND | CONFLICT: changed meanwhile, or over, and it stays in the books
   */
  async remove(id: string, ifMatch: string | undefined): Promise<void> {
    const { changes, keeper, outbox } = this.#options;
    await changes.run(async (transaction) => {
      const row = await lockShowtime(transaction, id);
      requireExpected({ ifMatch }, await this.#read(transaction, id), namesShowtime);
      await this.#cancel(transaction, row, true);
    });
    outbox.nudge();
    await keeper.settle(id);
  }

  async #cancel(transaction: Transaction<CatalogTables>, row: Row, removing: boolean): Promise<void> {
    const { clock, outbox } = this.#options;
    if (row.ends_at.getTime() <= clock.now())
      throw new Problem("CONFLICT", "The showtime is over, and stays in the books.");
    await transaction
      .updateTable("showtime")
      .set({ status: "cancelled", removing, version: row.version + 1 })
      .where("id", "=", row.id)
      .execute();
    if (row.status === "cancelled") return; // Everybody has been told.
    await outbox.add(transaction, "showtime.cancelled", row.id, { showtimeId: row.id, movieId: row.movie_id });
  }

  async #amend(transaction: Transaction<CatalogTables>, row: Row, input: ChangedShowtime): Promise<void> {
    const { clock, outbox } = this.#options;
    if (input.hallId !== row.hall_id) {
      throw new Problem("CONFLICT", "A showtime stays in its hall: cancel it, and make another one.");
    }
    if (row.starts_at.getTime() <= clock.now()) throw new Problem("CONFLICT", "The showtime has begun.");
    const hall = await lockHall(transaction, row.hall_id);
    const duration = await durationOf(transaction, input.movieId);
    const salesStartAt = input.salesStartAt ?? row.sales_start_at.toISOString();
    const times = timesOf({ ...input, salesStartAt }, duration, hall.cleaning_minutes, clock.now());
    const currency = await currencyOf(transaction, row.hall_id, row.plan_version, input.prices);
    await transaction
      .updateTable("showtime")
      .set({ movie_id: input.movieId, currency, premiere: input.premiere ?? false, version: row.version + 1, ...times })
      .where("id", "=", row.id)
      .execute();
    await transaction.deleteFrom("showtime_price").where("showtime_id", "=", row.id).execute();
    await insertPrices(transaction, row, input.prices);
    await outbox.add(transaction, "showtime.changed", row.id, { showtimeId: row.id, movieId: input.movieId });
  }

  async #read(transaction: Transaction<CatalogTables>, id: string): Promise<Showtime> {
    return known("showtime", await readShowtime(transaction, id, this.#options.clock.now())).showtime;
  }
}

/** One after another for each hall, so that of many who want it at once one gets it, and nobody waits for each other in a circle. */
async function lockHall(db: Transaction<CatalogTables>, id: string) {
  const hall = await db.selectFrom("hall").selectAll().where("id", "=", id).forNoKeyUpdate().executeTakeFirst();
  if (hall === undefined) throw new Problem("BAD_MESSAGE", "body.hallId names no hall.", { field: "body.hallId" });
  return hall;
}

async function lockShowtime(db: Transaction<CatalogTables>, id: string): Promise<Row> {
  const row = await db.selectFrom("showtime").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
  return known("showtime", row);
}

/** In minutes. */
async function durationOf(db: Transaction<CatalogTables>, movieId: string): Promise<number> {
  const movie = await db
    .selectFrom("movie")
    .select("duration_minutes")
    .where("id", "=", movieId)
    .forKeyShare()
    .executeTakeFirst();
  if (movie === undefined) throw new Problem("BAD_MESSAGE", "body.movieId names no movie.", { field: "body.movieId" });
  return movie.duration_minutes;
}

async function insertPrices(
  db: Transaction<CatalogTables>,
  { id, hall_id, plan_version }: Pick<Row, "id" | "hall_id" | "plan_version">,
  prices: readonly CategoryPrices[],
): Promise<void> {
  const rows = prices.map(({ category, adult, child, senior, student }) => ({
    showtime_id: id,
    hall_id,
    plan_version,
    category_id: category,
    amount: adult.amount,
    child: child?.amount ?? null,
    senior: senior?.amount ?? null,
    student: student?.amount ?? null,
  }));
  await db.insertInto("showtime_price").values(rows).execute();
}
