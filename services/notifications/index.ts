/** What the world is told: mails and news for buyers, webhooks for integrators. */
export { createNotificationsService, type NotificationsOptions, type NotificationsService } from "./service.ts";
export { NOTIFICATIONS_SCHEMA } from "./mail/index.ts";
export { notificationsMigrations } from "./migrations.ts";
