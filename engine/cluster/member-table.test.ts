import pino from "pino";
import type { Pool } from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../platform/clock/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { ENGINE_MIGRATIONS } from "../journal/index.ts";
import { MemberTable } from "./member-table.ts";

const log = pino({ level: "silent" });
let database: Awaited<ReturnType<typeof testDatabase>>;
let pool: Pool;

beforeAll(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: database.url, max: 8, name: "test", log });
  await migrate(createDatabase(pool), "engine", ENGINE_MIGRATIONS);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

it("several who ask at once whether an engine is gone all hear so", async () => {
  const others = ["ann", "carl", "dora"].map((id) => new MemberTable({ pool, id, clock: systemClock }));
  for (let time = 0; time < 20; time++) {
    expect(await Promise.all(others.map((other) => other.isGone("bob")))).toEqual([true, true, true]);
  }
});

it("an engine whose connection was cut is back at once, and gone when it says so", async () => {
  const ann = new MemberTable({ pool, id: "ann", clock: systemClock });
  const bob = new MemberTable({ pool, id: "bob", clock: systemClock });
  await ann.renew();
  await bob.renew();
  expect(await ann.isGone("bob")).toBe(false);
  const names = `FROM pg_locks WHERE locktype = 'advisory'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
  const { rows } = await pool.query<{ pid: number }>(`SELECT pid, pg_terminate_backend(pid) ${names}`);
  const cut = rows.map(({ pid }) => pid);
  await expect.poll(async () => (await pool.query(`SELECT ${names} AND pid <> ALL ($1)`, [cut])).rowCount).toBe(2);
  expect(await ann.isGone("bob")).toBe(false);
  const others = async () => {
    await bob.renew(); // Counts for three seconds.
    return [...(await ann.others()).keys()];
  };
  await expect.poll(others).toEqual(["bob"]);
  await bob.remove();
  await expect.poll(() => ann.isGone("bob")).toBe(true);
  expect((await ann.others()).size).toBe(0);
  await bob.renew(); // One that was under way.
  expect(await ann.isGone("bob")).toBe(true);
  await ann.remove();
});
