export { addMailMetrics } from "./mail-metrics.ts";
export { MailQueue } from "./mail-queue.ts";
export { MailWorker } from "./mail-worker.ts";
export { MailWriter } from "./mail-writer.ts";
