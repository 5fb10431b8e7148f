export { DeadLetters, type DeadLetter } from "./dead-letters.ts";
export { EventLog, type LoggedEvent } from "./event-log.ts";
export { addEventMetrics } from "./metrics.ts";
export type { Consumer, EventStream, StartableEventStream } from "./event-stream.ts";
export { InProcessEventStream } from "./in-process-event-stream.ts";
export { JetStreamEventStream } from "./jetstream/jetstream-event-stream.ts";
export { Inbox } from "./inbox.ts";
export {
  EVENTS_SCHEMA,
  eventsMigrations,
  inboxMigration,
  outboxMigration,
  outboxOrderMigration,
} from "./migrations.ts";
export { Outbox } from "./outbox/outbox.ts";
export { StreamMark } from "./stream-mark.ts";
