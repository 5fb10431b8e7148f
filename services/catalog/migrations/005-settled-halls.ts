import { type Kysely, type Migration, sql } from "kysely";

/** Halls tell whether seats that they have may be blocked. */
export const settledHalls: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`alter table catalog.hall add settled boolean not null default true`.execute(db);
  },
};
