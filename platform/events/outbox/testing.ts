import type { Kysely } from "kysely";
import type { DomainEvent } from "../../../proto/index.ts";
import type { Bus } from "../../bus/index.ts";
import { type Clock, systemClock } from "../../clock/index.ts";
import type { Logger } from "../../log/index.ts";
import { createDatabase, createPool } from "../../postgres/index.ts";
import { systemRandom } from "../../random/index.ts";
import type { EventStream } from "../event-stream.ts";
import { Outbox } from "./outbox.ts";
import { silent, testEvents, type TestEvents } from "../testing.ts";

/** What waits for a poll, or for a lock that somebody has lost, takes seconds. */
export const SOON = { timeout: 20_000 };

interface OutboxOptions {
  /** Its process, as PostgreSQL sees it. */
  readonly name?: string;
  readonly schema?: string;
  readonly clock?: Clock;
  readonly bus?: Bus;
  readonly log?: Logger;
}

export interface OutboxRig {
  readonly t: TestEvents;
  readonly db: Kysely<unknown>;
  /** In the order in which they were published. */
  readonly published: DomainEvent[];
  /** Notes what is published, and settles as `work` says. */
  streamThat(work?: (event: DomainEvent) => Promise<void>): EventStream;
  /** As another process would have it: with connections of its own. */
  newOutbox(stream: EventStream, options?: OutboxOptions): Outbox;
  add(outbox: Outbox, userId: string, subject?: string): Promise<void>;
  /** Done at the end, in turn. */
  readonly cleanUps: (() => Promise<unknown>)[];
  close(): Promise<void>;
}

/** Outboxes of `shop` and `till`, whose relays tell a stream of the test's. */
export async function outboxRig(): Promise<OutboxRig> {
  const t = await testEvents();
  const db = createDatabase<unknown>(t.pool);
  const published: DomainEvent[] = [];
  const cleanUps: (() => Promise<unknown>)[] = [];
  return {
    t,
    db,
    published,
    cleanUps,
    streamThat: (work = async () => {}) => ({
      async publish(event) {
        published.push(event);
        await work(event);
      },
      consume: () => ({ close: async () => {} }),
    }),
    newOutbox(stream, { name = "relay", schema = "shop", clock = systemClock, bus, log = silent } = {}) {
      const pool = createPool({ connectionString: t.url, max: 2, name, log: silent });
      const source = `/usher/${schema}`;
      const outbox = new Outbox({
        pool,
        schema,
        source,
        stream,
        ...(bus && { bus }),
        clock,
        random: systemRandom,
        log,
      });
      cleanUps.push(async () => {
        await outbox.stop();
        await pool.end();
      });
      return outbox;
    },
    add: (outbox, userId, subject = userId) =>
      db.transaction().execute((transaction) => outbox.add(transaction, "user.deleted", subject, { userId })),
    async close() {
      for (const cleanUp of cleanUps) await cleanUp();
      await t.close();
    },
  };
}

export const textsOf = (events: readonly DomainEvent[]): string[] =>
  events.map(({ data }) => (data as { userId: string }).userId);
