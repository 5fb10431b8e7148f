import type { Pool } from "pg";
import { type Clock, sleep } from "../../platform/clock/index.ts";
import { SessionLock } from "../../platform/postgres/index.ts";
import { NAME_AGAIN_MS, NAME_TRIES } from "./limits.ts";

/** A row that counts as of now: an engine renews its own every second. */
const RENEWED_WITHIN = "interval '3 seconds'";

const nameOf = (engine: string): string => `usher.engine.${engine}`;

/**
 * The engines that use this database, by what they write into it themselves. It shows engines of another cluster, or of an
 * `usher all`, which this bus does not know, and which of those that fell silent are gone: each holds the lock of its name for as long as its
 * connection lasts.
 */
export class MemberTable {
  readonly #pool: Pool;
  readonly #id: string;
  readonly #clock: Clock;
  #name: SessionLock | undefined;
  #isRemoved = false;

  constructor({ pool, id, clock }: { pool: Pool; id: string; clock: Clock }) {
    this.#pool = pool;
    this.#id = id;
    this.#clock = clock;
  }

  /** Says that this engine lives. Rows of engines that are long gone are swept on the way. */
  async renew(): Promise<void> {
    await this.#pool.query({
      name: "renew-member",
      text: `WITH swept AS (DELETE FROM engine.member WHERE seen_at < now() - interval '1 day')
             INSERT INTO engine.member (engine, seen_at) VALUES ($1, now())
             ON CONFLICT (engine) DO UPDATE SET seen_at = now()`,
      values: [this.#id],
    });
    await this.#takeName();
  }

  async #takeName(): Promise<void> {
    if (this.#name !== undefined || this.#isRemoved) return;
    const name = await SessionLock.take(this.#pool, nameOf(this.#id));
    if (name === undefined) return; // It is being taken, or PostgreSQL has not seen the end of the last one yet.
    if (this.#isRemoved) return name.end();
    this.#name = name;
    const lost = async (): Promise<void> => {
      await name.lost;
      name.end();
      if (this.#name === name) this.#name = undefined;
      // At once: without it, one late beat would be taken for the end of this engine. PostgreSQL frees it a moment after it has said goodbye.
      for (let tries = 0; tries < NAME_TRIES && this.#name === undefined && !this.#isRemoved; tries++) {
        if (tries > 0) await sleep(this.#clock, NAME_AGAIN_MS);
        await this.#takeName();
      }
    };
    lost().catch(() => undefined); // Taken with the next renewal.
  }

  async remove(): Promise<void> {
    this.#isRemoved = true;
    this.#name?.end();
    await this.#pool.query("DELETE FROM engine.member WHERE engine = $1", [this.#id]);
  }

  /** Whether the engine's connection has ended: PostgreSQL knows that the moment its process does. */
  async isGone(engine: string): Promise<boolean> {
    const { rows } = await this.#pool.query<{ free: boolean }>({
      name: "is-gone",
      // A shared lock, for this statement alone: several may ask at once without taking each other for the engine.
      text: "SELECT pg_try_advisory_xact_lock_shared(hashtextextended($1, 0)) AS free",
      values: [nameOf(engine)],
    });
    return rows[0]?.free === true;
  }

  /** Engines that renewed their rows a moment ago, this one left out, and when each did. */
  async others(): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.#pool.query<{ engine: string; seen_at: Date }>(
      `SELECT engine, seen_at FROM engine.member WHERE engine <> $1 AND seen_at > now() - ${RENEWED_WITHIN}`,
      [this.#id],
    );
    return new Map(rows.map(({ engine, seen_at }) => [engine, seen_at.getTime()]));
  }
}
