import type { Migration } from "kysely";
import { outboxMigration, outboxOrderMigration } from "../../../platform/events/index.ts";
import { PAYMENTS_SCHEMA } from "../tables.ts";
import { paymentsTables } from "./001-payments.ts";
import { refundAgain } from "./003-refund-again.ts";
import { oldRefunds } from "./004-old-refunds.ts";
import { lateRefunds } from "./005-late-refunds.ts";

/** Migrations of the schema `payments`, in the order of their names. */
export const paymentsMigrations: Readonly<Record<string, Migration>> = {
  "001-payments": paymentsTables,
  "002-outbox": outboxMigration(PAYMENTS_SCHEMA),
  "003-refund-again": refundAgain,
  "004-old-refunds": oldRefunds,
  "005-late-refunds": lateRefunds,
  "006-outbox-order": outboxOrderMigration(PAYMENTS_SCHEMA),
};
