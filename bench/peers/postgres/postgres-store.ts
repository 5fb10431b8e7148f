import pg from "pg";
import { type Hold, SEATS_A_HALL, type SeatStore } from "../front/seat-store.ts";
import type { Strategy } from "./strategies.ts";

/** Connections of the pool, the same for every strategy. */
const CONNECTIONS = 20;

/** Plans are made once: left to itself, PostgreSQL plans these statements anew each time, which takes a third of a hold's CPU time. */
const OPTIONS = "-c plan_cache_mode=force_generic_plan";

/**
 * One row per seat. Half of each page stays free and no changing column is indexed, so that every update is a heap-only one (HOT): no index is
 * written, and old versions are pruned without a vacuum.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS seat (
    showtime integer NOT NULL,
    seat integer NOT NULL,
    version integer NOT NULL DEFAULT 0,
    hold bigint,
    holder bigint,
    expires_at timestamptz,
    PRIMARY KEY (showtime, seat)
  ) WITH (fillfactor = 50);
  CREATE SEQUENCE IF NOT EXISTS front;`;

export class PostgresStore implements SeatStore {
  readonly #pool: pg.Pool;
  readonly #strategy: Strategy;

  private constructor(pool: pg.Pool, strategy: Strategy) {
    this.#pool = pool;
    this.#strategy = strategy;
  }

  static async connect(connectionString: string, strategy: Strategy): Promise<PostgresStore> {
    const pool = new pg.Pool({ connectionString, max: CONNECTIONS, min: CONNECTIONS, options: OPTIONS });
    pool.on("error", (error) => console.error(error));
    await pool.query(SCHEMA);
    await pool.query(strategy.schema);
    return new PostgresStore(pool, strategy);
  }

  async frontNumber(): Promise<number> {
    const { rows } = await this.#pool.query<{ front: string }>("SELECT nextval('front') AS front");
    return Number(rows[0]?.front);
  }

  async open(showtimes: readonly number[], seats = SEATS_A_HALL): Promise<void> {
    await this.#pool.query(
      `INSERT INTO seat (showtime, seat) SELECT showtime, seat FROM unnest($1::integer[]) AS showtime, generate_series(0, $2) AS seat
       ON CONFLICT DO NOTHING`,
      [showtimes, seats - 1],
    );
    await this.#pool.query("VACUUM ANALYZE seat");
    await this.#strategy.open?.(this.#pool, showtimes);
  }

  hold(hold: Hold): Promise<boolean> {
    return this.#strategy.hold(this.#pool, hold);
  }

  release(hold: Hold): Promise<void> {
    return this.#strategy.release(this.#pool, hold);
  }

  /** One character a seat: 0 free, 1 held. */
  async statusesOf(showtime: number): Promise<string> {
    const { rows } = await this.#pool.query<{ statuses: string }>({
      name: "statuses",
      text: `SELECT string_agg(CASE WHEN hold IS NULL OR expires_at <= now() THEN '0' ELSE '1' END, '' ORDER BY seat) AS statuses
             FROM seat WHERE showtime = $1`,
      values: [showtime],
    });
    return rows[0]?.statuses ?? "";
  }
}
