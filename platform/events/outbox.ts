import { type Kysely, sql } from "kysely";
import type { Pool } from "pg";
import type { DomainEvent, EventData, EventName } from "../../proto/index.ts";
import type { Clock } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import type { RandomBytes } from "../random/index.ts";
import type { EventStream } from "./event-stream.ts";
import { Relay } from "./relay.ts";

export interface OutboxOptions {
  readonly pool: Pool;
  /** Has the table of `outboxMigration`. */
  readonly schema: string;
  /** Of the events, such as `/usher/bookings`. */
  readonly source: string;
  readonly stream: EventStream;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
}

/**
 * What a service tells, written in the transaction of what it tells of, and taken to the stream once that has committed.
 * While it is started it keeps one connection of the pool, in whichever process its relay leads.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #relay: Relay;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#relay = new Relay(options);
  }

  /**
   * Within the transaction of what it tells.
   * @param subject the id that order is kept for: of the booking, the showtime or the user. Transactions that tell of the same
   * subject must not run side by side (they lock its row), so that the first to write is the first to commit.
   */
  async add<Name extends EventName, Tables>(
    transaction: Kysely<Tables>,
    type: Name,
    subject: string,
    data: EventData[Name],
  ): Promise<void> {
    const { clock, random, schema, source } = this.#options;
    const now = new Date(clock.now());
    const event = {
      specversion: "1.0",
      id: `evt_${random(16).toString("base64url")}`,
      source,
      type,
      subject,
      time: now.toISOString(),
      datacontenttype: "application/json",
      data,
    } satisfies Omit<DomainEvent, "type" | "data"> & { type: Name; data: EventData[Name] };
    await sql`
      insert into ${sql.id(schema, "outbox")} (type, subject, event, created_at)
      values (${type}, ${subject}, ${JSON.stringify(event)}, ${now})`.execute(transaction);
  }

  /** After the commit, so that nobody waits for the next poll. */
  nudge(): void {
    this.#relay.nudge();
  }

  start(): void {
    this.#relay.start();
  }

  stop(): Promise<void> {
    return this.#relay.stop();
  }
}
