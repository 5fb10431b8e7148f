import type { Migration } from "kysely";
import { statements } from "../../../platform/postgres/index.ts";

const STATEMENTS = [
  `create table mock_gateway.payment (
    id text primary key,
    reference text not null unique,
    amount integer not null check (amount >= 0),
    currency text not null,
    description text not null,
    pay_by timestamptz not null,
    state text not null check (state in ('pending', 'authorized', 'captured', 'failed', 'voided')),
    captured integer not null default 0 check (captured between 0 and amount),
    refunded integer not null default 0 check (refunded between 0 and captured),
    reason text,
    decide_at timestamptz,
    verdict text check (verdict in ('authorized', 'failed')),
    webhook_copies integer not null default 0,
    created_at timestamptz not null
  )`,
  `create index payment_to_decide on mock_gateway.payment (decide_at) where decide_at is not null`,
  `create index payment_by_age on mock_gateway.payment (created_at, id)`,
  `create table mock_gateway.operation (
    key text primary key,
    request text not null,
    payment_id text not null references mock_gateway.payment deferrable initially deferred
  )`,
  `create table mock_gateway.webhook (
    id text primary key,
    body text not null,
    copies integer not null check (copies >= 0),
    attempts integer not null default 0,
    due_at timestamptz,
    created_at timestamptz not null
  )`,
  `create index webhook_to_send on mock_gateway.webhook (due_at) where due_at is not null`,
];

/** Migrations of the schema `mock_gateway`, in the order of their names. */
export const mockGatewayMigrations: Readonly<Record<string, Migration>> = {
  "001-mock-gateway": statements(STATEMENTS),
};
