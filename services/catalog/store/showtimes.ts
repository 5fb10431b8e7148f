import { type Kysely, type Selectable, sql } from "kysely";
import { jsonArrayFrom } from "kysely/helpers/postgres";
import type { Page, Showtime, ShowtimeQuery, ShowtimeStatus, TicketPrices } from "../../../proto/rest/index.ts";
import { decodeCursor, limitOf, pageOf, TimePlace } from "../../../platform/http/index.ts";
import { BuiltOnce } from "../../../platform/postgres/index.ts";
import type { CatalogTables, ShowtimePriceTable } from "./tables.ts";

/** What the rest of the catalogue wants to know of a showtime, besides what clients do. */
export interface ShowtimeRecord {
  readonly showtime: Showtime;
  readonly planVersion: number;
  readonly cinemaAddress: string;
}

/** Those that fit every given filter, by start; without a day, only those that are still to come. */
export async function findShowtimes(
  db: Kysely<CatalogTables>,
  query: ShowtimeQuery,
  now: number,
): Promise<Page<Showtime>> {
  const limit = limitOf(query);
  let select = selectShowtimes(db)
    .orderBy("showtime.starts_at")
    .orderBy("showtime.id")
    .limit(limit + 1);
  select =
    query.date === undefined
      ? select.where("showtime.starts_at", ">", new Date(now))
      : select.where(isOnDay(query.date));
  if (query.movieId !== undefined) select = select.where("showtime.movie_id", "=", query.movieId);
  if (query.cinemaId !== undefined) select = select.where("cinema.id", "=", query.cinemaId);
  if (query.premiere !== undefined) select = select.where("showtime.premiere", "=", query.premiere);
  if (query.cursor !== undefined) {
    const [startsAt, id] = decodeCursor(TimePlace, query.cursor);
    select = select.where(({ eb, refTuple, tuple }) =>
      eb(refTuple("showtime.starts_at", "showtime.id"), ">", tuple(new Date(startsAt), id)),
    );
  }
  return pageOf(
    await select.execute(),
    limit,
    (row) => recordOf(row, now).showtime,
    (row) => [row.starts_at.getTime(), row.id],
  );
}

const statements = new BuiltOnce();

export async function readShowtime(
  db: Kysely<CatalogTables>,
  id: string,
  now: number,
): Promise<ShowtimeRecord | undefined> {
  const select = () => selectShowtimes(db).where("showtime.id", "=", id);
  const { rows } = await db.executeQuery(statements.with("read", [id], select));
  return rows[0] && recordOf(rows[0], now);
}

/** Whether `showtime` starts on `day` where its `cinema` is. The first two lines, a day wider, are what an index can be used for. */
export const isOnDay = (day: string) => sql<boolean>`(
  showtime.starts_at >= (${day}::date - 1)::timestamp at time zone 'UTC'
  and showtime.starts_at < (${day}::date + 2)::timestamp at time zone 'UTC'
  and (showtime.starts_at at time zone cinema.time_zone)::date = ${day}::date)`;

const selectShowtimes = (db: Kysely<CatalogTables>) =>
  db
    .selectFrom("showtime")
    .innerJoin("movie", "movie.id", "showtime.movie_id")
    .innerJoin("hall", "hall.id", "showtime.hall_id")
    .innerJoin("cinema", "cinema.id", "hall.cinema_id")
    .innerJoin("hall_plan", (join) =>
      join.onRef("hall_plan.hall_id", "=", "showtime.hall_id").onRef("hall_plan.version", "=", "showtime.plan_version"),
    )
    .selectAll("showtime")
    .select(["movie.title", "cinema.id as cinema_id", "cinema.name as cinema_name", "cinema.time_zone"])
    .select("cinema.address as cinema_address")
    .select(["hall.name as hall_name", "hall_plan.seat_count"])
    .select(({ selectFrom }) =>
      jsonArrayFrom(
        selectFrom("showtime_price")
          .innerJoin("plan_category", (join) =>
            join
              .onRef("plan_category.hall_id", "=", "showtime_price.hall_id")
              .onRef("plan_category.plan_version", "=", "showtime_price.plan_version")
              .onRef("plan_category.id", "=", "showtime_price.category_id"),
          )
          .select(["plan_category.id", "plan_category.name", "showtime_price.amount"])
          .select(["showtime_price.child", "showtime_price.senior", "showtime_price.student"])
          .whereRef("showtime_price.showtime_id", "=", "showtime.id")
          .orderBy("plan_category.position"),
      ).as("prices"),
    );

type Row = Awaited<ReturnType<ReturnType<typeof selectShowtimes>["executeTakeFirstOrThrow"]>>;

const recordOf = (row: Row, now: number): ShowtimeRecord => ({
  planVersion: row.plan_version,
  cinemaAddress: row.cinema_address,
  showtime: {
    id: row.id,
    movieId: row.movie_id,
    title: row.title,
    cinemaId: row.cinema_id,
    cinemaName: row.cinema_name,
    hallId: row.hall_id,
    hallName: row.hall_name,
    timeZone: row.time_zone,
    startsAt: row.starts_at.toISOString(),
    endsAt: row.ends_at.toISOString(),
    salesStartAt: row.sales_start_at.toISOString(),
    salesEndAt: row.sales_end_at.toISOString(),
    cancelUntil: row.cancel_until.toISOString(),
    status: statusOf(row, now),
    premiere: row.premiere,
    seatCount: row.seat_count,
    categories: row.prices.map(({ id, name, ...amounts }) => {
      const prices = pricesOf(amounts, row.currency);
      return { id, name, price: prices.adult, prices };
    }),
    version: row.version,
  },
});

type Amounts = Pick<Selectable<ShowtimePriceTable>, "amount" | "child" | "senior" | "student">;

function pricesOf({ amount, child, senior, student }: Amounts, currency: string): TicketPrices {
  const money = (own: number | null) => ({ amount: own ?? amount, currency });
  return { adult: money(amount), child: money(child), senior: money(senior), student: money(student) };
}

function statusOf(row: Row, now: number): ShowtimeStatus {
  if (row.status === "cancelled") return "cancelled";
  if (row.sales_start_at.getTime() > now) return "announced";
  return row.sales_end_at.getTime() > now ? "on-sale" : "closed";
}
