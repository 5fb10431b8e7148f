import { type Kysely, sql, type Transaction } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import { fold } from "../fold.ts";
import type { HallLayout } from "../layout/hall-layout.ts";
import { dayAfter } from "../local-day.ts";
import { movieColumns } from "../store/movies.ts";
import { insertPlan } from "../store/plans.ts";
import type { CatalogTables } from "../store/tables.ts";
import { FILMS } from "./films.ts";
import { arenaHall, classicHall, premiereHall, studioHall } from "./halls.ts";
import {
  CLEANING_MINUTES,
  CURRENCY,
  DAYS_AHEAD,
  DEMO_CINEMAS,
  demoProgramme,
  type DemoShowtime,
  demoToday,
  PREMIERE_ID,
  REDUCED,
} from "./programme.ts";

const HALLS: readonly { id: string; cinema_id: string; name: string; layoutOf: () => HallLayout }[] = [
  { id: "ha_premiere", cinema_id: "ci_astoria", name: "Premiere", layoutOf: premiereHall },
  { id: "ha_classic", cinema_id: "ci_astoria", name: "Classic", layoutOf: classicHall },
  { id: "ha_studio", cinema_id: "ci_astoria", name: "Studio", layoutOf: studioHall },
  { id: "ha_arena", cinema_id: "ci_tejo", name: "Arena", layoutOf: arenaHall },
];

type Db = Transaction<CatalogTables>;

/**
 * Fills an empty catalogue with the demo, all of it or nothing; of several processes that try, one does it.
 * @returns whether it did
 */
export function loadDemo(db: Kysely<CatalogTables>, clock: Clock): Promise<boolean> {
  return alone(db, async (transaction) => {
    if (await transaction.selectFrom("demo").select("programme_until").executeTakeFirst()) return false;
    if (await transaction.selectFrom("movie").select("id").limit(1).executeTakeFirst()) return false;
    if (await transaction.selectFrom("cinema").select("id").limit(1).executeTakeFirst()) return false;
    const films = FILMS.map((film) => ({ id: film.id, poster: JSON.stringify(film.poster), ...movieColumns(film) }));
    await transaction.insertInto("movie").values(films).execute();
    const cinemas = DEMO_CINEMAS.map((each) => ({ ...each, place_folded: fold(`${each.name} ${each.city}`) }));
    await transaction.insertInto("cinema").values(cinemas).execute();
    for (const hall of HALLS) await insertHall(transaction, hall);
    const now = clock.now();
    const today = demoToday(now);
    const to = dayAfter(today, DAYS_AHEAD);
    const premiere = { day: dayAfter(today, 1), id: PREMIERE_ID };
    await insertProgramme(transaction, demoProgramme({ from: today, to, premiere, now }), now);
    await transaction.insertInto("demo").values({ programme_until: to }).execute();
    return true;
  });
}

/**
 * Adds the programme of days that have none yet, where the catalogue is the demo. Days that had one are never touched again, nor is
 * anything that an admin made, changed or deleted.
 *
 * @returns whether there are new showtimes
 */
export function refreshDemo(db: Kysely<CatalogTables>, clock: Clock): Promise<boolean> {
  return alone(db, async (transaction) => {
    const demo = await transaction.selectFrom("demo").select("programme_until").executeTakeFirst();
    const now = clock.now();
    const today = demoToday(now);
    const to = dayAfter(today, DAYS_AHEAD);
    if (demo === undefined || demo.programme_until >= to) return false;
    const next = dayAfter(demo.programme_until, 1);
    const from = next > today ? next : today;
    const premiere = (await hasPremiere(transaction, now))
      ? {}
      : { premiere: premiereOn(from > today ? from : dayAfter(today, 1)) };
    const programme = demoProgramme({ from, to, now, ...premiere });
    const added = await insertProgramme(transaction, programme, now);
    await transaction.updateTable("demo").set({ programme_until: to }).execute();
    return added > 0;
  });
}

const premiereOn = (day: string) => ({ day, id: `${PREMIERE_ID}_${day.replaceAll("-", "")}` });

const alone = <Result>(db: Kysely<CatalogTables>, work: (transaction: Db) => Promise<Result>): Promise<Result> =>
  db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(hashtextextended('usher.catalog.demo', 0))`.execute(transaction);
    return work(transaction);
  });

async function insertHall(db: Db, { layoutOf, ...hall }: (typeof HALLS)[number]): Promise<void> {
  await db
    .insertInto("hall")
    .values({ ...hall, plan_version: 1, cleaning_minutes: CLEANING_MINUTES })
    .execute();
  const rules = { orphan: "none", accessibleRelease: { when: "always" } } as const;
  await insertPlan(db, hall.id, 1, { layout: layoutOf(), drawing: null, ...rules });
}

/** What fits no more is left out: other halls, other films, other categories, or something else that is on then. */
async function insertProgramme(db: Db, programme: readonly DemoShowtime[], now: number): Promise<number> {
  const plans = await plansByHall(db);
  const films = new Set((await db.selectFrom("movie").select("id").execute()).map(({ id }) => id));
  const rows = programme.flatMap((showtime) => {
    const plan = plans.get(showtime.hallId);
    const fits = plan?.categories === Object.keys(showtime.prices).toSorted().join() && films.has(showtime.movieId);
    return fits ? [{ showtime, planVersion: plan.version }] : [];
  });
  if (rows.length === 0) return 0;
  const added = await db
    .insertInto("showtime")
    .values(rows.map(({ showtime, planVersion }) => showtimeRow(showtime, planVersion, now)))
    .onConflict((conflict) => conflict.doNothing())
    .returning("id")
    .execute();
  const ids = new Set(added.map(({ id }) => id));
  const prices = rows
    .filter(({ showtime }) => ids.has(showtime.id))
    .flatMap(({ showtime, planVersion }) => priceRows(showtime, planVersion));
  if (prices.length > 0) await db.insertInto("showtime_price").values(prices).execute();
  return added.length;
}

/** The present plan of each of the demo's halls; its row is locked, as by everybody who adds showtimes. */
async function plansByHall(db: Db) {
  const halls = await db
    .selectFrom("hall")
    .select(["id", "plan_version"])
    .where(
      "id",
      "in",
      HALLS.map(({ id }) => id),
    )
    .orderBy("id")
    .forNoKeyUpdate()
    .execute();
  const plans = new Map<string, { readonly version: number; readonly categories: string }>();
  for (const { id, plan_version: version } of halls) {
    const categories = await db
      .selectFrom("plan_category")
      .select("id")
      .where("hall_id", "=", id)
      .where("plan_version", "=", version)
      .execute();
    plans.set(id, {
      version,
      categories: categories
        .map((category) => category.id)
        .toSorted()
        .join(),
    });
  }
  return plans;
}

async function hasPremiere(db: Db, now: number): Promise<boolean> {
  const premiere = await db
    .selectFrom("showtime")
    .select("id")
    .where("premiere", "=", true)
    .where("status", "=", "scheduled")
    .where("starts_at", ">", new Date(now))
    .limit(1)
    .executeTakeFirst();
  return premiere !== undefined;
}

const showtimeRow = (showtime: DemoShowtime, planVersion: number, now: number) => ({
  id: showtime.id,
  movie_id: showtime.movieId,
  hall_id: showtime.hallId,
  plan_version: planVersion,
  starts_at: new Date(showtime.startsAt),
  ends_at: new Date(showtime.endsAt),
  hall_free_at: new Date(showtime.endsAt + CLEANING_MINUTES * 60_000),
  sales_start_at: new Date(now),
  sales_end_at: new Date(showtime.startsAt),
  // Whoever tries the demo buys what is shown next, and wants to try giving it back.
  cancel_until: new Date(showtime.startsAt),
  currency: CURRENCY,
  premiere: showtime.premiere,
});

const priceRows = ({ id, hallId, prices }: DemoShowtime, planVersion: number) =>
  Object.entries(prices).map(([category, amount]) => ({
    showtime_id: id,
    hall_id: hallId,
    plan_version: planVersion,
    category_id: category,
    amount,
    child: (amount * REDUCED.child) / 100,
    senior: (amount * REDUCED.senior) / 100,
    student: (amount * REDUCED.student) / 100,
  }));
