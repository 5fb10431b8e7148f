import { type Kysely, type Migration, sql } from "kysely";

/** Whoever removes a hall asks for each category of each of its plans whether there is a price of it. */
export const pricesByCategory: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create index showtime_price_by_category on catalog.showtime_price (hall_id, plan_version, category_id)`.execute(
      db,
    );
  },
};
