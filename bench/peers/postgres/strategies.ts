import type pg from "pg";
import { type Hold, SEATS_A_HALL } from "../front/seat-store.ts";

export interface Strategy {
  /** What it needs besides the table. */
  readonly schema: string;
  open?(pool: pg.Pool, showtimes: readonly number[]): Promise<void>;
  hold(pool: pg.Pool, hold: Hold): Promise<boolean>;
  release(pool: pg.Pool, hold: Hold): Promise<void>;
}

const FREE = "(hold IS NULL OR expires_at <= now())";
const RELEASE = `
  UPDATE seat SET hold = NULL, holder = NULL, expires_at = NULL, version = version + 1
  WHERE showtime = $1 AND seat = ANY($2) AND hold = $3 AND holder = $4`;

/** One statement, so one round trip and one transaction. */
async function release(pool: pg.Pool, { showtime, seats, id, holder }: Hold): Promise<void> {
  await pool.query({ name: "release", text: RELEASE, values: [showtime, seats, id, holder] });
}

/**
 * Lock, look, write, commit: within a function, so that a hold is one round trip and not four, and its locks last no longer than the
 * server needs. Rows are locked in seat order, so that no two holds can deadlock.
 */
const locking = (lock: "FOR UPDATE" | "FOR UPDATE SKIP LOCKED"): Strategy => ({
  schema: `
    CREATE OR REPLACE FUNCTION hold_seats(wanted_showtime integer, wanted integer[], new_hold bigint, new_holder bigint, until timestamptz)
    RETURNS boolean LANGUAGE plpgsql AS $$
    DECLARE
      free integer;
    BEGIN
      SELECT count(*) INTO free FROM (
        SELECT FROM seat WHERE showtime = wanted_showtime AND seat = ANY(wanted) AND ${FREE} ORDER BY seat ${lock}
      ) AS locked;
      IF free < cardinality(wanted) THEN
        RETURN false;
      END IF;
      UPDATE seat SET hold = new_hold, holder = new_holder, expires_at = until, version = version + 1
      WHERE showtime = wanted_showtime AND seat = ANY(wanted);
      RETURN true;
    END $$;`,
  async hold(pool, { showtime, seats, id, holder, expiresAt }) {
    const { rows } = await pool.query<{ held: boolean }>({
      name: "hold",
      text: "SELECT hold_seats($1, $2, $3, $4, $5) AS held",
      values: [showtime, seats, id, holder, new Date(expiresAt)],
    });
    return rows[0]?.held === true;
  },
  release,
});

/** The same as applications mostly write it: a transaction of four round trips, its decision in JavaScript. */
const interactive: Strategy = {
  schema: "",
  async hold(pool, { showtime, seats, id, holder, expiresAt }) {
    const client = await pool.connect();
    try {
      await client.query("BEGIN");
      const { rowCount } = await client.query({
        name: "lock",
        text: `SELECT seat FROM seat WHERE showtime = $1 AND seat = ANY($2) AND ${FREE} ORDER BY seat FOR UPDATE`,
        values: [showtime, seats],
      });
      const isFree = rowCount === seats.length;
      if (isFree) {
        await client.query({
          name: "hold",
          text: `UPDATE seat SET hold = $3, holder = $4, expires_at = $5, version = version + 1 WHERE showtime = $1 AND seat = ANY($2)`,
          values: [showtime, seats, id, holder, new Date(expiresAt)],
        });
      }
      await client.query("COMMIT");
      client.release();
      return isFree;
    } catch (error) {
      client.release(true); // Whatever state it is in, nobody is to have it.
      throw error;
    }
  },
  release,
};

/**
 * No lock is taken before the write: it succeeds where each seat still has the version that was last seen. Those are remembered here (they
 * would come with the seat map that the buyer looks at), so that a hold is one round trip; where they turn out to be old, they are read
 * again, and the hold is tried once more if its seats are free.
 */
function optimistic(): Strategy {
  const halls = new Map<number, Int32Array>();

  const versionsOf = (showtime: number): Int32Array => {
    let versions = halls.get(showtime);
    if (versions === undefined) halls.set(showtime, (versions = new Int32Array(SEATS_A_HALL)));
    return versions;
  };
  const bump = ({ showtime, seats }: Hold): void => {
    const versions = versionsOf(showtime);
    for (const seat of seats) versions[seat] = (versions[seat] ?? 0) + 1;
  };
  const write = async (pool: pg.Pool, hold: Hold): Promise<boolean> => {
    const { id, showtime, seats, holder, expiresAt } = hold;
    const versions = versionsOf(showtime);
    const { rows } = await pool.query<{ held: boolean }>({
      name: "hold",
      text: "SELECT hold_seats($1, $2, $3, $4, $5, $6) AS held",
      values: [showtime, seats, seats.map((seat) => versions[seat] ?? 0), id, holder, new Date(expiresAt)],
    });
    if (rows[0]?.held !== true) return false;
    bump(hold);
    return true;
  };
  /** @returns whether all are free. */
  const read = async (pool: pg.Pool, { showtime, seats }: Pick<Hold, "showtime" | "seats">): Promise<boolean> => {
    const { rows } = await pool.query<{ seat: number; version: number; free: boolean }>({
      name: "read",
      text: `SELECT seat, version, ${FREE} AS free FROM seat WHERE showtime = $1 AND seat = ANY($2)`,
      values: [showtime, seats],
    });
    const versions = versionsOf(showtime);
    for (const { seat, version } of rows) versions[seat] = version;
    return rows.length === seats.length && rows.every(({ free }) => free);
  };

  return {
    // The exception takes back what was written of a hold that cannot have all its seats; its block is a savepoint, paid only then.
    schema: `
      CREATE OR REPLACE FUNCTION hold_seats(
        wanted_showtime integer, wanted integer[], seen integer[], new_hold bigint, new_holder bigint, until timestamptz
      ) RETURNS boolean LANGUAGE plpgsql AS $$
      DECLARE
        written integer;
      BEGIN
        UPDATE seat SET hold = new_hold, holder = new_holder, expires_at = until, version = version + 1
        WHERE showtime = wanted_showtime AND seat = ANY(wanted) AND version = seen[array_position(wanted, seat)] AND ${FREE};
        GET DIAGNOSTICS written = ROW_COUNT;
        IF written < cardinality(wanted) AND written > 0 THEN
          RAISE EXCEPTION SQLSTATE '40001';
        END IF;
        RETURN written > 0;
      END $$;`,
    async open(pool, showtimes) {
      const seats = Array.from({ length: SEATS_A_HALL }, (_, seat) => seat);
      for (const showtime of showtimes) await read(pool, { showtime, seats });
    },
    async hold(pool, hold) {
      const tryIt = (): Promise<boolean> =>
        write(pool, hold).catch((error: { code?: string }) => {
          if (error.code === "40001" || error.code === "40P01") return false; // Some were not as seen, or two held each other up.
          throw error;
        });
      return (await tryIt()) || ((await read(pool, hold)) && tryIt());
    },
    async release(pool, hold) {
      await release(pool, hold);
      bump(hold);
    },
  };
}

export const STRATEGIES: Readonly<Record<string, Strategy>> = {
  "for-update": locking("FOR UPDATE"),
  "for-update-interactive": interactive,
  "skip-locked": locking("FOR UPDATE SKIP LOCKED"),
  optimistic: optimistic(),
};
