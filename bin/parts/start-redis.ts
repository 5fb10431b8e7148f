import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { systemRandom } from "../../platform/random/index.ts";
import {
  connectRedis,
  RedisAway,
  RedisChangeMark,
  type RedisConnection,
  RedisUsageBoard,
  RedisWindowCounts,
} from "../../platform/redis/index.ts";
import type { HealthCheck } from "../../platform/http/index.ts";
import type { Role } from "./role.ts";

/** What processes share through Redis. A process is ready without it: each goes on by itself then. */
export interface Shared {
  readonly checks: readonly HealthCheck[];
  /** Requests of each address, for all services. */
  readonly counts: RedisWindowCounts;
  /** What each edge lets addresses and users use. */
  readonly usage: RedisUsageBoard;
  readonly catalogMark: RedisChangeMark;
}

/** Redis where `REDIS_URL` is set, else nothing: each process counts for itself. @param name of the role @throws RedisUnusable */
export async function startRedis({ config, clock, log, lifecycle }: Role, name: string): Promise<Shared | undefined> {
  const { redisUrl } = config;
  if (redisUrl === undefined) return undefined;
  const redis: RedisConnection = await lifecycle.start({
    name: "redis",
    start: () => connectRedis(redisUrl, { clock, random: Math.random, log, name: `usher-${name}` }),
    stop: (started) => started.close(),
  });
  const process = `${hostname()}-${randomBytes(8).toString("hex")}`;
  return {
    checks: [
      {
        name: "redis",
        isDispensable: true,
        check: () => (redis.isUsable ? Promise.resolve() : Promise.reject(new RedisAway("Redis is away"))),
      },
    ],
    counts: new RedisWindowCounts(redis, "requests"),
    usage: new RedisUsageBoard(redis, process),
    catalogMark: new RedisChangeMark({ redis, random: systemRandom, name: "catalog" }),
  };
}
