import type { Pool } from "pg";
import type { DomainEvent } from "../../proto/index.ts";
import type { Clock } from "../clock/index.ts";
import { storableText } from "../postgres/index.ts";
import { ERROR_LENGTH_MAX, REPLAY_LEASE_MS } from "./limits.ts";

export interface DeadLetter {
  readonly id: string;
  readonly consumer: string;
  readonly event: DomainEvent;
  /** The last failure. */
  readonly error: string;
  readonly attempts: number;
  readonly failedAt: Date;
  /** Somebody asked for a replay, and no running consumer has reported on it yet. */
  readonly replayWanted: boolean;
}

const COLUMNS = `id::text, consumer, event, error, attempts, failed_at as "failedAt", replay_wanted as "replayWanted"`;

/**
 * Events that a consumer failed on too often, one row for each of the two, kept until they are replayed or discarded.
 * A replay is a mark on the row: the process that has the consumer sees it, so anybody with the database may ask for it.
 */
export class DeadLetters {
  readonly #pool: Pool;
  readonly #clock: Clock;

  /** @param options.pool of a database whose schema `events` is migrated */
  constructor(options: { pool: Pool; clock: Clock }) {
    this.#pool = options.pool;
    this.#clock = options.clock;
  }

  async add(letter: { consumer: string; event: DomainEvent; error: unknown; attempts: number }): Promise<void> {
    const { consumer, event, error, attempts } = letter;
    await this.#pool.query(
      `insert into events.dead_letter (consumer, event_id, event, error, attempts, failed_at)
       values ($1, $2, $3, $4, $5, $6)
       on conflict (consumer, event_id) do update set error = excluded.error, failed_at = excluded.failed_at,
         attempts = dead_letter.attempts + excluded.attempts, replay_wanted = false, leased_until = null`,
      [consumer, event.id, JSON.stringify(event), textOf(error), attempts, this.#now()],
    );
  }

  /** Newest first. @param options.ids only these */
  async list(options: { limit: number; ids?: readonly string[] }): Promise<DeadLetter[]> {
    const { rows } = await this.#pool.query<DeadLetter>(
      `select ${COLUMNS} from events.dead_letter
       where $2::bigint[] is null or id = any ($2) order by dead_letter.id desc limit $1`,
      [options.limit, options.ids ?? null],
    );
    return rows;
  }

  /** @returns those of the events that are dead letters of `consumer` */
  async among(consumer: string, eventIds: readonly string[]): Promise<ReadonlySet<string>> {
    const { rows } = await this.#pool.query<{ eventId: string }>(
      `select event_id as "eventId" from events.dead_letter where consumer = $1 and event_id = any ($2)`,
      [consumer, eventIds],
    );
    return new Set(rows.map(({ eventId }) => eventId));
  }

  /** Marks them to be handed to their consumers again. @returns the ids that were marked */
  async replay(ids: readonly string[] | "all"): Promise<string[]> {
    const { rows } = await this.#pool.query<{ id: string }>(
      `update events.dead_letter set replay_wanted = true, leased_until = null
       where $1::bigint[] is null or id = any ($1) returning id::text`,
      [ids === "all" ? null : ids],
    );
    return rows.map(({ id }) => id);
  }

  /** @returns false when there is no such letter (any more) */
  async discard(id: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query("delete from events.dead_letter where id = $1::bigint", [id]);
    return rowCount === 1;
  }

  /** For the stream: replays that somebody asked for, oldest first, each given to one process. */
  async takeReplays(consumers: readonly string[], limit: number): Promise<DeadLetter[]> {
    const now = this.#now();
    const { rows } = await this.#pool.query<DeadLetter>(
      `update events.dead_letter set leased_until = $4 where id in (
         select id from events.dead_letter
         where replay_wanted and consumer = any ($1) and (leased_until is null or leased_until < $3)
         order by id limit $2 for update skip locked)
       returning ${COLUMNS}`,
      [consumers, limit, now, new Date(now.getTime() + REPLAY_LEASE_MS)],
    );
    return rows.sort((a, b) => Number(BigInt(a.id) - BigInt(b.id)));
  }

  async count(): Promise<number> {
    const { rows } = await this.#pool.query<{ count: number }>("select count(*)::int as count from events.dead_letter");
    return rows[0]?.count ?? 0;
  }

  #now(): Date {
    return new Date(this.#clock.now());
  }
}

const textOf = (error: unknown): string =>
  storableText(error instanceof Error ? (error.stack ?? error.message) : String(error), ERROR_LENGTH_MAX);
