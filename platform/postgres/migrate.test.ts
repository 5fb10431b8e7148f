import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createLogger } from "../log/index.ts";
import { createDatabase, createPool, migrate } from "./index.ts";
import { testDatabase, type TestDatabase } from "./testing.ts";

const log = createLogger({ name: "test", level: "silent" });
const open = (connectionString: string) =>
  createDatabase<unknown>(createPool({ connectionString, max: 2, name: "test", log }));

const migrations = {
  "001-shelf": {
    up: async (db: ReturnType<typeof open>) => void (await sql`create table shop.shelf (n int)`.execute(db)),
  },
};

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

test("migrates a schema once, also when two processes do it at the same time", async () => {
  const [one, two] = [open(database.url), open(database.url)];
  await Promise.all([migrate(one, "shop", migrations), migrate(two, "shop", migrations)]);
  await migrate(one, "shop", migrations);
  const { rows } = await sql`select name from shop.kysely_migration`.execute(one);
  expect(rows).toEqual([{ name: "001-shelf" }]);
  await Promise.all([one.destroy(), two.destroy()]);
});

test("refuses data of a newer version in one sentence", async () => {
  const db = open(database.url);
  await migrate(db, "newer", { "001-a": { up: async () => {} }, "002-b": { up: async () => {} } });
  await expect(migrate(db, "newer", { "001-a": { up: async () => {} } })).rejects.toThrow(
    /newer version of Usher \(migration 002-b\): run that version/,
  );
  await db.destroy();
});

test("says in one sentence that a server is not reachable, a password wrong, a database missing", async () => {
  const wrong = new URL(database.url);
  wrong.password = "wrong";
  const missing = new URL(database.url);
  missing.pathname = "/missing";
  for (const [url, sentence] of [
    ["postgres://u:p@127.0.0.1:1/x", /^PostgreSQL cannot be reached: .*DATABASE_URL.*ECONNREFUSED/],
    ["postgres://u:p@localhost:1/x", /^PostgreSQL cannot be reached: .*DATABASE_URL.*ECONNREFUSED/],
    ["postgres://u:p@nowhere.invalid/x", /^PostgreSQL cannot be reached: .*DATABASE_URL/],
    [wrong.href, /^PostgreSQL refuses the password in DATABASE_URL/],
    [missing.href, /^The database named in DATABASE_URL does not exist/],
  ] as const) {
    const db = open(url);
    await expect(migrate(db, "shop", migrations), url).rejects.toThrow(sentence);
    await db.destroy();
  }
});

test("what is made belongs to the schema's owner, and the connection is its user's again", async () => {
  const db = open(database.url);
  const owner = `owner_${process.pid}`;
  await sql`create role ${sql.id(owner)}`.execute(db);
  await sql`create schema owned authorization ${sql.id(owner)}`.execute(db);
  const up = async (own: typeof db) => void (await sql`create table owned.shelf ()`.execute(own));
  const down = { up: async () => Promise.reject(new Error("no")) };
  await migrate(db, "owned", { "001-shelf": { up } });
  await expect(migrate(db, "owned", { "001-shelf": { up }, "002-no": down })).rejects.toThrow("no");
  const { rows } = await sql`select distinct tableowner as owner from pg_tables where schemaname = 'owned'`.execute(db);
  expect(rows).toEqual([{ owner }]);
  const { rows: users } = await sql`select current_user = session_user as ours`.execute(db);
  expect(users).toEqual([{ ours: true }]);
  await sql`drop owned by ${sql.id(owner)} cascade`.execute(db);
  await sql`drop role ${sql.id(owner)}`.execute(db);
  await db.destroy();
});

test("says in one sentence that the connection broke, also where it acted as the owner", async () => {
  const [db, other] = [open(database.url), open(database.url)];
  const owner = `cut_${process.pid}`;
  await sql`create role ${sql.id(owner)}`.execute(db);
  await sql`create schema cut authorization ${sql.id(owner)}`.execute(db);
  const up = async (own: typeof db): Promise<void> => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(own);
    const end = sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(other);
    await Promise.all([sql`select pg_sleep(60)`.execute(own), end]);
  };
  await expect(migrate(db, "cut", { "001-cut": { up } })).rejects.toThrow(/PostgreSQL has closed the connection/);
  await sql`drop owned by ${sql.id(owner)} cascade`.execute(db);
  await sql`drop role ${sql.id(owner)}`.execute(db);
  await Promise.all([db.destroy(), other.destroy()]);
});

test("says in one sentence that the user may not create schemas", async () => {
  const admin = open(database.url);
  const role = `clerk_${process.pid}`;
  await sql`create role ${sql.id(role)} login password 'clerk'`.execute(admin);
  const url = new URL(database.url);
  url.username = role;
  url.password = "clerk";
  const db = open(url.href);
  await expect(migrate(db, "forbidden", migrations)).rejects.toThrow(/lacks a permission: let it create schemas/);
  await db.destroy();
  await sql`drop role ${sql.id(role)}`.execute(admin);
  await admin.destroy();
});
