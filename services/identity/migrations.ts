import { type Kysely, type Migration, sql } from "kysely";
import { outboxMigration } from "../../platform/events/index.ts";
import { emailKey } from "../../platform/email-address/index.ts";
import { IDENTITY_SCHEMA } from "./tables.ts";

/** Kysely hands migrations an untyped database: they outlive today's types. */
export const identityMigrations: Readonly<Record<string, Migration>> = {
  "001-accounts": {
    async up(db: Kysely<unknown>) {
      await sql`
        create table identity."user" (
          id text primary key,
          role text not null,
          email text,
          email_key text unique,
          name text,
          created_at timestamptz not null
        )`.execute(db);
      await sql`
        create table identity.password (
          user_id text primary key references identity."user" on delete cascade,
          hash text not null
        )`.execute(db);
      await sql`
        create table identity.device (
          user_id text primary key references identity."user" on delete cascade,
          secret_hash bytea not null
        )`.execute(db);
      await sql`
        create table identity.family (
          id text primary key,
          user_id text not null references identity."user" on delete cascade,
          generation integer not null default 0,
          rotated_with bytea,
          rotated_at timestamptz not null,
          expires_at timestamptz not null,
          revoked_at timestamptz
        )`.execute(db);
      await sql`create index on identity.family (user_id)`.execute(db);
      await sql`create index on identity.family (expires_at)`.execute(db);
      await sql`create table identity.revocation (family text primary key, until timestamptz not null)`.execute(db);
      await sql`create index on identity.revocation (until)`.execute(db);
    },
  },
  "002-whole-accounts": {
    async up(db: Kysely<unknown>) {
      await sql`
        alter table identity."user"
          add column language text not null default 'en',
          add column deleted_at timestamptz`.execute(db);
      await sql`create index on identity."user" (created_at, id) where deleted_at is null`.execute(db);
      await sql`create index on identity."user" (role, created_at, id) where deleted_at is null`.execute(db);
      await sql`alter table identity.device add column seen_at timestamptz`.execute(db);
      // The longest-lived token of a family that is there already may be a guest's.
      await sql`
        alter table identity.family
          add column tokens_until timestamptz not null default now() + interval '30 days',
          add column network bytea`.execute(db);
      await sql`alter table identity.family alter column tokens_until drop default`.execute(db);
      await sql`create index on identity.family (user_id, network)`.execute(db);
      await sql`drop index identity.family_user_id_idx`.execute(db);
      // Unlogged: what a crash forgets is forgiven.
      await sql`
        create unlogged table identity.wrong_password (
          key bytea primary key,
          beyond_free integer not null,
          wait_until timestamptz not null,
          last_at timestamptz not null
        )`.execute(db);
      await sql`create index on identity.wrong_password (last_at)`.execute(db);
    },
  },
  "003-email-keys": {
    /** Keys are made anew where domains may be written in two ways. Of two accounts that turn out to have one address, both keep their keys. */
    async up(db: Kysely<unknown>) {
      const { rows } = await sql<{ id: string; email: string; email_key: string }>`
        select id, email, email_key from identity."user" where email_key ~ '[^[:ascii:]]' order by created_at`.execute(
        db,
      );
      for (const { id, email, email_key } of rows) {
        const key = emailKey(email);
        if (key === email_key) continue;
        await sql`
          update identity."user" set email_key = ${key}
          where id = ${id} and not exists (select 1 from identity."user" where email_key = ${key})`.execute(db);
      }
    },
  },
  "004-outbox": outboxMigration(IDENTITY_SCHEMA),
  "005-forgotten-husks": {
    /** Guests are forgotten by it, and those who deleted their account were not in it. */
    async up(db: Kysely<unknown>) {
      await sql`drop index identity.user_role_created_at_id_idx`.execute(db);
      await sql`create index on identity."user" (role, created_at, id)`.execute(db);
    },
  },
  "006-guests-who-booked": {
    /** Who booked stays for good: to be asked after at each look, or every day, they would soon be too many. */
    async up(db: Kysely<unknown>) {
      await sql`alter table identity."user" add column has_booked boolean not null default false`.execute(db);
      await sql`
        create index on identity."user" (created_at, id) where role = 'guest' and not has_booked`.execute(db);
    },
  },
  "007-ended-sign-ins": {
    /** Those signed out are looked for too, and not only those that nobody used for long. */
    async up(db: Kysely<unknown>) {
      await sql`create index on identity.family (least(expires_at, revoked_at))`.execute(db);
      await sql`drop index identity.family_expires_at_idx`.execute(db);
    },
  },
  "008-removed-devices": {
    /** They stay in the books. */
    async up(db: Kysely<unknown>) {
      await sql`alter table identity.device alter column secret_hash drop not null`.execute(db);
    },
  },
  "009-tokens-of-the-first-version": {
    /**
     * Sign-ins that were there before it was known how long their tokens are good got 30 days, in which they cannot make room for others. They
     * are of people, whose access tokens last a day at the most. Those of guests and devices, which end with their token, are left as they are.
     */
    async up(db: Kysely<unknown>) {
      await sql`
        update identity.family set tokens_until = rotated_at + interval '1 day 2 minutes'
        where tokens_until > rotated_at + interval '1 day 2 minutes' and tokens_until <> expires_at`.execute(db);
    },
  },
};
