import type { Kysely, Selectable } from "kysely";
import { Type } from "typebox";
import type { Cinema, CinemaQuery, CinemaWithHalls, Page } from "../../../proto/rest/index.ts";
import { decodeCursor, limitOf, pageOf } from "../../../platform/http/index.ts";
import { containing } from "./containing.ts";
import type { CatalogTables, CinemaTable } from "./tables.ts";

/** PostgreSQL's text cannot hold NUL. */
const Place = Type.Tuple([Type.String({ pattern: "^[^\\u0000]*$" }), Type.String({ pattern: "^[A-Za-z0-9_-]*$" })]);

export async function findCinemas(db: Kysely<CatalogTables>, query: CinemaQuery): Promise<Page<Cinema>> {
  const limit = limitOf(query);
  let select = db
    .selectFrom("cinema")
    .selectAll()
    .orderBy("name")
    .orderBy("id")
    .limit(limit + 1);
  if (query.name !== undefined) select = select.where("place_folded", "like", containing(query.name));
  if (query.cursor !== undefined) {
    const [name, id] = decodeCursor(Place, query.cursor);
    select = select.where(({ eb, refTuple, tuple }) => eb(refTuple("name", "id"), ">", tuple(name, id)));
  }
  return pageOf(await select.execute(), limit, cinemaOf, (row) => [row.name, row.id]);
}

export async function readCinema(db: Kysely<CatalogTables>, id: string): Promise<CinemaWithHalls | undefined> {
  const row = await db.selectFrom("cinema").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) return undefined;
  const halls = await db
    .selectFrom("hall")
    .innerJoin("hall_plan", (join) =>
      join.onRef("hall_plan.hall_id", "=", "hall.id").onRef("hall_plan.version", "=", "hall.plan_version"),
    )
    .select(["hall.id", "hall.name", "hall_plan.seat_count as seatCount", "hall.plan_version as planVersion"])
    .select("hall.version")
    .where("hall.cinema_id", "=", id)
    .orderBy("hall.name")
    .execute();
  return { ...cinemaOf(row), halls };
}

const cinemaOf = (row: Selectable<CinemaTable>): Cinema => ({
  id: row.id,
  name: row.name,
  city: row.city,
  address: row.address,
  timeZone: row.time_zone,
  version: row.version,
});
