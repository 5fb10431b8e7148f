import type { PoolClient } from "pg";
import type { DomainEvent } from "../../../proto/index.ts";
import type { Clock } from "../../clock/index.ts";
import { StreamStopped } from "../event-stream.ts";
import { OUTBOX_PRUNE_ROWS_MAX, OUTBOX_UNMARK_ROWS_MAX } from "../limits.ts";

export interface OutboxRow {
  readonly id: string;
  readonly subject: string;
  readonly event: DomainEvent;
  /** Another outbox has one of its subject that was written before it, and is not published yet. */
  readonly isEarly: boolean;
}

/** What a relay reads and writes of the outbox while its connection holds the lock. The statements go one after another. */
export class OutboxLead {
  over = false;
  readonly #connection: PoolClient;
  readonly #table: string;
  /** SQL that says whether a row of `outbox` is early. */
  readonly #isEarly: string;
  readonly #clock: Clock;
  readonly #early: StatementBatch<ReadonlySet<string>>;
  readonly #marks: StatementBatch<void>;
  /** Never rejects. */
  #lastStatement: Promise<unknown> = Promise.resolve();

  private constructor(connection: PoolClient, schema: string, others: readonly string[], clock: Clock) {
    this.#connection = connection;
    this.#table = `"${schema}".outbox`;
    // Not "is null": the index of what is not published would fit, tiny while all is well, and after a long outage each row read would
    // scan all that waits in it. Left is the index by subject.
    const earlier = others.map(
      (other) => `exists (select from "${other}".outbox as other where other.subject = outbox.subject
        and coalesce(other.published_at, 'infinity') = 'infinity' and other.written_at < outbox.written_at)`,
    );
    this.#isEarly = earlier.join(" or ") || "false";
    this.#clock = clock;
    const inTurn = <Result>(statement: () => Promise<Result>): Promise<Result> => this.#inTurn(statement);
    this.#early = new StatementBatch(inTurn, (ids) => this.#lookFor(ids));
    this.#marks = new StatementBatch(inTurn, (ids) => this.#mark(ids));
  }

  /** Leads this schema's outbox. The others whose events it keeps in order with its own are those that know when each was written. */
  static async of(connection: PoolClient, schema: string, clock: Clock): Promise<OutboxLead> {
    const { rows } = await connection.query<{ schema: string }>(
      `select table_schema as schema from information_schema.columns where table_name = 'outbox' and column_name = 'written_at'`,
    );
    const ordered = rows.map((row) => row.schema);
    const others = ordered.includes(schema) ? ordered.filter((other) => other !== schema) : [];
    // Else those with arrays would be planned each time, which takes longer than to carry them out.
    await connection.query("set plan_cache_mode = force_generic_plan; set enable_seqscan = off");
    return new OutboxLead(connection, schema, others, clock);
  }

  /** In the order in which they were written; without these ids and these subjects. */
  async read(inHand: readonly string[], paused: readonly string[], limit: number): Promise<OutboxRow[]> {
    const { rows } = await this.#inTurn(() =>
      this.#connection.query<OutboxRow>({
        name: "outbox.read",
        text: `select id::text, subject, event, ${this.#isEarly} as "isEarly" from ${this.#table}
         where published_at is null and id <> all ($1::bigint[]) and subject <> all ($2::text[])
         order by outbox.id limit $3`,
        values: [inHand, paused, limit],
      }),
    );
    return rows;
  }

  /** Whether a row is early still. All that ask meanwhile are answered by one statement. */
  async isEarly(id: string): Promise<boolean> {
    return (await this.#early.add(id)).has(id);
  }

  /** Settles when it is durable that the row was published. All that are to be marked meanwhile go into one statement. */
  mark(id: string): Promise<void> {
    return this.#marks.add(id);
  }

  /** What was published before `time`, and not once more since, in the order in which it was written. */
  async readUnrepeated(time: Date, limit: number): Promise<Pick<OutboxRow, "id" | "event">[]> {
    const { rows } = await this.#inTurn(() =>
      this.#connection.query<Pick<OutboxRow, "id" | "event">>(
        `select id::text, event from ${this.#table}
         where published_at < $1 and repeated_at is null order by outbox.id limit $2`,
        [time, limit],
      ),
    );
    return rows;
  }

  async markRepeated(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#inTurn(() =>
      this.#connection.query(`update ${this.#table} set repeated_at = $1 where id = any ($2)`, [
        new Date(this.#clock.now()),
        ids,
      ]),
    );
  }

  /**
   * Writes down when a stream was first seen, unless somebody has: who makes a stream may have another clock than who publishes. Nobody knows
   * that of the first of all, so it is no later than it says itself.
   */
  async noteStream(madeAt: Date): Promise<void> {
    await this.#inTurn(() =>
      this.#connection.query(
        `insert into events.stream as known (made_at, seen_at)
         values ($1::timestamptz, least($1::timestamptz, $2::timestamptz))
         on conflict (one) do update set made_at = excluded.made_at, seen_at = $2::timestamptz
         where known.made_at <> excluded.made_at`,
        [madeAt, new Date(this.#clock.now())],
      ),
    );
  }

  /** Takes what was published before the stream was seen for unpublished: it went to another. @returns how many rows that were */
  async unmark(): Promise<number> {
    for (let count = 0; ;) {
      const { rowCount } = await this.#inTurn(() =>
        this.#connection.query(
          `update ${this.#table} set published_at = null, repeated_at = null where id = any (array(
             select id from ${this.#table} where published_at < (select seen_at from events.stream)
             order by published_at limit $1))`,
          [OUTBOX_UNMARK_ROWS_MAX],
        ),
      );
      count += rowCount ?? 0;
      if ((rowCount ?? 0) < OUTBOX_UNMARK_ROWS_MAX) return count;
    }
  }

  /** Deletes some of what was published before `time`. @returns whether there may be more */
  async prune(time: Date): Promise<boolean> {
    const { rowCount } = await this.#inTurn(() =>
      this.#connection.query(
        `delete from ${this.#table} where id = any (array(
           select id from ${this.#table} where published_at < $1 order by published_at limit $2))`,
        [time, OUTBOX_PRUNE_ROWS_MAX],
      ),
    );
    return (rowCount ?? 0) >= OUTBOX_PRUNE_ROWS_MAX;
  }

  async #lookFor(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const text = `select id::text from ${this.#table} where id = any ($1) and (${this.#isEarly})`;
    const { rows } = await this.#connection.query<{ id: string }>({ name: "outbox.early", text, values: [ids] });
    return new Set(rows.map(({ id }) => id));
  }

  async #mark(ids: readonly string[]): Promise<void> {
    if (this.over) throw new StreamStopped("the relay has lost its lock");
    const now = new Date(this.#clock.now());
    const text = `update ${this.#table} set published_at = $1 where id = any ($2)`;
    await this.#connection.query({ name: "outbox.mark", text, values: [now, ids] });
  }

  #inTurn<Result>(statement: () => Promise<Result>): Promise<Result> {
    const result = this.#lastStatement.then(statement);
    this.#lastStatement = result.catch(() => {});
    return result;
  }
}

/** One statement for all ids that come before its turn. */
class StatementBatch<Result> {
  readonly #inTurn: (statement: () => Promise<Result>) => Promise<Result>;
  readonly #statement: (ids: readonly string[]) => Promise<Result>;
  #next: { readonly ids: string[]; readonly result: Promise<Result> } | undefined;

  constructor(
    inTurn: (statement: () => Promise<Result>) => Promise<Result>,
    statement: (ids: readonly string[]) => Promise<Result>,
  ) {
    this.#inTurn = inTurn;
    this.#statement = statement;
  }

  add(id: string): Promise<Result> {
    this.#next ??= this.#begin();
    this.#next.ids.push(id);
    return this.#next.result;
  }

  #begin(): { ids: string[]; result: Promise<Result> } {
    const ids: string[] = [];
    const result = this.#inTurn(() => {
      this.#next = undefined;
      return this.#statement(ids);
    });
    return { ids, result };
  }
}
