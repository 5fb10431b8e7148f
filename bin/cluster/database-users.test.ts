import { sql } from "kysely";
import type { Pool } from "pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkShardCount, requireShardCount } from "../../engine/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { testDatabase, type TestDatabase } from "../../platform/postgres/testing.ts";
import { MOCK_GATEWAY_SCHEMA, mockGatewayMigrations } from "../../services/payments/index.ts";
import { migrateEngine } from "../parts/database/engine-migrations.ts";
import { migrateAll, migrateDomains } from "../parts/database/migrations.ts";
import { DOMAINS, SCHEMAS_OF, SHARED_SCHEMAS } from "../parts/domains.ts";
import { databaseUsers, type DatabaseUrls } from "./database-users.ts";

const log = createLogger({ name: "test", level: "silent" });
const SLOW = 240_000;
const passwords = { engine: "e1", services: "s2", gateway: "g3" };
const dist = new URL("../../dist/", import.meta.url);
const SERVICES = [SHARED_SCHEMAS, ...DOMAINS.map((domain) => SCHEMAS_OF[domain])]
  .flatMap((schemas) => Object.keys(schemas))
  .filter((schema) => schema !== MOCK_GATEWAY_SCHEMA);

let database: TestDatabase;
let pools: Pool[];
beforeEach(async () => {
  [database, pools] = [await testDatabase(), []];
});
afterEach(async () => {
  for (const pool of pools) await pool.end();
  await database.drop();
});

function open(url: string): Pool {
  const pool = createPool({ connectionString: url, max: 2, name: "test", log });
  pools.push(pool);
  return pool;
}

const users = (url = database.url, more = passwords): Promise<DatabaseUrls | undefined> =>
  databaseUsers({ url, passwords: more, dist, log });

async function openEach(): Promise<Record<keyof DatabaseUrls, Pool>> {
  const urls = (await users())!;
  return { engine: open(urls.engine), services: open(urls.services), gateway: open(urls.gateway) };
}

/** As each does when it starts. */
async function migrateEach({ engine, services, gateway }: Record<keyof DatabaseUrls, Pool>): Promise<void> {
  await migrate(createDatabase<unknown>(gateway), MOCK_GATEWAY_SCHEMA, mockGatewayMigrations);
  await migrateDomains(services, DOMAINS);
  await migrateEngine(engine);
}

/** Everything that lies in Usher's schemas, and whose it is. */
async function ownersOf(pool: Pool): Promise<Record<string, string>> {
  const { rows } = await pool.query<{ schema: string; owners: string }>(
    `select nspname as schema, string_agg(distinct owner, ' ') as owners from pg_namespace join (
       select relnamespace as within, pg_get_userbyid(relowner) as owner from pg_class
       union all select pronamespace, pg_get_userbyid(proowner) from pg_proc
       union all select oid, pg_get_userbyid(nspowner) from pg_namespace
     ) things on within = pg_namespace.oid
     where nspname !~ '^pg_|^information_schema$|^public$' group by 1`,
  );
  return Object.fromEntries(rows.map(({ schema, owners }) => [schema, owners]));
}

const wanted = (name: string): Record<string, string> => ({
  ...Object.fromEntries(SERVICES.map((schema) => [schema, `${name}_services`])),
  engine: `${name}_engine`,
  [MOCK_GATEWAY_SCHEMA]: `${name}_gateway`,
});

const nameOf = ({ url }: TestDatabase): string => new URL(url).pathname.slice(1);

const PERMISSION = /permission denied|must be owner/;

describe("each role's user", { timeout: SLOW }, () => {
  it("has what the role needs, and is refused what others have", async () => {
    const each = await openEach();
    await migrateEach(each);
    const admin = open(database.url);
    expect(await ownersOf(admin)).toEqual(wanted(nameOf(database)));

    const tablesOf = async (schemas: readonly string[]): Promise<string[]> =>
      (
        await admin.query<{ name: string }>(
          "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = any($1)",
          [schemas],
        )
      ).rows.map(({ name }) => name);
    const others = { engine: [...SERVICES, "mock_gateway"], services: ["engine"], gateway: ["engine", ...SERVICES] };
    for (const role of ["engine", "services", "gateway"] as const) {
      const tables = await tablesOf(others[role]);
      expect(tables.length).toBeGreaterThan(5);
      // One session for all of them: a pool closes a connection that a statement has failed on, and the next one signs in anew.
      const session = await each[role].connect();
      try {
        for (const table of tables) {
          for (const statement of [`table ${table}`, `insert into ${table} default values`, `drop table ${table}`])
            await expect(session.query(statement), `${role}: ${statement}`).rejects.toThrow(PERMISSION);
        }
        for (const schema of [...others[role], "public"])
          await expect(session.query(`create table ${schema}.mine (n int)`)).rejects.toThrow(PERMISSION);
        await expect(session.query("create schema mine")).rejects.toThrow(PERMISSION);
      } finally {
        session.release();
      }
    }
  });

  it("lets services look how many shards there are", async () => {
    const each = await openEach();
    await requireShardCount(each.services, 64);
    await migrateEach(each);
    await checkShardCount(each.engine, 64);
    await requireShardCount(each.services, 64);
    await expect(requireShardCount(each.services, 32)).rejects.toThrow(/written with 64: set SHARDS=64/);
    // As a backup comes back that is restored without owners and rights.
    await open(database.url).query("revoke all (shards) on engine.cluster from public");
    await users();
    await requireShardCount(each.services, 64);
  });

  it("cannot come into another database", async () => {
    const { services } = (await users())!;
    const other = await testDatabase();
    try {
      await users(other.url);
      const url = new URL(services);
      url.pathname = `/${nameOf(other)}`;
      await expect(open(url.href).query("select")).rejects.toThrow(PERMISSION);
    } finally {
      await other.drop();
    }
  });
});

describe("a database that one user had all of", { timeout: SLOW }, () => {
  it("is handed over, goes on being that user's to use, and can be handed over again", async () => {
    const admin = open(database.url);
    await migrateAll(admin);
    await checkShardCount(admin, 64);
    const each = await openEach();
    await migrateEach(each);
    await checkShardCount(each.engine, 64);
    for (let time = 0; time < 2; time++) {
      expect(await ownersOf(admin)).toEqual(wanted(nameOf(database)));
      await migrateAll(admin);
      await users();
    }
    const late = {
      up: async (db: ReturnType<typeof createDatabase>) => void (await sql`create table http.late ()`.execute(db)),
    };
    await migrate(createDatabase<unknown>(admin), "http", { ...SHARED_SCHEMAS["http"], "999-late": late });
    expect(await ownersOf(admin)).toEqual(wanted(nameOf(database)));
  });

  it("may be so by one who owns it and makes users, but is no superuser", async () => {
    const name = nameOf(database);
    const admin = open(database.url);
    await admin.query(`create role ${name}_boss login password 'boss' createrole`);
    await admin.query(`alter database ${name} owner to ${name}_boss`);
    const url = Object.assign(new URL(database.url), { username: `${name}_boss`, password: "boss" });
    const boss = open(url.href);
    await migrateAll(boss);
    for (let time = 0; time < 2; time++) expect(await users(url.href)).toBeDefined();
    expect(await ownersOf(admin)).toEqual(wanted(name));
    await migrateAll(boss);
    await checkShardCount(boss, 64);
  });

  it("stays that user's where it may not make others", async () => {
    const name = nameOf(database);
    const admin = open(database.url);
    await admin.query(`create role ${name}_plain login password 'plain'`);
    await admin.query(`alter database ${name} owner to ${name}_plain`);
    const url = Object.assign(new URL(database.url), { username: `${name}_plain`, password: "plain" });
    await migrateAll(open(url.href));
    const before = await ownersOf(admin);
    expect(await users(url.href)).toBeUndefined();
    expect(await ownersOf(admin)).toEqual(before);
    expect((await admin.query("select from pg_roles where rolname = $1", [`${name}_engine`])).rows).toEqual([]);
  });
});

it("new passwords lock no cluster out that is at work", async () => {
  const { engine } = await openEach();
  const held = await engine.connect();
  await expect(users(database.url, { ...passwords, engine: "e2" })).rejects.toThrow(
    /Another cluster uses this database/,
  );
  await users();
  held.release();
  await engine.end();
  pools.splice(pools.indexOf(engine), 1);
  const admin = open(database.url);
  const ended = async (): Promise<boolean> => {
    const sessions = "select from pg_stat_activity where usename = $1";
    return (await admin.query(sessions, [`${nameOf(database)}_engine`])).rows.length === 0;
  };
  await expect.poll(ended).toBe(true);
  expect((await users(database.url, { ...passwords, engine: "e2" }))?.engine).toContain(":e2@");
});

it("says that a database's name leaves no room for those of its users, and makes none", async () => {
  const name = "n".repeat(55);
  const admin = open(database.url);
  await admin.query(`create database ${name}`);
  try {
    const url = new URL(database.url);
    url.pathname = name;
    await expect(users(url.href)).rejects.toThrow(`The name of the database ${name} is too long`);
    const { rowCount } = await admin.query("select from pg_roles where rolname like $1", [`${name}%`]);
    expect(rowCount).toBe(0);
  } finally {
    await admin.query(`drop database ${name}`);
  }
});
