import type { Pool, PoolClient } from "pg";

/**
 * A name that one process at a time has: the one whose connection holds PostgreSQL's advisory lock of it. Should process or connection die,
 * PostgreSQL frees it at once; should their host vanish, within half a minute; but not should the process hang, see `Leadership`.
 */
export class SessionLock {
  readonly connection: PoolClient;
  /** Settles when the connection has ended, or `end` was called. */
  readonly lost: Promise<void>;
  #tellLost: () => void = () => {};
  #ended = false;

  private constructor(connection: PoolClient) {
    this.connection = connection;
    this.lost = new Promise((resolve) => {
      connection.once("error", () => resolve());
      connection.once("end", () => resolve());
      this.#tellLost = resolve;
    });
  }

  /** Keeps a connection of the pool until `end`. @returns undefined when another has the name */
  static take(pool: Pool, name: string): Promise<SessionLock | undefined> {
    return SessionLock.#ask(pool, "select pg_try_advisory_lock(hashtextextended($1, 0)) as taken", [name]);
  }

  /** A name that any number of processes may have together. @param kind which `pg_locks` shows as `classid`, beside the name's `hashtext` */
  static share(pool: Pool, kind: number, name: string): Promise<SessionLock | undefined> {
    return SessionLock.#ask(pool, "select pg_try_advisory_lock_shared($1, hashtext($2)) as taken", [kind, name]);
  }

  static async #ask(pool: Pool, text: string, values: readonly unknown[]): Promise<SessionLock | undefined> {
    const connection = await pool.connect();
    try {
      const { rows } = await connection.query<{ taken: boolean }>(text, [...values]);
      if (rows[0]?.taken !== true) {
        connection.release();
        return undefined;
      }
      await connection.query(
        "set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 4",
      );
      return new SessionLock(connection);
    } catch (error) {
      connection.release(true); // Whether it holds the lock is not known.
      throw error;
    }
  }

  /** Ends the connection, so that the lock is free whatever has happened. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.connection.release(true);
    this.#tellLost();
  }
}
