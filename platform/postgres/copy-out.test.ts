import { pino } from "pino";
import { afterAll, beforeAll, expect, it } from "vitest";
import { copyOut, createPool } from "./index.ts";
import { testDatabase, type TestDatabase } from "./testing.ts";

let database: TestDatabase;
let pool: ReturnType<typeof createPool>;
beforeAll(async () => {
  database = await testDatabase();
  pool = createPool({ connectionString: database.url, max: 1, name: "copy-out-test", log: pino({ level: "silent" }) });
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

it("gives numbers and bytes as PostgreSQL keeps them, and undefined for null", async () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  const [row] = await copyOut(pool, `SELECT -2::int8, '\\x${all.toString("hex")}'::bytea, null::bytea, ''::bytea`);
  expect(row?.[0]?.readBigInt64BE()).toBe(-2n);
  expect(row?.[1]).toEqual(all);
  expect(row?.[2]).toBeUndefined();
  expect(row?.[3]).toHaveLength(0);
});

it("gives no row where there is none", async () => {
  expect(await copyOut(pool, "SELECT 1 WHERE false")).toEqual([]);
});

it("keeps every row whole while megabytes come, in which pg writes over what it read before", async () => {
  const rows = await copyOut(
    pool,
    "SELECT n, convert_to(repeat(chr(97 + n % 26), n * 100), 'UTF8') FROM generate_series(1, 400) n ORDER BY n",
  );
  expect(rows).toHaveLength(400);
  for (const [at, [number, bytes]] of rows.entries()) {
    expect(number?.readInt32BE()).toBe(at + 1);
    expect(bytes?.toString()).toBe(String.fromCharCode(97 + ((at + 1) % 26)).repeat((at + 1) * 100));
  }
});

it("says what PostgreSQL says, also when it comes in the middle, and leaves the connection in order", async () => {
  await expect(copyOut(pool, "SELECT nothing")).rejects.toThrow('column "nothing" does not exist');
  await expect(copyOut(pool, "SELECT 1 / (9999 - n) FROM generate_series(1, 10000) n")).rejects.toThrow(
    "division by zero",
  );
  const client = await pool.connect();
  try {
    expect(await copyOut(client, "SELECT 7::int2")).toEqual([[Buffer.from([0, 7])]]);
  } finally {
    client.release();
  }
});
