import type { Pool } from "pg";

/** A row that counts as of now: an engine renews its own every second. */
const RENEWED_WITHIN = "interval '3 seconds'";

/**
 * The engines that use this database, by what they write into it themselves. It is there to see engines that the bus does not know:
 * of another cluster.
 */
export class MemberTable {
  readonly #pool: Pool;
  readonly #id: string;

  constructor({ pool, id }: { pool: Pool; id: string }) {
    this.#pool = pool;
    this.#id = id;
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
  }

  async remove(): Promise<void> {
    await this.#pool.query("DELETE FROM engine.member WHERE engine = $1", [this.#id]);
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
