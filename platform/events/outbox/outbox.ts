import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Pool } from "pg";
import type { DomainEvent, EventData, EventName } from "../../../proto/index.ts";
import { OUTBOX_WRITTEN } from "../../../proto/services/index.ts";
import type { Bus, Subscription } from "../../bus/index.ts";
import type { Clock } from "../../clock/index.ts";
import type { Logger } from "../../log/index.ts";
import { newId, type RandomBytes } from "../../random/index.ts";
import type { EventStream } from "../event-stream.ts";
import { Relay } from "./relay.ts";

interface OutboxOptions {
  readonly pool: Pool;
  /** Has the table of `outboxMigration`. */
  readonly schema: string;
  /** Source of the events, such as `/usher/bookings`. */
  readonly source: string;
  readonly stream: EventStream;
  /** Tells other processes of commits, whose relay may be the one that leads; without, it finds them at its next look. */
  readonly bus?: Bus;
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
  readonly #table: RawBuilder<unknown>;
  readonly #relay: Relay;
  #hints: Subscription | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#table = sql.id(options.schema, "outbox");
    this.#relay = new Relay(options);
  }

  /**
   * Within the transaction of what it tells.
   * @param subject the id that order is kept for: of the booking, the showtime or the user. Transactions that tell of the same
   * subject must not run side by side (they lock its row), so that the first to write is the first to commit.
   * @param at when it happened, where the teller has written that down
   */
  async add<Name extends EventName, Tables>(
    transaction: Kysely<Tables>,
    type: Name,
    subject: string,
    data: EventData[Name],
    at = new Date(this.#options.clock.now()),
  ): Promise<void> {
    const event = this.#eventOf(type, subject, data, at);
    await sql`
      insert into ${this.#table} (type, subject, event, created_at)
      values (${type}, ${subject}, ${event}, ${at})`.execute(transaction);
  }

  /**
   * Several in this order, as a part of the one statement that is a transaction by itself.
   * @param cause a `with` of that statement, with one row when what they tell of has happened, and else none
   * @param told at least one
   * @param at as of `add`
   */
  adding<Name extends EventName>(
    cause: string,
    subject: string,
    told: readonly { readonly type: Name; readonly data: EventData[Name] }[],
    at = new Date(this.#options.clock.now()),
  ): RawBuilder<unknown> {
    const rows = told.map(({ type, data }) => {
      const event = this.#eventOf(type, subject, data, at);
      return sql`
        select ${type}::text, ${subject}::text, ${event}::json, ${at}::timestamptz from ${sql.id(cause)}`;
    });
    return sql`
      insert into ${this.#table} (type, subject, event, created_at) ${sql.join(rows, sql` union all `)}`;
  }

  #eventOf<Name extends EventName>(type: Name, subject: string, data: EventData[Name], at: Date): string {
    const { random, source } = this.#options;
    const event = {
      specversion: "1.0",
      id: newId("evt", random),
      source,
      type,
      subject,
      time: at.toISOString(),
      datacontenttype: "application/json",
      data,
    } satisfies Omit<DomainEvent, "type" | "data"> & { type: Name; data: EventData[Name] };
    return JSON.stringify(event);
  }

  /** After the commit, so that nobody waits for the next poll. */
  nudge(): void {
    const { bus, schema } = this.#options;
    if (this.#relay.leads) this.#relay.nudge();
    else bus?.publish(OUTBOX_WRITTEN, { schema });
  }

  start(): void {
    this.#relay.start();
    this.#hints ??= this.#options.bus?.subscribe(OUTBOX_WRITTEN, ({ schema }) => {
      if (schema === this.#options.schema) this.#relay.nudge();
    });
  }

  async stop(): Promise<void> {
    this.#hints?.close();
    await this.#relay.stop();
  }
}
