import type { RedisConnection } from "./redis-connection.ts";
import { wholeNumbers } from "./replies.ts";

/** A key without an end, which only a stranger can have made, would count for ever: it gets one. */
const ADD = `
local count = redis.call("INCR", KEYS[1])
local left = redis.call("PTTL", KEYS[1])
if left < 0 then
  redis.call("PEXPIRE", KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return { count, left }`;

/** How often something happened in a window of time that begins with the first, counted by all processes together. */
export class RedisWindowCounts {
  readonly #redis: RedisConnection;
  readonly #prefix: string;

  /** @param name of what is counted */
  constructor(redis: RedisConnection, name: string) {
    this.#redis = redis;
    this.#prefix = `usher:${name}:`;
  }

  /** One more of `key`. @returns how many there are in this window, and how much is left of it @throws RedisAway */
  add(key: string, windowMs: number): Promise<{ readonly count: number; readonly leftMs: number }> {
    return this.#redis.ask(async (redis) => {
      const reply = await redis.eval(ADD, 1, this.#prefix + key, windowMs);
      const [count = 0, leftMs = 0] = wholeNumbers(reply, 2);
      return { count, leftMs };
    });
  }
}
