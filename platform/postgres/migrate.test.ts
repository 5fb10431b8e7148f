import { sql } from "kysely";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { VirtualClock } from "../clock/index.ts";
import { createLogger } from "../log/index.ts";
import { createDatabase, createPool, DatabaseUnusable, migrate } from "./index.ts";
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

describe("a table that is to be changed while somebody reads it", () => {
  const widen = async (own: ReturnType<typeof open>): Promise<void> =>
    void (await sql`alter table read.shelf add column height int`.execute(own));
  const wide = { "001-shelf": { up: async () => {} }, "002-height": { up: widen } };
  let db: ReturnType<typeof open>;
  let dump: pg.Client;
  beforeEach(async () => {
    db = open(database.url);
    await sql`create schema read`.execute(db);
    await sql`create table read.shelf (n int)`.execute(db);
    await migrate(db, "read", { "001-shelf": { up: async () => {} } });
    dump = new pg.Client({ connectionString: database.url });
    await dump.connect();
    await dump.query("begin");
    await dump.query("select from read.shelf");
  });
  afterEach(async () => {
    await dump.end();
    await sql`drop schema read cascade`.execute(db);
    await db.destroy();
  });

  const waiting = async (): Promise<number> => {
    const { rows } = await sql`
      select from pg_locks where not granted and relation = 'read.shelf'::regclass and mode = 'AccessExclusiveLock'`.execute(
      db,
    );
    return rows.length;
  };

  test("is given to those who write it after a moment, and changed when it is free", async () => {
    const clock = new VirtualClock();
    const migrator = open(database.url);
    const migrating = migrate(migrator, "read", wide, { clock, log });
    // It gives way after two seconds, and comes again after eight of the clock's.
    await expect.poll(() => clock.advance(1_000).then(waiting)).toBe(1);
    const seller = new pg.Client({ connectionString: database.url, statement_timeout: 15_000 });
    await seller.connect();
    await seller.query("insert into read.shelf values (1)");
    await seller.end();
    await dump.query("rollback");
    let isOver = false;
    void migrating.finally(() => (isOver = true));
    await expect.poll(async () => clock.advance(60_000).then(() => isOver)).toBe(true);
    await migrating;
    expect((await sql`select height from read.shelf`.execute(db)).rows).toEqual([{ height: null }]);
    await migrator.destroy();
  });

  test("for minutes is told of in one sentence", async () => {
    const clock = new VirtualClock();
    const migrator = open(database.url);
    const outcome = migrate(migrator, "read", wide, { clock }).catch((error: unknown) => error);
    let told: unknown;
    void outcome.then((error) => (told = error));
    await expect
      .poll(async () => clock.advance(60_000).then(() => told), { timeout: 45_000 })
      .toBeInstanceOf(DatabaseUnusable);
    expect(told).toMatchObject({
      message: expect.stringMatching(/"read" is to be changed, .* 5 minutes: let the dump/),
    });
    await migrator.destroy();
  });
});
