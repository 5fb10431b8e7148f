import type { Migration } from "kysely";
import { mailMigrations } from "./mail/index.ts";
import { webhookMigrations } from "./webhooks/index.ts";

/** Both parts share one schema, and with it one numbering. */
export const notificationsMigrations: Readonly<Record<string, Migration>> = { ...mailMigrations, ...webhookMigrations };
