import { hash, verify } from "@node-rs/argon2";
import { Problem } from "../http/index.ts";
import * as limits from "./limits.ts";

const ARGON2ID = {
  algorithm: 2, // argon2id; the package names it in a const enum, which is gone at run time.
  memoryCost: limits.ARGON2_MEMORY,
  timeCost: limits.ARGON2_PASSES,
  parallelism: limits.ARGON2_LANES,
};

/** Hashes and checks passwords off the event loop, a few at once; the rest wait their turn, up to a bound. */
export class Passwords {
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  /** Stands in where there is no user, so that the answer takes as long as for one. */
  #nobody: Promise<string> | undefined;

  /** @throws Problem BUSY */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password.normalize("NFC"), ARGON2ID));
  }

  /** @param stored undefined for a user that does not exist: false, after as long. @throws Problem BUSY */
  async matches(stored: string | undefined, password: string): Promise<boolean> {
    const against = stored ?? (await (this.#nobody ??= hash("nobody", ARGON2ID)));
    const same = await this.#inTurn(() => verify(against, password.normalize("NFC")));
    return same && stored !== undefined;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= limits.HASHES_AT_ONCE) await this.#wait();
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next(); // It takes over our place, so that nobody who comes now can.
    }
  }

  #wait(): Promise<void> {
    if (this.#waiting.length >= limits.HASHES_WAITING_MAX) {
      throw new Problem("BUSY", "Too many people are signing in at once.", { retryInMs: 2_000 });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
