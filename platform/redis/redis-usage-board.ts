import { USAGE_KEPT_MAX_MS } from "./limits.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { wholeNumbers } from "./replies.ts";
import { EXCHANGE } from "./scripts.ts";

/** Where processes tell each other how much they use of what they share. What one said is forgotten after a while, so a dead one uses nothing. */
export class RedisUsageBoard {
  readonly #redis: RedisConnection;
  readonly #process: string;

  /** @param process an id that no other process has, and no earlier run of this one */
  constructor(redis: RedisConnection, process: string) {
    this.#redis = redis;
    this.#process = process;
  }

  /**
   * @param usages what this process uses, in whole numbers; forgotten after `keepMs`, which is at most a minute.
   * @returns in the same order, what all others use together, and how many they are
   * @throws RedisAway
   */
  exchange(
    usages: readonly { readonly name: string; readonly amount: number }[],
    keepMs: number,
  ): Promise<readonly { readonly amount: number; readonly processes: number }[]> {
    const keys = usages.map(({ name }) => `usher:usage:${name}`);
    const amounts = usages.map(({ amount }) => amount);
    return this.#redis.ask(async (redis) => {
      const reply = await redis.eval(
        EXCHANGE,
        keys.length,
        ...keys,
        this.#process,
        keepMs,
        USAGE_KEPT_MAX_MS,
        ...amounts,
      );
      const numbers = wholeNumbers(reply, 2 * usages.length);
      return usages.map((_, at) => ({ amount: numbers[2 * at] ?? 0, processes: numbers[2 * at + 1] ?? 0 }));
    });
  }
}
