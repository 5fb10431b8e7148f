import { type Kysely, type Migration, sql } from "kysely";
import { inboxMigration, outboxMigration } from "../../../platform/events/index.ts";
import { BOOKINGS_SCHEMA } from "./tables.ts";

const STATEMENTS = [
  `create table bookings.booking (
    id text primary key check (id ~ '^bk_[A-Za-z0-9_-]{1,37}$'),
    user_id text not null,
    showtime_id text not null,
    title text not null,
    hold_id text not null,
    status text not null
      check (status in ('pending', 'paying', 'confirmed', 'cancelled', 'refunded', 'expired', 'failed')),
    reason text,
    seats jsonb not null check (jsonb_array_length(seats) > 0),
    accept_other_seats boolean not null,
    pay_by timestamptz not null,
    payment jsonb,
    cancellations text[] not null default '{}',
    steps jsonb not null,
    tries integer not null default 0,
    due_at timestamptz,
    lease_until timestamptz,
    called_off boolean not null default false,
    version integer not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null
  )`,
  `create index booking_by_user on bookings.booking (user_id, created_at, id)`,
  `create index booking_by_showtime on bookings.booking (showtime_id, created_at, id)`,
  `create index booking_by_time on bookings.booking (created_at, id)`,
  `create index booking_due on bookings.booking (due_at) where due_at is not null`,
  `create index booking_called_off on bookings.booking (id) where called_off`,
  `create table bookings.cancelled_showtime (showtime_id text primary key)`,
];

/** Of the schema `bookings`, in the order of their names. */
export const bookingsMigrations: Readonly<Record<string, Migration>> = {
  "001-bookings": {
    async up(db: Kysely<unknown>) {
      for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
    },
  },
  "002-outbox": outboxMigration(BOOKINGS_SCHEMA),
  "003-inbox": inboxMigration(BOOKINGS_SCHEMA),
};
