import type { NatsConnection } from "@nats-io/transport-node";
import {
  addEventMetrics,
  DeadLetters,
  InProcessEventStream,
  JetStreamEventStream,
  type StartableEventStream,
  StreamMark,
} from "../../platform/events/index.ts";
import type { RunningDatabase } from "./database/start-database.ts";
import type { Role } from "./role.ts";

interface Options {
  readonly nats: NatsConnection | undefined;
  readonly database: RunningDatabase;
  /** What the stream is called where there is no NATS: processes that call it the same may follow each other on one database. */
  readonly alone: string;
}

/**
 * The event stream: on JetStream where there is NATS, else inside the process. It is started with the services that listen to it.
 * @throws TwoStreams when others who use the database have another one
 */
export async function startEvents(
  { clock, log, metrics: registry, lifecycle }: Role,
  { nats, database: { pool }, alone }: Options,
): Promise<StartableEventStream> {
  const deadLetters = new DeadLetters({ pool, clock });
  const onJetStream = nats && (await JetStreamEventStream.open({ connection: nats, pool, clock, log, deadLetters }));
  await lifecycle.start({
    name: "the event stream's mark",
    start: () => StreamMark.set({ pool, clock, name: async () => onJetStream?.name() ?? alone }),
    stop: (mark) => mark.stop(),
  });
  const stream = onJetStream ?? new InProcessEventStream({ clock, log, deadLetters });
  addEventMetrics({ registry, pool, deadLetters, stream, clock, log });
  return stream;
}
