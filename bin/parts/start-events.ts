import type { NatsConnection } from "@nats-io/transport-node";
import {
  addEventMetrics,
  DeadLetters,
  InProcessEventStream,
  JetStreamEventStream,
  type StartableEventStream,
} from "../../platform/events/index.ts";
import type { Role } from "./role.ts";
import type { RunningDatabase } from "./start-database.ts";

interface Options {
  readonly nats: NatsConnection | undefined;
  readonly database: RunningDatabase;
}

/** The event stream: on JetStream where there is NATS, else inside the process. It is started with the services that listen to it. */
export async function startEvents(
  { clock, log, metrics: registry }: Role,
  { nats, database: { pool } }: Options,
): Promise<StartableEventStream> {
  const deadLetters = new DeadLetters({ pool, clock });
  const stream =
    nats === undefined
      ? new InProcessEventStream({ clock, log, deadLetters })
      : await JetStreamEventStream.open({ connection: nats, pool, clock, log, deadLetters });
  addEventMetrics({ registry, pool, deadLetters, stream, clock, log });
  return stream;
}
