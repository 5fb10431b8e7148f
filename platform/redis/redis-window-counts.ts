import type { SharedCounts, WindowCount } from "../window-counts/index.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { wholeNumbers } from "./replies.ts";
import { ADD } from "./scripts.ts";

/** How often something happened in a window of time that begins with the first, counted by all processes together. */
export class RedisWindowCounts implements SharedCounts {
  readonly #redis: RedisConnection;
  readonly #prefix: string;

  /** @param name of what is counted */
  constructor(redis: RedisConnection, name: string) {
    this.#redis = redis;
    this.#prefix = `usher:${name}:`;
  }

  /** One more of `key`. @throws RedisAway */
  add(key: string, windowMs: number): Promise<WindowCount> {
    return this.#redis.ask(async (redis) => {
      const reply = await redis.eval(ADD, 1, this.#prefix + key, windowMs);
      const [count = 0, leftMs = 0] = wholeNumbers(reply, 2);
      return { count, leftMs };
    });
  }
}
