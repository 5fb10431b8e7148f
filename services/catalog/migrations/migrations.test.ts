import { pino } from "pino";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createDatabase, createPool, DatabaseUnusable, migrate } from "../../../platform/postgres/index.ts";
import { testDatabase } from "../../../platform/postgres/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { CATALOG_SCHEMA } from "../store/tables.ts";
import { catalogMigrations } from "./index.ts";

const log = pino({ level: "silent" });
let database: Awaited<ReturnType<typeof testDatabase>>;
let pool: ReturnType<typeof createPool>;

beforeEach(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: database.url, max: 2, name: "migrations-test", log });
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

it("keep the demo of an older version, and what the engine was told of it", async () => {
  const { "001-catalog": first } = catalogMigrations;
  if (first === undefined) throw new Error("there is a first migration");
  await migrate(createDatabase(pool), CATALOG_SCHEMA, { "001-catalog": first });
  await pool.query(`
    begin;
    insert into catalog.movie values ('mv_a', 'A', 1927, '{}', '{}', '', '', 90, null, 'a', '{}', '');
    insert into catalog.cinema values ('ci_a', 'Café', 'Köln', '', 'Europe/Berlin');
    insert into catalog.hall values ('ha_a', 'ci_a', 'Hall', 1);
    insert into catalog.hall_plan values ('ha_a', 1, 1, '[]', '[]', 'none', 'always', null);
    insert into catalog.showtime values
      ('st_a', 'mv_a', 'ha_a', 1, '2026-11-28T19:00Z', '2026-11-28T21:00Z', '2026-11-21T10:00Z', '2026-11-28T19:00Z', 'EUR', false, 'scheduled', now()),
      ('st_b', 'mv_a', 'ha_a', 1, '2026-11-27T19:00Z', '2026-11-27T21:00Z', '2026-11-21T10:00Z', '2026-11-27T19:00Z', 'EUR', false, 'scheduled', null),
      ('st_c', 'mv_a', 'ha_a', 1, '2100-11-28T19:00Z', '2100-11-28T21:00Z', '2100-11-21T10:00Z', '2100-11-25T19:00Z', 'EUR', false, 'scheduled', now());
    commit`);
  await migrate(createDatabase(pool), CATALOG_SCHEMA, catalogMigrations);
  const showtimes = await pool.query(
    "select id, engine_version, version, cancel_until, hall_free_at from catalog.showtime order by id",
  );
  expect(showtimes.rows).toMatchObject([
    { id: "st_a", engine_version: 1, version: 1, cancel_until: new Date("2026-11-28T17:00Z") },
    { id: "st_b", engine_version: 0, version: 1, hall_free_at: new Date("2026-11-27T21:00Z") },
    { id: "st_c", engine_version: 1, version: 2 }, // Its sale ends before the show: the engine is told of both.
  ]);
  expect((await pool.query("select programme_until from catalog.demo")).rows).toEqual([
    { programme_until: "2100-11-28" },
  ]);
  expect((await pool.query("select place_folded from catalog.cinema")).rows).toEqual([{ place_folded: "cafe koln" }]);
});

it("say in one sentence what is to be done where extensions may not be created", async () => {
  const role = `usher_${systemRandom(6).toString("hex")}`;
  await pool.query(`create role ${role} login password 'secret'`);
  await pool.query(`create schema catalog authorization ${role}`);
  const url = new URL(database.url);
  [url.username, url.password] = [role, "secret"];
  const limited = createPool({ connectionString: url.href, max: 2, name: "limited", log });
  const refusal = await migrate(createDatabase(limited), CATALOG_SCHEMA, catalogMigrations).catch(
    (error: unknown) => error,
  );
  await limited.end();
  await pool.query(`drop owned by ${role}`);
  await pool.query(`drop role ${role}`);
  expect(refusal).toBeInstanceOf(DatabaseUnusable);
  expect(String(refusal)).toMatch(
    /extension pg_trgm.*permission denied.*have an administrator run "create extension pg_trgm"/,
  );
});
