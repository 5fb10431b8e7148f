import { createHmac } from "node:crypto";
import { type Kysely, type RawBuilder, sql } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import { networkOf } from "../../../platform/network/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import {
  PRUNE_ROWS_MAX,
  WRONG_PASSWORD_WAIT_MAX_MS,
  WRONG_PASSWORD_WAIT_MIN_MS,
  WRONG_PASSWORDS_FREE,
  WRONG_PASSWORDS_KEPT_MS,
} from "../limits.ts";
import type { IdentityTables } from "../tables.ts";

export interface ThrottleOptions {
  readonly db: Kysely<IdentityTables>;
  readonly clock: Clock;
  /** Without it nobody can tell from the table who tried, or from where. */
  readonly secret: () => Buffer;
}

/** Somebody tries a password: what a failure is counted under. */
export interface Attempt {
  /** Where it comes from, as sign-ins keep it. */
  readonly network: Buffer;
  readonly pair: Buffer;
  readonly account: Buffer;
}

/**
 * Makes guessers wait. Wrong passwords are counted for one account from one address, for an account and for an address; past
 * some free ones, each further one doubles the wait before the next, up to a minute. What comes too early is refused before any
 * work and counts for nothing, so that a wait always ends.
 *
 * From where an account's owner has signed in before, as long as that sign-in is kept, only the wait of the two holds: guessers
 * elsewhere, or of other accounts on the same network, however many, cannot lock the owner out. (They could tell from it that
 * somebody has signed in from their own network, which is little to learn for a hundred wrong passwords.)
 *
 * A wrong password is written down only after its hash was computed, and for a quarter of an hour: so the work that a process may
 * spend on hashes bounds the table too.
 */
export class Throttle {
  readonly #options: ThrottleOptions;

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** @param account its e-mail address as it is compared, whether there is such an account or not */
  attempt(account: string, address: string): Attempt {
    const network = networkOf(address);
    return {
      network: this.networkKey(address),
      pair: this.#keyOf("pair", network, account),
      account: this.#keyOf("account", account),
    };
  }

  /** What is kept of where a sign-in was opened from. */
  networkKey(address: string): Buffer {
    return this.#keyOf("address", networkOf(address));
  }

  /** For a query on `identity."user"` as `u`: until when the attempt has to wait, or null. */
  waitUntil({ pair, account, network }: Attempt): RawBuilder<Date | null> {
    return sql<Date | null>`(
      select max(wait_until) from identity.wrong_password
      where key in (${pair}, ${account}, ${network}) and (key = ${pair} or not exists (
        select 1 from identity.family where user_id = u.id and network = ${network})))`;
  }

  /** @throws Problem RATE_LIMITED */
  refuseEarly(waitUntil: Date | null): void {
    const retryInMs = (waitUntil?.getTime() ?? 0) - this.#options.clock.now();
    if (retryInMs <= 0) return;
    throw new Problem("RATE_LIMITED", "Too many wrong passwords: wait before you try again.", { retryInMs });
  }

  async failed({ pair, account, network }: Attempt): Promise<void> {
    const { db, clock } = this.#options;
    const now = new Date(clock.now());
    const stale = new Date(clock.now() - WRONG_PASSWORDS_KEPT_MS);
    // Always in the order of the kinds, so that no two that count at once wait for each other in a circle.
    const counted = [
      { key: pair, free: WRONG_PASSWORDS_FREE.pair },
      { key: account, free: WRONG_PASSWORDS_FREE.account },
      { key: network, free: WRONG_PASSWORDS_FREE.address },
    ].map(({ key, free }) => sql`(${key}::bytea, ${2 - free}::int, ${now}::timestamptz, ${now}::timestamptz)`);
    await sql`
      insert into identity.wrong_password as known (key, beyond_free, wait_until, last_at)
      values ${sql.join(counted)}
      on conflict (key) do update set
        last_at = excluded.last_at,
        beyond_free = case when known.last_at < ${stale} then excluded.beyond_free else known.beyond_free + 1 end,
        wait_until = case
          when known.last_at < ${stale} or known.beyond_free < 0 then excluded.last_at
          else excluded.last_at + interval '1 millisecond' *
            least(${WRONG_PASSWORD_WAIT_MAX_MS}, ${WRONG_PASSWORD_WAIT_MIN_MS} * power(2, least(known.beyond_free, 30)))
        end`.execute(db);
  }

  /** The owner was here: what was mistyped before is forgiven. */
  async forgive({ pair }: Attempt): Promise<void> {
    await this.#options.db.deleteFrom("wrong_password").where("key", "=", pair).execute();
  }

  /** Deletes some of what is forgotten. @returns whether there may be more */
  async prune(): Promise<boolean> {
    const { db, clock } = this.#options;
    const stale = new Date(clock.now() - WRONG_PASSWORDS_KEPT_MS);
    const { numAffectedRows = 0n } = await sql`
      delete from identity.wrong_password where key in (
        select key from identity.wrong_password where last_at < ${stale} limit ${PRUNE_ROWS_MAX} for update skip locked)
      `.execute(db);
    return numAffectedRows >= BigInt(PRUNE_ROWS_MAX);
  }

  #keyOf(...parts: string[]): Buffer {
    return createHmac("sha256", this.#options.secret()).update(JSON.stringify(parts)).digest().subarray(0, 16);
  }
}
