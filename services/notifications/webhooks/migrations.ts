import { type Kysely, type Migration, sql } from "kysely";

/** Migrations of the schema `notifications`, beside those of its other tables. */
export const webhookMigrations: Readonly<Record<string, Migration>> = {
  "101-webhooks": {
    async up(db: Kysely<unknown>) {
      await sql`
        create table notifications.webhook (
          id text primary key,
          url text not null,
          types text[] not null,
          description text,
          secret text not null,
          previous_secret text,
          previous_until timestamptz,
          disabled_reason text,
          failing_since timestamptz,
          created_at timestamptz not null,
          updated_at timestamptz not null
        )`.execute(db);
      await sql`
        create table notifications.webhook_delivery (
          id text primary key,
          webhook_id text not null references notifications.webhook on delete cascade,
          event_id text not null,
          type text not null,
          body text not null,
          status text not null check (status in ('pending', 'delivered', 'failed')),
          attempts integer not null default 0,
          created_at timestamptz not null,
          give_up_at timestamptz not null,
          next_attempt_at timestamptz not null,
          leased_until timestamptz,
          last_attempt_at timestamptz,
          status_code integer,
          error text,
          response text,
          unique (webhook_id, event_id)
        )`.execute(db);
      await sql`
        create index webhook_delivery_due on notifications.webhook_delivery (webhook_id, next_attempt_at)
        where status = 'pending'`.execute(db);
      await sql`create index webhook_delivery_log on notifications.webhook_delivery (webhook_id, created_at, id)`.execute(
        db,
      );
      await sql`create index webhook_delivery_age on notifications.webhook_delivery (created_at)`.execute(db);
    },
  },
  "102-leased-deliveries": {
    async up(db: Kysely<unknown>) {
      await sql`
        create index webhook_delivery_leased on notifications.webhook_delivery (webhook_id, leased_until)
        where status = 'pending' and leased_until is not null`.execute(db);
    },
  },
  "105-failed-deliveries": {
    async up(db: Kysely<unknown>) {
      await sql`
        create index webhook_delivery_failed on notifications.webhook_delivery (webhook_id, created_at, id)
        where status = 'failed'`.execute(db);
    },
  },
};
