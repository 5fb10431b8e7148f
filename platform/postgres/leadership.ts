import type { Pool, PoolClient } from "pg";
import { type Clock, every, type Timer } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { SessionLock } from "./session-lock.ts";

/** How often who leads shows PostgreSQL that it lives. */
const SIGN_OF_LIFE_EVERY_MS = 5_000;
/** Who has shown none for so long hangs: it leads no more. */
const SILENT_MS = 15_000;

interface Options {
  readonly pool: Pool;
  /** Names what is led. */
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signOfLifeEveryMs?: number;
  readonly silentMs?: number;
}

/**
 * One process at a time leads: the one whose connection has the lock of the name (see `SessionLock`). A process that hangs would keep it, for
 * the system answers PostgreSQL in its place. So who leads sends a statement now and then, and who would lead instead ends the connection
 * of one that has sent none for long. PostgreSQL says how long that is: no process's clock matters.
 */
export class Leadership {
  readonly #lock: SessionLock;
  readonly #options: Options;
  readonly #signs: Timer;
  /** When the last sign of life that PostgreSQL has answered was sent, on the monotonic clock. */
  #shownAt: number;
  #isShowing = false;
  #ended = false;

  private constructor(lock: SessionLock, askedAt: number, options: Options) {
    const { clock, signOfLifeEveryMs = SIGN_OF_LIFE_EVERY_MS } = options;
    this.#lock = lock;
    this.#options = options;
    this.#shownAt = askedAt;
    this.#signs = every(clock, signOfLifeEveryMs, () => this.#showLife());
    void lock.lost.then(() => this.end());
  }

  /** Keeps a connection of the pool until `end`. @returns undefined while another leads: who hangs is ended, and the next attempt may succeed */
  static async take(options: Options): Promise<Leadership | undefined> {
    const askedAt = options.clock.monotonic();
    const lock = await SessionLock.take(options.pool, options.name);
    if (lock !== undefined) return new Leadership(lock, askedAt, options);
    await endWhoHangs(options);
    return undefined;
  }

  get connection(): PoolClient {
    return this.#lock.connection;
  }

  /** Settles when it is over. */
  get lost(): Promise<void> {
    return this.#lock.lost;
  }

  /**
   * Whether nobody else can lead yet. Where PostgreSQL has not answered for so long that others may have ended the connection it is over:
   * a process that slept knows before it has read from the connection.
   */
  isSure(): boolean {
    if (this.#ended) return false;
    const { name, clock, log, silentMs = SILENT_MS } = this.#options;
    if (clock.monotonic() - this.#shownAt < silentMs) return true;
    log.warn({ lock: name }, "this process stood still, or PostgreSQL did not answer: another may lead by now");
    this.end();
    return false;
  }

  /** Ends the connection, so that another may lead whatever has happened. */
  end(): void {
    this.#ended = true;
    this.#signs.cancel();
    this.#lock.end();
  }

  #showLife(): void {
    // One that is under way waits for its turn, as behind a long statement of who uses the connection.
    if (!this.isSure() || this.#isShowing) return;
    const askedAt = this.#options.clock.monotonic();
    this.#isShowing = true;
    this.connection.query("select 1").then(
      () => {
        this.#shownAt = askedAt;
        this.#isShowing = false;
      },
      () => undefined, // `lost` tells.
    );
  }
}

/** One for which PostgreSQL works does not hang, however long that takes; one that does not take its answer does. */
async function endWhoHangs({ pool, name, log, silentMs = SILENT_MS }: Options): Promise<void> {
  const { rows } = await pool.query<{ pid: number }>({
    name: "end-who-hangs",
    text: `select pid, pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid)
       where locktype = 'advisory' and objsubid = 1 and (classid::bigint << 32) | objid::bigint = hashtextextended($1, 0)
         and granted and database = datid and datname = current_database() and usename = session_user
         and wait_event_type = 'Client' and state_change < clock_timestamp() - make_interval(secs => $2)`,
    values: [name, silentMs / 1_000],
  });
  for (const { pid } of rows)
    log.warn({ lock: name, postgresPid: pid }, "who led hangs: its connection to PostgreSQL was ended");
}
