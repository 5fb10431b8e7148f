import { type Kysely, type RawBuilder, sql } from "kysely";
import { INBOX_KEPT_DAYS } from "./limits.ts";

/** What each consumer of a schema has dealt with: events come at least once, and their effects must come once. */
export class Inbox {
  readonly #table;

  /** @param options.schema has the table of `inboxMigration` */
  constructor(options: { schema: string }) {
    this.#table = sql.id(options.schema, "inbox");
  }

  /**
   * Within the consumer's transaction, before anything else in it. While another transaction deals with the same event, this
   * waits for its outcome. Each take also deletes two rows that are too old to be asked for, so that the table stays bounded.
   * @returns false when `consumer` has dealt with the event before: there is nothing left to do
   */
  async take<Tables>(transaction: Kysely<Tables>, consumer: string, eventId: string): Promise<boolean> {
    const { rows } = await sql`
      with ${this.#old()} ${this.#taking(consumer, eventId)} returning 1`.execute(transaction);
    return rows.length > 0;
  }

  /**
   * The same together with its effect, in one statement that is a transaction by itself.
   * @param effect makes a statement of a `with` that has a row when the event is new
   */
  async takeAnd<Tables>(
    db: Kysely<Tables>,
    consumer: string,
    eventId: string,
    effect: (taken: RawBuilder<unknown>) => RawBuilder<unknown>,
  ): Promise<boolean> {
    const { rows } = await sql`
      with ${this.#old()},
      taken as (${this.#taking(consumer, eventId)} returning 1),
      effect as (${effect(sql.id("taken"))} returning 1)
      select from taken`.execute(db);
    return rows.length > 0;
  }

  #old(): RawBuilder<unknown> {
    return sql`old as (
        delete from ${this.#table} where ctid = any (array(
          select ctid from ${this.#table} where taken_at < now() - make_interval(days => ${INBOX_KEPT_DAYS})
          limit 2 for update skip locked))
      )`;
  }

  #taking(consumer: string, eventId: string): RawBuilder<unknown> {
    return sql`insert into ${this.#table} (consumer, event_id) values (${consumer}, ${eventId}) on conflict do nothing`;
  }
}
