import type { RandomBytes } from "../random/index.ts";
import type { RedisConnection } from "./redis-connection.ts";

/**
 * A mark that is another after each change, for those who may have missed word of one. Chance, not a count: one that began again after
 * Redis lost it could come back to what somebody saw before.
 */
export class RedisChangeMark {
  readonly #redis: RedisConnection;
  readonly #random: RandomBytes;
  readonly #key: string;

  /** @param name of what changes */
  constructor({ redis, random, name }: { redis: RedisConnection; random: RandomBytes; name: string }) {
    this.#redis = redis;
    this.#random = random;
    this.#key = `usher:mark:${name}`;
  }

  /** @throws RedisAway */
  async renew(): Promise<void> {
    await this.#redis.ask((redis) => redis.set(this.#key, this.#random(12).toString("base64url")));
  }

  /** @returns null before the first change @throws RedisAway */
  read(): Promise<string | null> {
    return this.#redis.ask((redis) => redis.get(this.#key));
  }
}
