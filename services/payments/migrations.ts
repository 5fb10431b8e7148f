import type { Migration } from "kysely";
import { outboxMigration, outboxOrderMigration } from "../../platform/events/index.ts";
import { statements, vacuumOften } from "../../platform/postgres/index.ts";
import { PAYMENTS_SCHEMA } from "./tables.ts";

const STATEMENTS = [
  `create table payments.payment (
    id text primary key check (id ~ '^[A-Za-z0-9_-]{1,40}$'),
    booking_id text not null,
    user_id text not null,
    method text not null check (method in ('mock', 'stripe', 'terminal')),
    amount integer not null check (amount >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    description text not null,
    pay_by timestamptz not null,
    token text,
    gateway_id text,
    next jsonb,
    state text not null check (state in ('pending', 'authorized', 'captured', 'failed', 'voided')),
    reason text,
    captured integer not null default 0 check (captured between 0 and amount),
    refunded integer not null default 0 check (refunded between 0 and captured),
    capture_wanted integer check (capture_wanted between 0 and amount),
    void_reason text,
    undo boolean not null default false,
    refusals integer not null default 0,
    attempts integer not null default 0,
    due_at timestamptz,
    created_at timestamptz not null,
    unique (method, gateway_id)
  )`,
  `create index payment_due on payments.payment (due_at) where due_at is not null`,
  `create index payment_by_booking on payments.payment (booking_id)`,
  `create index payment_by_age on payments.payment (created_at)`,
  `create table payments.refund (
    id text primary key check (id ~ '^[A-Za-z0-9_-]{1,40}$'),
    payment_id text not null references payments.payment,
    amount integer not null check (amount >= 0),
    reason text not null,
    state text not null check (state in ('open', 'done')),
    refusals integer not null default 0,
    created_at timestamptz not null
  )`,
  `create index refund_by_payment on payments.refund (payment_id)`,
  `create table payments.webhook (
    gateway text not null,
    id text not null,
    received_at timestamptz not null,
    primary key (gateway, id)
  )`,
  `create index webhook_by_age on payments.webhook (received_at)`,
];

const REFUND_AGAIN = [`alter table payments.refund add again_at timestamptz`];

/** Refunds that were done are looked at for some weeks, since a bank may send one back. */
const OLD_REFUNDS = [
  `alter table payments.refund add looked_at timestamptz`,
  `create index refund_done on payments.refund (looked_at nulls first) where state = 'done'`,
  `create index refund_open on payments.refund (created_at) where state = 'open'`,
];

/** What may still be sent back is found by its age: by `looked_at` whatever is never looked at came first, and that is most of all refunds. */
const LATE_REFUNDS = [
  `create index refund_lately on payments.refund (created_at, looked_at) where state = 'done'`,
  `drop index payments.refund_done`,
];

/** Events, which tell it, are there for a week. */
const MOVED_AT = [
  `alter table payments.payment add captured_at timestamptz`,
  `alter table payments.refund add done_at timestamptz`,
];

/** Migrations of the schema `payments`, in the order of their names. */
export const paymentsMigrations: Readonly<Record<string, Migration>> = {
  "001-payments": statements(STATEMENTS),
  "002-outbox": outboxMigration(PAYMENTS_SCHEMA),
  "003-refund-again": statements(REFUND_AGAIN),
  "004-old-refunds": statements(OLD_REFUNDS),
  "005-late-refunds": statements(LATE_REFUNDS),
  "006-outbox-order": outboxOrderMigration(PAYMENTS_SCHEMA),
  "007-vacuum": vacuumOften("payments.payment"),
  "008-moved-at": statements(MOVED_AT),
};
