import { USAGE_KEPT_MAX_MS } from "./limits.ts";
import type { RedisConnection } from "./redis-connection.ts";
import { wholeNumbers } from "./replies.ts";

/**
 * For each key, a hash with what each process last said it uses and until when that holds, by Redis's own clock: those of the processes may
 * be minutes apart. What does not look like that is thrown out.
 */
const EXCHANGE = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local me, keepMs, keptMax = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local answer = {}
for at, key in ipairs(KEYS) do
  redis.call("HSET", key, me, string.format("%s %.0f", ARGV[at + 3], now + keepMs))
  redis.call("PEXPIRE", key, keptMax)
  local sum, processes = 0, 0
  local said = redis.call("HGETALL", key)
  for field = 1, #said, 2 do
    if said[field] ~= me then
      local amount, ends = string.match(said[field + 1], "^(%d+) (%d+)$")
      local leftMs = (tonumber(ends) or 0) - now
      if leftMs > 0 and leftMs <= keptMax and #amount <= 12 then
        sum = sum + tonumber(amount)
        processes = processes + 1
      else
        redis.call("HDEL", key, said[field])
      end
    end
  end
  answer[2 * at - 1] = sum
  answer[2 * at] = processes
end
return answer`;

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
