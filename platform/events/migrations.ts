import { type Kysely, type Migration, sql } from "kysely";

export const EVENTS_SCHEMA = "events";

/** Table `<schema>.outbox`. `json` rather than `jsonb`: the event is told as it was written, whatever its texts hold. */
export const outboxMigration = (schema: string): Migration => ({
  async up(db: Kysely<unknown>) {
    const table = sql.id(schema, "outbox");
    await sql`
      create table ${table} (
        id bigint generated always as identity primary key,
        type text not null,
        subject text not null,
        event json not null,
        created_at timestamptz not null,
        published_at timestamptz,
        repeated_at timestamptz
      )`.execute(db);
    await sql`create index outbox_unpublished on ${table} (id) where published_at is null`.execute(db);
    await sql`
      create index outbox_unrepeated on ${table} (published_at)
      where published_at is not null and repeated_at is null`.execute(db);
    await sql`create index outbox_published on ${table} (published_at) where published_at is not null`.execute(db);
    await sql`create index outbox_by_subject on ${table} (subject, id)`.execute(db);
    await sql`create index outbox_by_time on ${table} (created_at)`.execute(db);
  },
});

/** Lets events of one subject that are in several outboxes come in one order: that of PostgreSQL's clock, when they were written. */
export const outboxOrderMigration = (schema: string): Migration => ({
  async up(db: Kysely<unknown>) {
    const table = sql.id(schema, "outbox");
    await sql`alter table ${table} add written_at timestamptz`.execute(db);
    await sql`update ${table} set written_at = created_at where published_at is null`.execute(db);
    await sql`alter table ${table} alter written_at set default clock_timestamp()`.execute(db);
  },
});

/** Table `<schema>.inbox`. */
export const inboxMigration = (schema: string): Migration => ({
  async up(db: Kysely<unknown>) {
    const table = sql.id(schema, "inbox");
    await sql`
      create table ${table} (
        consumer text not null,
        event_id text not null,
        taken_at timestamptz not null default now(),
        primary key (consumer, event_id)
      )`.execute(db);
    await sql`create index inbox_by_time on ${table} (taken_at)`.execute(db);
  },
});

/**
 * Migrations of the schema `events`. Its `stream` has the one that outboxes publish to: when it was made by its own clock, and first seen by
 * theirs; `position` has the last event that each consumer was given on JetStream.
 */
export const eventsMigrations: Readonly<Record<string, Migration>> = {
  "001-dead-letters": {
    async up(db: Kysely<unknown>) {
      await sql`
        create table events.dead_letter (
          id bigint generated always as identity primary key,
          consumer text not null,
          event_id text not null,
          event json not null,
          error text not null,
          attempts integer not null,
          failed_at timestamptz not null,
          replay_wanted boolean not null default false,
          leased_until timestamptz,
          unique (consumer, event_id)
        )`.execute(db);
      await sql`create index dead_letter_wanted on events.dead_letter (consumer) where replay_wanted`.execute(db);
    },
  },
  "002-stream": {
    async up(db: Kysely<unknown>) {
      await sql`
        create table events.stream (
          one boolean primary key default true check (one),
          made_at timestamptz not null,
          seen_at timestamptz not null
        )`.execute(db);
    },
  },
  "003-positions": {
    async up(db: Kysely<unknown>) {
      await sql`
        create table events.position (
          consumer text primary key,
          seq bigint not null,
          message_id text not null
        )`.execute(db);
    },
  },
};
