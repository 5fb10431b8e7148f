import type { NatsConnection } from "@nats-io/transport-node";
import {
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
export async function startEvents({ clock, log }: Role, { nats, database }: Options): Promise<StartableEventStream> {
  const deadLetters = new DeadLetters({ pool: database.pool, clock });
  if (nats !== undefined) {
    return JetStreamEventStream.open({ connection: nats, pool: database.pool, clock, log, deadLetters });
  }
  return new InProcessEventStream({ clock, log, deadLetters });
}
