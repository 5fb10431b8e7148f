import { type Kysely, type Migration, sql } from "kysely";

/** Engines that were told of a sale's end alone would archive it a day later, also before the show: they are told again. */
export const showEnds: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`update catalog.showtime set version = version + 1
      where status = 'scheduled' and engine_version > 0 and sales_end_at < starts_at and ends_at > now()`.execute(db);
  },
};
