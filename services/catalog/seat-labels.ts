import type { Pool } from "pg";
import { createDatabase } from "../../platform/postgres/index.ts";
import type { ShowtimeId } from "../../proto/index.ts";
import { seatsOf } from "./layout/hall-layout.ts";
import { readPlan } from "./store/plans.ts";
import { CATALOG_SCHEMA, type CatalogTables } from "./store/tables.ts";

/** What the cinema calls each seat of a showtime, by index; undefined when the catalogue has no such showtime. */
export async function seatLabels(pool: Pool, showtime: ShowtimeId): Promise<readonly string[] | undefined> {
  const db = createDatabase<CatalogTables>(pool).withSchema(CATALOG_SCHEMA);
  const row = await db
    .selectFrom("showtime")
    .select(["hall_id", "plan_version"])
    .where("id", "=", showtime)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { layout } = await readPlan(db, row.hall_id, row.plan_version);
  return Array.from(seatsOf(layout), (seat) => seat.label);
}
