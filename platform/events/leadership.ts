import type { Pool, PoolClient } from "pg";

/** One name at a time is led by one process: whose connection holds the advisory lock. PostgreSQL frees it when either dies. */
export class Leadership {
  readonly #connection: PoolClient;
  readonly lost: Promise<void>;

  private constructor(connection: PoolClient) {
    this.#connection = connection;
    this.lost = new Promise((resolve) => {
      connection.once("error", () => resolve());
      connection.once("end", () => resolve());
    });
  }

  /** @returns undefined when another process leads */
  static async take(pool: Pool, name: string): Promise<Leadership | undefined> {
    const connection = await pool.connect();
    let isTaken = false;
    try {
      const { rows } = await connection.query<{ taken: boolean }>(
        "select pg_try_advisory_lock(hashtextextended($1, 0)) as taken",
        [name],
      );
      isTaken = rows[0]?.taken === true;
      if (!isTaken) return undefined;
      // Should this host vanish, PostgreSQL notices within half a minute.
      await connection.query(
        "set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 4",
      );
      return new Leadership(connection);
    } finally {
      if (!isTaken) connection.release();
    }
  }

  /** Ends the connection, so that the lock is free whatever has happened. */
  end(): void {
    this.#connection.release(true);
  }
}
