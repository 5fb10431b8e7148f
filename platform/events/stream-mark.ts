import type { Pool } from "pg";
import { type Clock, every, sleep, type Timer } from "../clock/index.ts";
import { ExplainedError } from "../explained/index.ts";
import { SessionLock } from "../postgres/index.ts";
import { STREAM_LOOK_EVERY_MS, STREAM_SETTLED_MS } from "./limits.ts";

/** First number of PostgreSQL's advisory locks that have two: any that nothing else here uses. */
const MARKS = 1_433_628_517;

/** Services of another cluster use the same database; the message is one sentence with the way out. */
class TwoStreams extends ExplainedError {
  override readonly name = "TwoStreams";
}

interface Options {
  readonly pool: Pool;
  readonly clock: Clock;
  /** Names the stream that this process uses, unlike any other; it changes when that is made anew. Rejects while it cannot be known. */
  name(): Promise<string>;
}

/**
 * All processes that use a database's outboxes have one event stream. Who takes events to it, and who takes them from it, is settled in
 * PostgreSQL, which would let one do so on this NATS and another on that: then events are lost, and nobody notices. So each process has,
 * for as long as its connection lasts, a lock that names its stream, and one that finds the lock of another stream does not start.
 */
export class StreamMark {
  readonly #options: Options;
  #name: string | undefined;
  #lock: SessionLock | undefined;
  #looking: Timer | undefined;
  #looked: Promise<void> = Promise.resolve();

  private constructor(options: Options) {
    this.#options = options;
  }

  /** Waits a little for others who have not noticed yet that the stream was made anew. @throws TwoStreams */
  static async set(options: Options): Promise<StreamMark> {
    const { clock } = options;
    const mark = new StreamMark(options);
    const end = clock.monotonic() + STREAM_SETTLED_MS;
    // It looks before it marks, so that one that is restarted again and again on a wrong NATS keeps nobody away.
    while (await mark.#isDisputed()) {
      if (clock.monotonic() > end) {
        throw new TwoStreams(
          "Services that have another event stream use the same database: give each cluster a database of its own, " +
            "or all services the same NATS_URL.",
        );
      }
      await sleep(clock, STREAM_LOOK_EVERY_MS);
    }
    mark.#looking = every(clock, STREAM_LOOK_EVERY_MS, () => {
      mark.#looked = mark.#looked.then(() => mark.#renew()).catch(() => undefined); // The next look tries again.
    });
    return mark;
  }

  async stop(): Promise<void> {
    this.#looking?.cancel();
    await this.#looked;
    this.#lock?.end();
  }

  /** When two start at once, one at least sees the other. */
  async #isDisputed(): Promise<boolean> {
    if (await this.#seesOthers(await this.#options.name())) return true;
    await this.#renew();
    if (this.#name === undefined || !(await this.#seesOthers(this.#name))) return false;
    this.#lock?.end();
    this.#lock = undefined;
    return true;
  }

  async #seesOthers(name: string): Promise<boolean> {
    const { rows } = await this.#options.pool.query<{ found: boolean }>(
      `select exists (
         select from pg_locks where locktype = 'advisory' and objsubid = 2 and classid = $1 and objid <> hashtext($2)::oid
           and database = (select oid from pg_database where datname = current_database())) as found`,
      [MARKS, name],
    );
    return rows[0]?.found === true;
  }

  /** The stream may have another name since, or the connection may have ended. */
  async #renew(): Promise<void> {
    const name = await this.#options.name();
    if (this.#lock !== undefined && name === this.#name) return;
    const lock = await SessionLock.share(this.#options.pool, MARKS, name);
    this.#lock?.end();
    this.#lock = lock;
    this.#name = name;
    void lock?.lost.then(() => {
      lock.end();
      if (this.#lock === lock) this.#lock = undefined;
    });
  }
}
