import { type SelectQueryBuilder, sql } from "kysely";
import { type Static, type TSchema, Type } from "typebox";
import { Value } from "typebox/value";
import { Id, PAGE_LIMIT_DEFAULT, type Page, type PageQuery } from "../../../proto/rest/index.ts";
import { parsedJson } from "../../json/index.ts";
import { Problem } from "../answers/problem.ts";

/** The end of the year 9999: what PostgreSQL, JavaScript and readers agree on. */
const TIME_MAX = 253_402_300_799_999;

/** A place in a list that is sorted by a time, in milliseconds since 1970, and then by id. */
export const TimePlace = Type.Tuple([Type.Integer({ minimum: 0, maximum: TIME_MAX }), Id]);
export type TimePlace = Static<typeof TimePlace>;

/** A place in a list, the sort key of its last row, as one opaque word. */
export const encodeCursor = (place: unknown): string => Buffer.from(JSON.stringify(place)).toString("base64url");

/** @throws Problem BAD_MESSAGE when it was not made by `encodeCursor` from such a place */
export function decodeCursor<Schema extends TSchema>(schema: Schema, cursor: string): Static<Schema> {
  const place = parsedJson(Buffer.from(cursor, "base64url").toString());
  if (!Value.Check(schema, place)) {
    throw new Problem("BAD_MESSAGE", "query.cursor is not one that this list gave.", { field: "query.cursor" });
  }
  return place;
}

/** How many items were asked for; a list reads one row more, to know whether another page follows. */
export const limitOf = (query: PageQuery): number => query.limit ?? PAGE_LIMIT_DEFAULT;

/** @param rows up to `limit + 1` of them */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  itemOf: (row: Row) => Item,
  placeOf: (row: Row) => unknown,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: shown.map(itemOf), nextCursor: more ? encodeCursor(placeOf(last)) : null };
}

/** What a list by time and id sorts by. No other table of its query has columns of these names. */
interface Timed {
  readonly created_at: Date;
  readonly id: string;
}

/** `asc` has the oldest first. */
type Order = "asc" | "desc";

/** The rows behind the place `after`, by time and id: one more than `limit`, where there is one. */
export function byTime<Tables, Selected extends keyof Tables, Row extends Timed>(
  select: SelectQueryBuilder<Tables, Selected, Row>,
  order: Order,
  { after, limit }: { readonly after: TimePlace | undefined; readonly limit: number },
): SelectQueryBuilder<Tables, Selected, Row> {
  const sorted = select
    .orderBy(sql.ref("created_at"), order)
    .orderBy(sql.ref("id"), order)
    .limit(limit + 1);
  if (after === undefined) return sorted;
  const [at, id] = after;
  const isBehind = order === "asc" ? sql`>` : sql`<`;
  return sorted.where(sql<boolean>`(created_at, id) ${isBehind} (${new Date(at)}, ${id})`);
}

/** A page of a list by time and id. @throws Problem BAD_MESSAGE when its cursor is not one of such a list */
export async function pageByTime<Tables, Selected extends keyof Tables, Row extends Timed, Item>(
  select: SelectQueryBuilder<Tables, Selected, Row>,
  query: PageQuery,
  order: Order,
  itemOf: (row: Row) => Item,
): Promise<Page<Item>> {
  const limit = limitOf(query);
  const after = query.cursor === undefined ? undefined : decodeCursor(TimePlace, query.cursor);
  const rows = await byTime(select, order, { after, limit }).execute();
  return pageOf(rows, limit, itemOf, (row): TimePlace => [row.created_at.getTime(), row.id]);
}
