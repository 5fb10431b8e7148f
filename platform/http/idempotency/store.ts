import { type Kysely, sql } from "kysely";
import type { Pool } from "pg";
import type { Clock } from "../../clock/index.ts";
import { createDatabase, SessionLock } from "../../postgres/index.ts";
import type { RandomBytes } from "../../random/index.ts";
import { IDEMPOTENCY_KEPT_MS, IDEMPOTENCY_LEASE_MS, IDEMPOTENCY_PRUNE_ROWS_MAX } from "../limits.ts";
import { type AnswerHeaders, HTTP_SCHEMA, type HttpTables } from "./schema.ts";

export interface KeyedRequest {
  readonly userId: string;
  readonly key: string;
  /** The first is kept; whoever has kept any of them has had the same request. */
  readonly fingerprints: readonly [Buffer, ...Buffer[]];
}

export interface StoredAnswer {
  readonly status: number;
  readonly contentType: string | null;
  /** Beside the content type. */
  readonly headers: AnswerHeaders;
  readonly body: string | null;
}

/** What a key says of a request: run it (and then store or release), give the first answer again, or refuse. */
export type Claim =
  | { readonly type: "run"; readonly run: string }
  | { readonly type: "replay"; readonly answer: StoredAnswer }
  | { readonly type: "reused" }
  | { readonly type: "running"; readonly retryInMs: number };

/** A row may vanish between losing the race for it and reading it: then the race is on again. */
const CLAIM_ATTEMPTS = 3;

/** Nobody has the lock of its name: it could be taken, together with others who find out the same. */
const PROCESS_IS_DEAD = sql<boolean>`pg_try_advisory_xact_lock_shared(hashtextextended(idempotency_key.process, 0))`;

/**
 * First answers by (user, key), in PostgreSQL, so that a retry finds them on any server and after a crash.
 * A run that died with its process is taken over at once: PostgreSQL knows by a lock which processes live. One whose process hangs is taken
 * over when its lease is over; its answer, should it still come, is not stored.
 */
export class IdempotencyStore {
  readonly #pool: Pool;
  readonly #db: Kysely<HttpTables>;
  readonly #clock: Clock;
  readonly #random: RandomBytes;
  readonly #process: string;
  #lock: Promise<SessionLock | undefined> | undefined;
  #closed = false;
  /** The runs of this process, by their names, and when they began. */
  readonly #running = new Map<string, { readonly request: KeyedRequest; readonly since: number }>();

  constructor(options: { pool: Pool; clock: Clock; random: RandomBytes }) {
    this.#pool = options.pool;
    this.#db = createDatabase<HttpTables>(options.pool).withSchema(HTTP_SCHEMA);
    this.#clock = options.clock;
    this.#random = options.random;
    this.#process = `usher.http.${options.random(12).toString("base64url")}`;
  }

  async claim(request: KeyedRequest): Promise<Claim> {
    await this.#beKnown();
    for (let attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      const run = await this.#tryToOwn(request);
      if (run !== undefined) {
        this.#running.set(run, { request, since: this.#clock.monotonic() });
        return { type: "run", run };
      }
      const claim = await this.#read(request);
      if (claim !== undefined) return claim;
    }
    return { type: "running", retryInMs: 1_000 };
  }

  /** Keeps the answer of a run. Without effect when another run has taken over. */
  async store(request: KeyedRequest, run: string, answer: StoredAnswer): Promise<void> {
    this.#running.delete(run);
    await this.#db
      .updateTable("idempotency_key")
      .set({
        status: answer.status,
        content_type: answer.contentType,
        headers: JSON.stringify(answer.headers),
        body: answer.body,
      })
      .where("user_id", "=", request.userId)
      .where("key", "=", request.key)
      .where("run", "=", run)
      .where("status", "is", null)
      .execute();
  }

  /** The run came to nothing that should be kept: the same request with this key runs anew. (Another may not: the first may have been carried out.) */
  async release(request: KeyedRequest, run: string): Promise<void> {
    this.#running.delete(run);
    await this.#db
      .updateTable("idempotency_key")
      .set({ lease_until: new Date(0) })
      .where("user_id", "=", request.userId)
      .where("key", "=", request.key)
      .where("run", "=", run)
      .where("status", "is", null)
      .execute();
  }

  /** The runs that are under way here are alive, however long their clients have been waiting. To be called more often than a lease lasts. */
  async renew(): Promise<void> {
    for (const [run, { since }] of this.#running) {
      if (this.#clock.monotonic() - since > IDEMPOTENCY_KEPT_MS) this.#running.delete(run);
    }
    if (this.#running.size === 0) return;
    await this.#beKnown();
    const runs = [...this.#running.keys()];
    const requests = Array.from(this.#running.values(), ({ request }) => request);
    const users = requests.map(({ userId }) => userId);
    const keys = requests.map(({ key }) => key);
    const leaseUntil = new Date(this.#clock.now() + IDEMPOTENCY_LEASE_MS);
    await sql`
      update http.idempotency_key as row set lease_until = ${leaseUntil}
      from unnest(${users}::text[], ${keys}::text[], ${runs}::text[]) as own (user_id, key, run)
      where row.user_id = own.user_id and row.key = own.key and row.run = own.run
        and row.status is null and row.lease_until < ${leaseUntil}`.execute(this.#db);
  }

  /** Deletes some of what is older than a day. @returns whether there may be more */
  async prune(): Promise<boolean> {
    const old = new Date(this.#clock.now() - IDEMPOTENCY_KEPT_MS);
    const { numAffectedRows = 0n } = await sql`
      delete from http.idempotency_key where (user_id, key) in (
        select user_id, key from http.idempotency_key where created_at < ${old}
        limit ${IDEMPOTENCY_PRUNE_ROWS_MAX} for update skip locked)`.execute(this.#db);
    return numAffectedRows >= BigInt(IDEMPOTENCY_PRUNE_ROWS_MAX);
  }

  /** After the last run. */
  async close(): Promise<void> {
    this.#closed = true;
    (await this.#lock?.catch(() => undefined))?.end();
  }

  /** As a process that lives: before its first run, and again when the connection broke that said so. */
  async #beKnown(): Promise<void> {
    if (this.#closed) return;
    this.#lock ??= this.#takeLock();
    await this.#lock;
  }

  async #takeLock(): Promise<SessionLock | undefined> {
    let lock: SessionLock | undefined;
    try {
      lock = await SessionLock.take(this.#pool, this.#process);
      void lock?.lost.then(() => {
        lock?.end();
        this.#lock = undefined;
      });
      return lock;
    } finally {
      // Not taken: PostgreSQL is away, or has not noticed yet that the connection before this one broke.
      if (lock === undefined) this.#lock = undefined;
    }
  }

  /** One statement, so that of many at once exactly one gets the row: new, or abandoned by the same request. */
  async #tryToOwn({ userId, key, fingerprints }: KeyedRequest): Promise<string | undefined> {
    const now = this.#clock.now();
    const run = this.#random(12).toString("base64url");
    const row = { run, process: this.#process, lease_until: new Date(now + IDEMPOTENCY_LEASE_MS) };
    const owned = await this.#db
      .insertInto("idempotency_key")
      .values({ user_id: userId, key, fingerprint: fingerprints[0], created_at: new Date(now), ...row })
      .onConflict((conflict) =>
        conflict
          .columns(["user_id", "key"])
          .doUpdateSet(row)
          .where("idempotency_key.status", "is", null)
          .where((where) => where.or([where("idempotency_key.lease_until", "<=", new Date(now)), PROCESS_IS_DEAD]))
          .where("idempotency_key.fingerprint", "in", fingerprints),
      )
      .returning("run")
      .executeTakeFirst();
    return owned?.run;
  }

  async #read({ userId, key, fingerprints }: KeyedRequest): Promise<Claim | undefined> {
    const row = await this.#db
      .selectFrom("idempotency_key")
      .selectAll()
      .where("user_id", "=", userId)
      .where("key", "=", key)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    if (!fingerprints.some((known) => row.fingerprint.equals(known))) return { type: "reused" };
    const { status, content_type: contentType, headers, body } = row;
    if (status !== null) return { type: "replay", answer: { status, contentType, headers: headers ?? {}, body } };
    return { type: "running", retryInMs: 1_000 };
  }
}
