import { type Kysely, sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLogger } from "../log/index.ts";
import { createDatabase, createPool } from "./index.ts";
import { testDatabase, type TestDatabase } from "./testing.ts";

const log = createLogger({ name: "test", level: "silent" });

let database: TestDatabase;
/** Over one connection. */
let db: Kysely<unknown>;
beforeAll(async () => {
  database = await testDatabase();
  db = createDatabase<unknown>(createPool({ connectionString: database.url, max: 1, name: "test", log }));
  await sql`create table shelf (n int)`.execute(db);
  await sql`insert into shelf values (1), (2)`.execute(db);
});
afterAll(async () => {
  await db.destroy();
  await database.drop();
});

const find = async (from: Kysely<unknown>, n: number) =>
  (await sql`select * from shelf where n = ${n}`.execute(from)).rows;
const prepared = async () =>
  (
    await sql<{
      text: string;
    }>`select statement as text from pg_prepared_statements where statement like '%from shelf%'`.execute(db)
  ).rows.map(({ text }) => text);

test("a statement is prepared when it first comes, once for all its values", async () => {
  expect(await prepared()).toEqual([]);
  expect([await find(db, 1), await find(db, 2), await find(db, 3)]).toEqual([[{ n: 1 }], [{ n: 2 }], []]);
  expect(await prepared()).toEqual(["select * from shelf where n = $1"]);
});

test("nobody notices when a migration changes what it gives back", async () => {
  await find(db, 1);
  await sql`alter table shelf add column label text`.execute(db);
  expect(await find(db, 1)).toEqual([{ n: 1, label: null }]);
  expect(await find(db, 2)).toEqual([{ n: 2, label: null }]);
});

test("in the middle of a transaction that fails, and the next one goes well", async () => {
  await find(db, 1);
  await sql`alter table shelf add column colour text`.execute(db);
  const write = () => db.transaction().execute((transaction) => find(transaction, 1));
  await expect(write()).rejects.toThrow(/cached plan|transaction is aborted/);
  expect(await write()).toEqual([{ n: 1, label: null, colour: null }]);
});
