/** A connection to Redis that never gives up once it has been made, and that nobody ever waits long for. */
import { Redis } from "ioredis";
import { ExplainedError, messageOf } from "../explained/index.ts";
import type { Clock } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import {
  REDIS_ANSWER_TIMEOUT_MS,
  REDIS_DISCONNECT_TIMEOUT_MS,
  REDIS_HANDSHAKE_TIMEOUT_MS,
  REDIS_RECONNECT_MS,
  REDIS_VERSION_MIN,
} from "./limits.ts";
import { ADD, EXCHANGE } from "./scripts.ts";

/** The server cannot be used; the message says why, and what to do, in one sentence. */
export class RedisUnusable extends ExplainedError {
  override readonly name = "RedisUnusable";
}

/** Redis does not answer just now: whoever asks has to do without. Whether it did what it was asked is not known. */
export class RedisAway extends Error {
  override readonly name = "RedisAway";
}

interface Options {
  readonly clock: Clock;
  /** From 0 up to but not 1. */
  readonly random: () => number;
  readonly log: Logger;
  /** Who we are, for the server's own lists. */
  readonly name: string;
}

/**
 * A Redis that is not there yet, or hangs, is treated as one that went away: it is used when it comes, once it has shown that it can be.
 * @throws RedisUnusable
 */
export async function connectRedis(url: string, { clock, random, log, name }: Options): Promise<RedisConnection> {
  const { host } = new URL(url);
  let redis: Redis | undefined;
  let reason: unknown;
  const noteReason = (error: unknown): void => void (reason = error);
  try {
    redis = new Redis(url, {
      connectionName: name,
      lazyConnect: true,
      protocol: 2, // All that is needed here, and any server has it.
      disableClientInfo: true,
      // A command whose answer was lost is never sent again: a count would count twice.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      connectTimeout: REDIS_HANDSHAKE_TIMEOUT_MS,
      commandTimeout: REDIS_HANDSHAKE_TIMEOUT_MS,
      disconnectTimeout: REDIS_DISCONNECT_TIMEOUT_MS,
      retryStrategy: () => Math.ceil(REDIS_RECONNECT_MS * (1 + random())),
    });
    redis.on("error", noteReason);
    await redis.connect();
    if (reason !== undefined) throw new Error(messageOf(reason)); // Such as a database that it does not have.
    await tryAll(redis, host);
  } catch (error) {
    const why = reason ?? error;
    if (redis !== undefined && isNobodyThere(why)) {
      redis.off("error", noteReason);
      const absence = { why: whyNot(host, messageOf(why)), trial: (late: Redis) => tryAll(late, host) };
      const connection = new RedisConnection({ redis, clock, log, absence });
      if (redis.status === "ready") redis.disconnect(true); // It fell silent in the middle of its trial: the next connection has it anew.
      return connection;
    }
    redis?.disconnect();
    // Not as `cause`: an error of ioredis carries the command that failed, and AUTH carries the password.
    throw error instanceof RedisUnusable ? error : new RedisUnusable(whyNot(host, messageOf(why)));
  }
  const connection = new RedisConnection({ redis, clock, log });
  redis.off("error", noteReason);
  return connection;
}

/** That Redis was away from the start. */
interface Absence {
  readonly why: string;
  /** What it has to show before it is used. */
  readonly trial: (redis: Redis) => Promise<void>;
}

/**
 * Asks Redis, as long as it answers well. Once it does not (gone, hanging, full, talking nonsense), the connection is given up for another,
 * and until that one is ready every question is refused at once: nobody waits for a server that is known to be away.
 */
export class RedisConnection {
  readonly #redis: Redis;
  readonly #clock: Clock;
  readonly #log: Logger;
  #isUsable: boolean;
  /** Nothing has failed since the connection was made: one whose database is not there gets ready all the same, in another. */
  #isSound = false;
  #trial: Absence["trial"] | undefined;
  /** Why Redis is away, as the log was told; undefined once it was told that it is back. */
  #told: string | undefined;

  /** @param options.redis which has no listeners that stay, and is ready but for an `absence` */
  constructor(options: {
    readonly redis: Redis;
    readonly clock: Clock;
    readonly log: Logger;
    readonly absence?: Absence;
  }) {
    const { redis, clock, log, absence } = options;
    this.#redis = redis;
    this.#clock = clock;
    this.#log = log;
    this.#isUsable = absence === undefined;
    this.#trial = absence?.trial;
    if (absence !== undefined) this.#away(new Error(absence.why));
    redis.on("connect", () => (this.#isSound = true));
    redis.on("error", (error: Error) => {
      this.#isSound = false;
      this.#away(error);
    });
    redis.on("close", () => this.#away(new Error("the connection has ended")));
    redis.on("ready", () => {
      if (!this.#isSound) redis.disconnect(true);
      else void this.#join();
    });
  }

  /** Whether it makes sense to ask. */
  get isUsable(): boolean {
    return this.#isUsable;
  }

  /**
   * @param question is to throw where the answer is not what it must be.
   * @throws RedisAway
   */
  async ask<Answer>(question: (redis: Redis) => Promise<Answer>): Promise<Answer> {
    if (!this.#isUsable) throw new RedisAway("Redis is away");
    try {
      const answer = await this.#inTime(question(this.#redis));
      this.#back();
      return answer;
    } catch (error) {
      this.#giveUp(error);
      throw new RedisAway(`Redis is away: ${messageOf(error)}`);
    }
  }

  close(): void {
    this.#isUsable = false;
    this.#redis.removeAllListeners().on("error", () => undefined);
    this.#redis.disconnect();
  }

  async #join(): Promise<void> {
    try {
      await this.#trial?.(this.#redis);
    } catch (error) {
      this.#away(error);
      return this.#redis.disconnect(true); // And tried again with the next connection.
    }
    this.#trial = undefined;
    this.#isUsable = true;
    // Whoever has nothing to ask for long says that it is back all the same.
    await this.ask((redis) => redis.get(TRIAL_MARK)).catch(() => undefined);
  }

  #inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const tooLate = (): void => reject(new Error(`no answer within ${REDIS_ANSWER_TIMEOUT_MS} ms`));
      // Where it was this process that was busy for so long, the answer is there, and is read before the turn ends.
      const timer = this.#clock.after(REDIS_ANSWER_TIMEOUT_MS, () => this.#clock.endOfTurn(tooLate));
      answer.then(resolve, reject).finally(() => timer.cancel());
    });
  }

  /** When many questions are under way, the first that fails ends the connection, and with it the others. */
  #giveUp(error: unknown): void {
    if (!this.#isUsable) return;
    this.#away(error);
    this.#redis.disconnect(true);
  }

  #away(error: unknown): void {
    this.#isUsable = false;
    const reason = messageOf(error);
    if (this.#told === undefined) this.#log.warn({ reason }, "Redis is away: this process limits by itself");
    else if (this.#told !== reason) this.#log.debug({ reason }, "Redis is still away");
    this.#told = reason;
  }

  #back(): void {
    if (this.#told === undefined) return;
    this.#told = undefined;
    this.#log.info("Redis is back: limits are shared again");
  }
}

function requireVersion(info: string, host: string): void {
  const version = /^redis_version:(\S+)/m.exec(info)?.[1];
  if (version === undefined) throw new Error("it does not speak as Redis does");
  if (version.localeCompare(REDIS_VERSION_MIN, "en", { numeric: true }) >= 0) return;
  throw new RedisUnusable(
    `REDIS_URL: the server at ${host} is version ${version}; Usher needs ${REDIS_VERSION_MIN} or newer.`,
  );
}

const TRIAL_MARK = "usher:trial:mark";

/** Does everything once that `ask` is for, on keys that expire. So a user who lacks a right hears of it now, and not at each question. */
async function tryAll(redis: Redis, host: string): Promise<void> {
  requireVersion(await redis.info("server"), host);
  const [key, keptMs] = ["usher:trial", 1_000];
  await redis.set(TRIAL_MARK, "", "PX", keptMs);
  await redis.get(TRIAL_MARK);
  await redis.eval(ADD, 1, `${key}:counts`, keptMs);
  // The second throws out what the first has said.
  for (const process of ["one", "other"]) await redis.eval(EXCHANGE, 1, `${key}:usage`, process, 0, keptMs, 0);
}

const NOBODY_THERE: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  // A container's name goes with it.
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** What ioredis says, without a code, where a server takes a command and gives no answer: one that hangs. */
const NO_ANSWER = "Command timed out";

const isNobodyThere = (reason: unknown): boolean =>
  reason instanceof Error && (reason.message === NO_ANSWER || ("code" in reason && NOBODY_THERE.has(reason.code)));

/** The second is said of what a script may not do. */
const NOT_PERMITTED = /^NOPERM|can't (run|access)/;

function whyNot(host: string, reason: string): string {
  if (reason.startsWith("NOAUTH")) return `REDIS_URL: the server at ${host} wants a password; put it into REDIS_URL.`;
  if (reason.startsWith("WRONGPASS")) {
    return `REDIS_URL: the server at ${host} refuses the user or the password; correct them in REDIS_URL.`;
  }
  if (NOT_PERMITTED.test(reason)) {
    return `REDIS_URL: the server at ${host} does not permit the user what Usher needs (${reason}); grant it.`;
  }
  return `REDIS_URL: no Redis answers at ${host} (${reason}); start one, or correct REDIS_URL.`;
}
