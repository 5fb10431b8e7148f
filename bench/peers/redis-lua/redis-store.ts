import { Redis, type Result } from "ioredis";
import type { Hold, SeatStore } from "../front/seat-store.ts";

/** KEYS: the showtime. ARGV: now, what to write into each seat, the seats. A seat's value begins with the time at which its hold ends. */
const HOLD = `
  local seats = {unpack(ARGV, 3)}
  local now = tonumber(ARGV[1])
  for _, value in ipairs(redis.call('HMGET', KEYS[1], unpack(seats))) do
    if value and tonumber(string.match(value, '^%d+')) > now then return 0 end
  end
  local fields = {}
  for _, seat in ipairs(seats) do
    fields[#fields + 1] = seat
    fields[#fields + 1] = ARGV[2]
  end
  redis.call('HSET', KEYS[1], unpack(fields))
  return 1`;

/** KEYS: the showtime. ARGV: what the hold wrote, its seats. */
const RELEASE = `
  local seats = {unpack(ARGV, 2)}
  local values = redis.call('HMGET', KEYS[1], unpack(seats))
  local own = {}
  for index, seat in ipairs(seats) do
    if values[index] == ARGV[1] then own[#own + 1] = seat end
  end
  if #own > 0 then redis.call('HDEL', KEYS[1], unpack(own)) end
  return #own`;

declare module "ioredis" {
  interface RedisCommander<Context> {
    holdSeats(showtime: string, now: number, value: string, ...seats: number[]): Result<number, Context>;
    releaseSeats(showtime: string, value: string, ...seats: number[]): Result<number, Context>;
  }
}

/**
 * One hash a showtime, with a field a held seat: the end of its hold, the hold and the holder. One key a command, so it would run on a
 * cluster too. All commands of a loop turn go in one pipeline; the scripts are sent by their hash (EVALSHA).
 */
export class RedisStore implements SeatStore {
  readonly #redis: Redis;

  constructor(url: string) {
    this.#redis = new Redis(url, {
      enableAutoPipelining: true,
      // A command whose answer was lost may have been carried out: it is not for the driver to send it again.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
    });
    this.#redis.on("error", (error) => console.error(error));
    this.#redis.defineCommand("holdSeats", { numberOfKeys: 1, lua: HOLD });
    this.#redis.defineCommand("releaseSeats", { numberOfKeys: 1, lua: RELEASE });
  }

  frontNumber(): Promise<number> {
    return this.#redis.incr("fronts");
  }

  /** A showtime without a held seat has no key. */
  async open(): Promise<void> {}

  async hold(hold: Hold): Promise<boolean> {
    return (await this.#redis.holdSeats(keyOf(hold), Date.now(), valueOf(hold), ...hold.seats)) === 1;
  }

  async release(hold: Hold): Promise<void> {
    await this.#redis.releaseSeats(keyOf(hold), valueOf(hold), ...hold.seats);
  }
}

const keyOf = ({ showtime }: Hold): string => `seats:${showtime}`;
const valueOf = ({ expiresAt, id, holder }: Hold): string => `${expiresAt}:${id}:${holder}`;
