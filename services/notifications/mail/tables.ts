import { type ColumnType, type Generated, type Kysely, type Migration, sql } from "kysely";
import { inboxMigration } from "../../../platform/events/index.ts";
import type { Fixed } from "../../../platform/postgres/index.ts";
import type { DomainEvent } from "../../../proto/index.ts";
import type { MailedEvent } from "./letters/index.ts";

export const NOTIFICATIONS_SCHEMA = "notifications";

/**
 * `queued`: to be sent, again if need be. `sent`. `dropped`: there was nobody to send it to, nothing to say any more, or too much said already.
 * `failed`: refused, or put off for days; its event is a dead letter then.
 */
export type MailStatus = "queued" | "sent" | "dropped" | "failed";

export interface MailTables {
  /** A mail for each event that its booking's buyer is to hear of. It holds no address: that is asked for when it is sent. */
  mail: {
    id: Fixed<string>;
    event_id: Fixed<string>;
    event: ColumnType<DomainEvent<MailedEvent>, string, never>;
    /** Where the event does not name the buyer, known once the mail was written. */
    user_id: string | null;
    status: MailStatus;
    /** When it was queued: it is given up some days later. */
    created_at: Date;
    /** When it is next tried, while it is queued. */
    due_at: Date;
    /** Times it was tried. */
    attempts: number;
    /** Whether it waits for its recipient alone, as the mail server said last: that may last for days, and others are sent meanwhile. */
    recipient_unreachable: Generated<boolean>;
    /** What went wrong last, or why it was dropped. */
    note: string | null;
    finished_at: Date | null;
  };
}

/** Migrations of the schema `notifications`, beside those of webhooks. */
export const mailMigrations: Readonly<Record<string, Migration>> = {
  "001-mail": {
    // Kysely hands migrations an untyped database: they outlive today's types.
    async up(db: Kysely<unknown>) {
      await sql`
        create table notifications.mail (
          id text primary key,
          event_id text not null unique,
          event json not null,
          user_id text,
          status text not null check (status in ('queued', 'sent', 'dropped', 'failed')),
          created_at timestamptz not null,
          due_at timestamptz not null,
          attempts integer not null default 0,
          note text,
          finished_at timestamptz
        )`.execute(db);
      await sql`create index mail_due on notifications.mail (due_at) where status = 'queued'`.execute(db);
      await sql`create index mail_by_user on notifications.mail (user_id)`.execute(db);
      await sql`create index mail_finished on notifications.mail (finished_at)`.execute(db);
    },
  },
  "002-inbox": inboxMigration(NOTIFICATIONS_SCHEMA),
  // Behind those of webhooks, since migrations come in the order of their names.
  "103-confirmed-mails-first": {
    async up(db: Kysely<unknown>) {
      await sql`
        create index mail_turn on notifications.mail ((event ->> 'type' <> 'booking.confirmed'), due_at)
        where status = 'queued'`.execute(db);
      await sql`drop index notifications.mail_due`.execute(db);
    },
  },
  "104-recipients-that-keep-mails-waiting": {
    async up(db: Kysely<unknown>) {
      await sql`alter table notifications.mail add column recipient_unreachable boolean not null default false`.execute(
        db,
      );
    },
  },
};
