import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { testDatabase, type TestDatabase } from "../../platform/postgres/testing.ts";
import { migrateAll } from "./migrations.ts";

let database: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  database = await testDatabase();
  pool = new pg.Pool({ connectionString: database.url, max: 2 });
  await migrateAll(pool);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

it.each(["bookings.booking", "payments.payment", "tickets.booking"])(
  "%s, which is a queue and is kept for good, is vacuumed by a count and with its indexes",
  async (table) => {
    const { rows } = await pool.query("select reloptions as options from pg_class where oid = $1::regclass", [table]);
    const options = [
      "autovacuum_vacuum_scale_factor=0",
      "autovacuum_vacuum_threshold=20000",
      "vacuum_index_cleanup=on",
    ];
    expect(rows).toEqual([{ options }]);
  },
);
