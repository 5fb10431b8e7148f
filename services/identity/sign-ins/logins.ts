import { type Kysely, sql } from "kysely";
import { Problem } from "../../../platform/http/index.ts";
import { SemaphorePerKey } from "../../../platform/turns/index.ts";
import { emailKey } from "../../../platform/email-address/index.ts";
import type { UserRow } from "../accounts/user.ts";
import {
  FAMILIES_OF_USER_MAX,
  LOGINS_AT_ONCE,
  LOGINS_OF_NETWORK_AT_ONCE,
  LOGINS_OF_NETWORK_WAITING_MAX,
  LOGINS_WAITING_MAX,
} from "../limits.ts";
import type { IdentityTables } from "../tables.ts";
import type { Families } from "./families.ts";
import type { Passwords } from "./passwords.ts";
import type { Attempt, Throttle } from "./throttle.ts";
import { networkOf } from "../../../platform/network/index.ts";

export interface LoginOptions {
  readonly db: Kysely<IdentityTables>;
  readonly passwords: Passwords;
  readonly families: Families;
  readonly throttle: Throttle;
}

interface Owner extends UserRow {
  readonly hash: string;
  /** Families, ended ones among them. */
  readonly families: number;
}

/**
 * Tells owners of passwords from guessers. Of a login's whole work, from reading the waits to writing down a failure, a few
 * are done at once: so of a thousand guesses that come together, hardly more get through than of as many that come in a row.
 */
export class Logins {
  readonly #options: LoginOptions;
  readonly #turns = new SemaphorePerKey({
    each: { atOnce: LOGINS_OF_NETWORK_AT_ONCE, waitingMax: LOGINS_OF_NETWORK_WAITING_MAX },
    all: { atOnce: LOGINS_AT_ONCE, waitingMax: LOGINS_WAITING_MAX },
  });

  constructor(options: LoginOptions) {
    this.#options = options;
  }

  /**
   * Two statements beside the hash: one reads user, password and waits, one opens the family (or counts the failure).
   * @param address of the client
   * @throws TooManyWaiting, Problem UNAUTHORIZED | RATE_LIMITED; the same, after the same time, whether user or password is unknown
   */
  login(email: string, password: string, address: string): Promise<{ user: UserRow; family: string }> {
    return this.#turns.run(networkOf(address), async () => {
      const attempt = this.#options.throttle.attempt(emailKey(email), address);
      const owner = await this.#check(emailKey(email), password, attempt);
      if (owner && owner.families >= FAMILIES_OF_USER_MAX)
        await this.#options.families.makeRoom(owner.id, FAMILIES_OF_USER_MAX);
      const signedIn = owner && (await this.#open(owner, attempt));
      if (signedIn === undefined) throw new Problem("UNAUTHORIZED", "The e-mail address or the password is wrong.");
      return signedIn;
    });
  }

  /**
   * Before what only the owner of an account may do: a token may have been stolen.
   * @returns the hash that the password was held against
   * @throws TooManyWaiting, Problem FORBIDDEN | RATE_LIMITED
   */
  confirm(user: UserRow, password: string, address: string): Promise<string> {
    return this.#turns.run(networkOf(address), async () => {
      const key = user.email_key;
      if (key === null) throw new Problem("FORBIDDEN", "This account has no password.");
      const owner = await this.#check(key, password, this.#options.throttle.attempt(key, address));
      if (owner?.id !== user.id) throw new Problem("FORBIDDEN", "The password is wrong.");
      return owner.hash;
    });
  }

  async #check(key: string, password: string, attempt: Attempt): Promise<Owner | undefined> {
    const { db, passwords, throttle } = this.#options;
    const { rows } = await sql<Owner & { hash: string | null; wait_until: Date | null }>`
      select u.*, p.hash, ${throttle.waitUntil(attempt)} as wait_until,
        (select count(*)::int from identity.family where user_id = u.id) as families
      from (select) attempt
      left join identity."user" u on u.email_key = ${key}
      left join identity.password p on p.user_id = u.id`.execute(db);
    const [found] = rows;
    throttle.refuseEarly(found?.wait_until ?? null);
    if (!(await passwords.matches(found?.hash ?? null, password))) {
      await throttle.failed(attempt);
      return undefined;
    }
    if (found?.wait_until) await throttle.forgive(attempt);
    return found;
  }

  /**
   * Only while the account and the password are what they were when the password was checked: the locks let a deletion, a change
   * of role or of password come before, or after and revoke the new family.
   */
  async #open(owner: Owner, { network }: Attempt): Promise<{ user: UserRow; family: string } | undefined> {
    const { db, families } = this.#options;
    const { id, rotated_at, expires_at, tokens_until } = families.lasting();
    const { rows } = await sql<UserRow>`
      with owner as (
        select u.* from identity."user" u join identity.password p on p.user_id = u.id
        where u.id = ${owner.id} and u.deleted_at is null and p.hash = ${owner.hash} for share),
      opened as (
        insert into identity.family (id, user_id, rotated_at, expires_at, tokens_until, network)
        select ${id}, id, ${rotated_at}::timestamptz, ${expires_at}::timestamptz, ${tokens_until}::timestamptz, ${network}::bytea from owner)
      select * from owner`.execute(db);
    const [user] = rows;
    return user && { user, family: id };
  }
}
