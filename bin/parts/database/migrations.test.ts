import type pg from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPool } from "../../../platform/postgres/index.ts";
import { testDatabase, type TestDatabase } from "../../../platform/postgres/testing.ts";
import { migrateAll } from "./migrations.ts";

let database: TestDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: database.url, max: 2, name: "test", log: pino({ level: "silent" }) });
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

/** Foreign keys without an index that has all of their columns first. */
const UNINDEXED = [
  "catalog.hall hall_id_plan_version_fkey", // A primary key finds the hall.
  "catalog.showtime showtime_hall_id_plan_version_fkey", // Those of the hall are found by `showtime_by_hall`.
  "catalog.showtime_price showtime_price_showtime_id_hall_id_plan_version_fkey", // Those of the showtime by the primary key.
  "mock_gateway.operation operation_payment_id_fkey", // Its payments are never deleted.
];

it("every foreign key has an index, so that who deletes what it refers to reads no table from end to end", async () => {
  const { rows } = await pool.query<{ key: string }>(`
    select conrelid::regclass || ' ' || conname as key from pg_constraint as key
    where contype = 'f' and not exists (
      select from pg_index where indrelid = conrelid and indpred is null
        and (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey)
    order by 1`);
  expect(rows.map(({ key }) => key)).toEqual(UNINDEXED);
});
