import { type Kysely, sql, type Transaction } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import { fold } from "../fold.ts";
import { type HallLayout, seatCountOf } from "../layout/hall-layout.ts";
import type { CatalogTables } from "../store/tables.ts";
import { FILMS } from "./films.ts";
import { arenaHall, classicHall, premiereHall, studioHall } from "./halls.ts";
import { CURRENCY, DEMO_CINEMAS, demoProgramme } from "./programme.ts";

const PLAN_VERSION = 1;

const HALLS: readonly { id: string; cinema_id: string; name: string; layoutOf: () => HallLayout }[] = [
  { id: "ha_premiere", cinema_id: "ci_astoria", name: "Premiere", layoutOf: premiereHall },
  { id: "ha_classic", cinema_id: "ci_astoria", name: "Classic", layoutOf: classicHall },
  { id: "ha_studio", cinema_id: "ci_astoria", name: "Studio", layoutOf: studioHall },
  { id: "ha_arena", cinema_id: "ci_tejo", name: "Arena", layoutOf: arenaHall },
];

/**
 * Fills an empty catalogue with the demo, all of it or nothing; of several processes that try, one does it.
 * @returns whether it did
 */
export function loadDemo(db: Kysely<CatalogTables>, clock: Clock): Promise<boolean> {
  return db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('usher.catalog.demo', 0))`.execute(transaction);
    if (await transaction.selectFrom("movie").select("id").limit(1).executeTakeFirst()) return false;
    await insertFilms(transaction);
    await transaction
      .insertInto("cinema")
      .values([...DEMO_CINEMAS])
      .execute();
    for (const { layoutOf, ...hall } of HALLS) await insertHall(transaction, hall, layoutOf());
    await insertProgramme(transaction, clock.now());
    return true;
  });
}

async function insertFilms(db: Transaction<CatalogTables>): Promise<void> {
  const rows = FILMS.map((film) => ({
    id: film.id,
    title: film.title,
    year: film.year,
    genres: [...film.genres],
    actors: [...film.actors],
    director: film.director,
    synopsis: film.synopsis,
    duration_minutes: film.durationMinutes,
    poster: JSON.stringify(film.poster),
    title_folded: fold(film.title),
    genres_folded: film.genres.map(fold),
    actors_folded: film.actors.map(fold).join("\n"),
  }));
  await db.insertInto("movie").values(rows).execute();
}

async function insertHall(
  db: Transaction<CatalogTables>,
  hall: { id: string; cinema_id: string; name: string },
  layout: HallLayout,
): Promise<void> {
  await db
    .insertInto("hall")
    .values({ ...hall, plan_version: PLAN_VERSION })
    .execute();
  await db
    .insertInto("hall_plan")
    .values({
      hall_id: hall.id,
      version: PLAN_VERSION,
      seat_count: seatCountOf(layout),
      sections: JSON.stringify(layout.sections),
      rows: JSON.stringify(layout.rows),
      orphan_rule: "none",
      accessible_release: "always",
    })
    .execute();
  const categories = layout.categories.map(({ id, name, focalX, focalY }, position) => ({
    hall_id: hall.id,
    plan_version: PLAN_VERSION,
    position,
    id,
    name,
    focal_x: focalX,
    focal_y: focalY,
  }));
  await db.insertInto("plan_category").values(categories).execute();
}

async function insertProgramme(db: Transaction<CatalogTables>, now: number): Promise<void> {
  const programme = demoProgramme(now);
  const showtimes = programme.map((showtime) => ({
    id: showtime.id,
    movie_id: showtime.movieId,
    hall_id: showtime.hallId,
    plan_version: PLAN_VERSION,
    starts_at: new Date(showtime.startsAt),
    ends_at: new Date(showtime.endsAt),
    sales_start_at: new Date(now),
    sales_end_at: new Date(showtime.startsAt),
    currency: CURRENCY,
    premiere: showtime.premiere,
  }));
  await db.insertInto("showtime").values(showtimes).execute();
  const prices = programme.flatMap(({ id, hallId, prices: amounts }) =>
    Object.entries(amounts).map(([category_id, amount]) => ({
      showtime_id: id,
      hall_id: hallId,
      plan_version: PLAN_VERSION,
      category_id,
      amount,
    })),
  );
  await db.insertInto("showtime_price").values(prices).execute();
}
