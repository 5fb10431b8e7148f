export { webhookMigrations } from "./migrations.ts";
export { createWebhooks, type Webhooks, type WebhooksOptions } from "./webhooks.ts";
