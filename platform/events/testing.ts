import { pino } from "pino";
import type { Pool } from "pg";
import type { DomainEvent, EventData, EventName } from "../../proto/index.ts";
import { systemClock } from "../clock/index.ts";
import { newId, systemRandom } from "../random/index.ts";
import { createDatabase, createPool, migrate } from "../postgres/index.ts";
import { testDatabase } from "../postgres/testing.ts";
import { DeadLetters } from "./dead-letters.ts";
import { InProcessEventStream } from "./in-process-event-stream.ts";
import { Outbox } from "./outbox/outbox.ts";
import {
  EVENTS_SCHEMA,
  eventsMigrations,
  inboxMigration,
  outboxMigration,
  outboxOrderMigration,
} from "./migrations.ts";

export const silent = pino({ level: "silent" });

export const testEvent = <Name extends EventName>(
  type: Name,
  subject: string,
  data: EventData[Name],
  id = newId("evt", systemRandom),
): DomainEvent<Name> => ({
  specversion: "1.0",
  id,
  source: "/usher/test",
  type,
  subject,
  time: new Date().toISOString(),
  datacontenttype: "application/json",
  data,
});

export interface TestEvents {
  readonly url: string;
  readonly pool: Pool;
  readonly deadLetters: DeadLetters;
  /** Not started; impatient, so that tests need not be patient. */
  newStream(options?: { deliveriesMax?: number }): InProcessEventStream;
  /** An event of each in the outbox of `shop`, which nobody publishes; its subject is the first three letters. */
  tell(userIds: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** A database with the schema `events`, `shop` with an outbox and an inbox, and `till` with an outbox. */
export async function testEvents(): Promise<TestEvents> {
  const database = await testDatabase();
  const pool = createPool({ connectionString: database.url, max: 10, name: "events-test", log: silent });
  const db = createDatabase<unknown>(pool);
  await migrate(db, EVENTS_SCHEMA, eventsMigrations);
  for (const schema of ["shop", "till"]) {
    await migrate(db, schema, {
      "001-outbox": outboxMigration(schema),
      "002-inbox": inboxMigration(schema),
      "003-order": outboxOrderMigration(schema),
    });
  }
  const deadLetters = new DeadLetters({ pool, clock: systemClock });
  const newStream = ({ deliveriesMax = 3 } = {}): InProcessEventStream =>
    new InProcessEventStream({
      clock: systemClock,
      log: silent,
      deadLetters,
      patience: { deliveriesMax, backOffFirstMs: 2 },
    });
  return {
    url: database.url,
    pool,
    deadLetters,
    newStream,
    async tell(userIds) {
      const outbox = new Outbox({
        pool,
        schema: "shop",
        source: "/usher/shop",
        stream: newStream(),
        clock: systemClock,
        random: systemRandom,
        log: silent,
      });
      for (const userId of userIds) await outbox.add(db, "user.deleted", userId.slice(0, 3), { userId });
    },
    async close() {
      await pool.end();
      await database.drop();
    },
  };
}
