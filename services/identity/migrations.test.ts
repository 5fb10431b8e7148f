import { type Kysely, sql } from "kysely";
import { pino } from "pino";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { type TestDatabase, testDatabase } from "../../platform/postgres/testing.ts";
import { emailKey } from "../../platform/email-address/index.ts";
import { identityMigrations } from "./migrations.ts";
import { IDENTITY_SCHEMA } from "./tables.ts";

let database: TestDatabase;
let db: Kysely<unknown>;

beforeEach(async () => {
  database = await testDatabase();
  const log = pino({ level: "silent" });
  db = createDatabase(createPool({ connectionString: database.url, max: 2, name: "migrations-test", log }));
});
afterEach(async () => {
  await db.destroy();
  await database.drop();
});

it("accounts of the first version keep their sign-ins, and are found under today's keys", async () => {
  const { "001-accounts": first } = identityMigrations;
  if (first === undefined) throw new Error("the first migration is gone");
  await migrate(db, IDENTITY_SCHEMA, { "001-accounts": first });
  const emails = ["ann@example.com", "zo\u00eb@ex\u00e4mple.com", "bob@ex\u00e4mple.com", "bob@xn--exmple-cua.com"];
  for (const [at, email] of emails.entries()) {
    await sql`
      insert into identity."user" (id, role, email, email_key, created_at)
      values (${`usr_${at}`}, 'customer', ${email}, ${email}, now())`.execute(db);
    await sql`
      insert into identity.family (id, user_id, rotated_at, expires_at)
      values (${`fam_${at}`}, ${`usr_${at}`}, now(), now() + interval '1 day')`.execute(db);
  }
  await migrate(db, IDENTITY_SCHEMA, identityMigrations);
  const { rows } = await sql<{ email: string; email_key: string; language: string }>`
    select email, email_key, language from identity."user" order by id`.execute(db);
  expect(rows.map(({ language }) => language)).toEqual(["en", "en", "en", "en"]);
  const [ann, zoe, bob, other] = rows.map(({ email_key }) => email_key);
  expect([ann, zoe]).toEqual([emails[0], emailKey(emails[1] ?? "")]);
  expect([bob, other], "one of the two had the key already").toEqual([emails[2], emails[3]]);
  const { rows: families } = await sql<{ alive: boolean }>`
    select tokens_until > now() as alive from identity.family`.execute(db);
  expect(families).toEqual(emails.map(() => ({ alive: true })));
});

it("sign-ins of the first version make room for others a day after they were used last", async () => {
  const { "001-accounts": first } = identityMigrations;
  if (first === undefined) throw new Error("the first migration is gone");
  await migrate(db, IDENTITY_SCHEMA, { "001-accounts": first });
  await sql`insert into identity."user" (id, role, created_at) values ('usr_1', 'customer', now())`.execute(db);
  for (const [id, days] of [
    ["fam_old", 2],
    ["fam_new", 0],
  ] as const) {
    await sql`
      insert into identity.family (id, user_id, rotated_at, expires_at)
      values (${id}, 'usr_1', now() - make_interval(days => ${days}), now() + interval '29 days')`.execute(db);
  }
  await migrate(db, IDENTITY_SCHEMA, identityMigrations);
  const { rows } = await sql<{ id: string; days: number }>`
    select id, round(extract(epoch from tokens_until - now()) / 86400)::int as days from identity.family order by id`.execute(
    db,
  );
  expect(rows).toEqual([
    { id: "fam_new", days: 1 },
    { id: "fam_old", days: -1 },
  ]);
});
