import type { Migration } from "kysely";
import { inboxMigration, outboxMigration, outboxOrderMigration } from "../../../platform/events/index.ts";
import { statements, vacuumOften } from "../../../platform/postgres/index.ts";
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

/**
 * A booking that is inserted while its showtime is cancelled must not be overlooked by both. So an insert shares a lock of the
 * showtime with other inserts until it has committed, and a cancellation has it alone. Functions, and volatile ones: their
 * queries see what was committed while they waited for the lock, which the rest of the calling statement would not.
 */
const SHOWTIME_LOCK = [
  `create function bookings.lock_showtime(showtime text) returns void language sql volatile as
    $$ select pg_advisory_xact_lock(hashtextextended('usher.bookings.' || showtime, 0)) $$`,
  `create function bookings.is_called_off(showtime text) returns boolean language plpgsql volatile as $$
    begin
      perform pg_advisory_xact_lock_shared(hashtextextended('usher.bookings.' || showtime, 0));
      return exists (select from bookings.cancelled_showtime where showtime_id = showtime);
    end $$`,
];

/** Bookings from before have told of their refunds by events. */
const REFUNDED = [
  `alter table bookings.booking add column refunded bigint not null default 0 check (refunded >= 0)`,
  `update bookings.booking set refunded = told.amount
    from (
      select subject, sum((event #>> '{data,refunded,amount}')::bigint) as amount
      from bookings.outbox where type = 'booking.refunded' group by subject
    ) as told
    where told.subject = booking.id`,
];

/** Those that are undone are looked for apart from those that payers wait for. */
const UNDOING = [
  `alter table bookings.booking add column undoing boolean not null default false`,
  `update bookings.booking set undoing = true
    where due_at is not null
      and (payment ->> 'givenUp' = 'true' or steps -> 0 ->> 'do' in ('release', 'void', 'refund'))`,
  `drop index bookings.booking_due`,
  `create index booking_due on bookings.booking (undoing, due_at) where due_at is not null`,
];

/** Existing rows get one each. */
const SECRET = [`alter table bookings.booking add column secret text not null default gen_random_uuid()`];

/** Existing bookings start at 0. */
const FAILED_PAYMENTS = [`alter table bookings.booking add column failed_payments integer not null default 0`];

/** Not known for older bookings. */
const DESK = [`alter table bookings.booking add column desk boolean not null default false`];

/** Not known for older bookings. */
const CANCELLED = [`alter table bookings.booking add column cancelled jsonb not null default '[]'`];

/** Not known for older bookings. */
const CANCELLED_BY = [`alter table bookings.booking add column cancelled_by text`];

/** When each was done is not known for older bookings. */
const REFUNDS = [`alter table bookings.booking add column refunds jsonb not null default '[]'`];

/** Migrations of the schema `bookings`, in the order of their names. */
export const bookingsMigrations: Readonly<Record<string, Migration>> = {
  "001-bookings": statements(STATEMENTS),
  "002-outbox": outboxMigration(BOOKINGS_SCHEMA),
  "003-inbox": inboxMigration(BOOKINGS_SCHEMA),
  "004-refunded": statements(REFUNDED),
  "005-showtime-lock": statements(SHOWTIME_LOCK),
  "006-undoing": statements(UNDOING),
  "007-secret": statements(SECRET),
  "008-failed-payments": statements(FAILED_PAYMENTS),
  "009-outbox-order": outboxOrderMigration(BOOKINGS_SCHEMA),
  "010-desk": statements(DESK),
  "011-vacuum": vacuumOften("bookings.booking"),
  "012-cancelled": statements(CANCELLED),
  "013-cancelled-by": statements(CANCELLED_BY),
  "014-refunds": statements(REFUNDS),
};
