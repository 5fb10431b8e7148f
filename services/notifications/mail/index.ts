/** Mails to buyers: what is to be sent, the letters that say it, and the servers that take it. */
export { MAILED_EVENTS, type MailedEvent } from "./letters/index.ts";
export { addMailMetrics } from "./mail-metrics.ts";
export { MailQueue } from "./mail-queue.ts";
export { MailWorker } from "./mail-worker.ts";
export { MailWriter } from "./mail-writer.ts";
export { Peers } from "./peers.ts";
export { mailMigrations, type MailTables, NOTIFICATIONS_SCHEMA } from "./tables.ts";
export { FileTransport, MailFolder, type MailTransport, SmtpTransport } from "./transports/index.ts";
