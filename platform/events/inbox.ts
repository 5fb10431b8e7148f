import { type Kysely, sql } from "kysely";
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
      with old as (
        delete from ${this.#table} where ctid = any (array(
          select ctid from ${this.#table} where taken_at < now() - make_interval(days => ${INBOX_KEPT_DAYS})
          limit 2 for update skip locked))
      )
      insert into ${this.#table} (consumer, event_id) values (${consumer}, ${eventId})
      on conflict do nothing returning 1`.execute(transaction);
    return rows.length > 0;
  }
}
