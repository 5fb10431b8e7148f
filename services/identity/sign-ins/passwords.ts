import { hash, verify } from "@node-rs/argon2";
import { Semaphore } from "../../../platform/turns/index.ts";
import * as limits from "../limits.ts";

const ARGON2ID = {
  algorithm: 2, // argon2id; the package names it in a const enum, which is gone at run time.
  memoryCost: limits.ARGON2_MEMORY,
  timeCost: limits.ARGON2_PASSES,
  parallelism: limits.ARGON2_LANES,
};

/** Stands in where there is no user, so that the answer takes as long as for one: a hash that costs the same, of nothing. */
const NOBODY = `$argon2id$v=19$m=${limits.ARGON2_MEMORY},t=${limits.ARGON2_PASSES},p=${limits.ARGON2_LANES}$${"A".repeat(22)}$${"A".repeat(43)}`;

/** Hashes and checks passwords off the event loop, a few at once. */
export class Passwords {
  readonly #turns = new Semaphore({ atOnce: limits.HASHES_AT_ONCE, waitingMax: limits.HASHES_WAITING_MAX });

  /** @throws TooManyWaiting */
  hash(password: string): Promise<string> {
    return this.#turns.run(() => hash(password.normalize("NFC"), ARGON2ID));
  }

  /** @param stored null for a user that does not exist: false, after as long. @throws TooManyWaiting */
  async matches(stored: string | null, password: string): Promise<boolean> {
    const same = await this.#turns.run(() => verify(stored ?? NOBODY, password.normalize("NFC")));
    return same && stored !== null;
  }
}
