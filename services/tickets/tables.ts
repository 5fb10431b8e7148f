import { type Kysely, type Migration, sql } from "kysely";
import { inboxMigration, outboxMigration, outboxOrderMigration } from "../../platform/events/index.ts";
import { type Fixed, vacuumOften } from "../../platform/postgres/index.ts";

export const TICKETS_SCHEMA = "tickets";

export interface TicketTables {
  /** Bookings that events have told of: the queue of those whose tickets are to be brought up to date. */
  booking: {
    booking_id: Fixed<string>;
    /** Events, and changes of which tickets there are, so far. What was read before one is not written after it. */
    changes: number;
    /** When its tickets are next looked at; null when they are as they should be. */
    due_at: Date | null;
    /** Failed looks since the last event. */
    attempts: number;
  };
  ticket: {
    id: Fixed<string>;
    booking_id: Fixed<string>;
    seat: Fixed<number>;
    user_id: Fixed<string>;
    showtime_id: Fixed<string>;
    /** The seat, as people read it. */
    label: string;
    valid_from: Date;
    valid_until: Date;
    /** Only a code of this generation is good; re-issuing raises it. */
    generation: number;
    issued_at: Fixed<Date>;
    checked_in_at: Date | null;
    /** Hash of who checked it in and of that request's Idempotency-Key, if it had one. */
    checked_in_request: Buffer | null;
    /** Since when it lets nobody in, because its seat is about to be given back. */
    withdrawn_at: Date | null;
    voided_at: Date | null;
  };
}

export const ticketsMigrations: Readonly<Record<string, Migration>> = {
  "001-tickets": {
    // Kysely hands migrations an untyped database: they outlive today's types.
    async up(db: Kysely<unknown>) {
      await sql`
        create table tickets.booking (
          booking_id text primary key,
          changes integer not null,
          due_at timestamptz,
          attempts integer not null default 0
        )`.execute(db);
      await sql`create index booking_due on tickets.booking (due_at) where due_at is not null`.execute(db);
      await sql`
        create table tickets.ticket (
          id text primary key,
          booking_id text not null,
          seat integer not null,
          user_id text not null,
          showtime_id text not null,
          label text not null,
          valid_from timestamptz not null,
          valid_until timestamptz not null,
          generation integer not null,
          issued_at timestamptz not null,
          checked_in_at timestamptz,
          voided_at timestamptz
        )`.execute(db);
      await sql`
        create unique index one_valid_ticket_a_seat on tickets.ticket (booking_id, seat)
        where voided_at is null`.execute(db);
      await sql`create index ticket_by_showtime on tickets.ticket (showtime_id) where voided_at is null`.execute(db);
    },
  },
  "002-inbox": inboxMigration(TICKETS_SCHEMA),
  "003-outbox": outboxMigration(TICKETS_SCHEMA),
  "004-withdrawn": {
    async up(db: Kysely<unknown>) {
      await sql`alter table tickets.ticket add column withdrawn_at timestamptz`.execute(db);
    },
  },
  "005-checked-in-request": {
    async up(db: Kysely<unknown>) {
      await sql`alter table tickets.ticket add column checked_in_request bytea`.execute(db);
    },
  },
  "006-outbox-order": outboxOrderMigration(TICKETS_SCHEMA),
  "007-vacuum": vacuumOften("tickets.booking"),
};
