import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { VirtualClock } from "../../clock/index.ts";
import { connectRedis, type RedisConnection, RedisWindowCounts } from "../../redis/index.ts";
import { REDIS_ANSWER_TIMEOUT_MS } from "../../redis/limits.ts";
import { type RedisServer, startRedisServer } from "../../redis/testing.ts";
import { testServer, type TestServer } from "../testing.ts";

describe("two services with one Redis", () => {
  const LIMIT = 20;
  /** Its windows never end while a test runs. */
  const standing = new VirtualClock();
  /** Nobody finds that Redis hangs before a test lets time go by. */
  const patience = new VirtualClock();
  let redis: RedisServer;
  const connections: RedisConnection[] = [];
  const servers: TestServer[] = [];

  beforeAll(async () => {
    redis = await startRedisServer();
    const log = pino({ level: "silent" });
    for (const name of ["one", "two"]) {
      const connection = await connectRedis(redis.url, { clock: patience, random: Math.random, log, name });
      connections.push(connection);
      const counts = new RedisWindowCounts(connection, "requests");
      const server = await testServer({
        config: { requestsPerSecond: LIMIT, allowedOrigins: [] },
        clock: standing,
        sharedCounts: { add: (key) => counts.add(key, 600_000) },
      });
      server.app.get("/own", { config: { rateLimit: { max: 2 } } }, async () => "own");
      servers.push(server);
    }
  });
  afterAll(async () => {
    for (const server of servers) await server.close();
    for (const connection of connections) connection.close();
    await redis.stop();
  });

  /** How many of so many requests, sent to the two in turn, are served. */
  async function served(requests: number, remoteAddress: string, url = "/config.json"): Promise<number> {
    const ask = (at: number) => servers[at % 2]!.app.inject({ url, remoteAddress });
    const answers = await Promise.all(Array.from({ length: requests }, (_, at) => ask(at)));
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200, 429]));
    return answers.filter(({ statusCode }) => statusCode === 200).length;
  }
  const bothAnswer = () =>
    vi.waitFor(() => Promise.all(connections.map((each) => each.ask((redis) => redis.ping()))), { timeout: 15_000 });

  it("let an address no more through than one would", async () => {
    expect(await served(3 * LIMIT, "10.0.0.1")).toBe(LIMIT);
    expect(await served(3 * LIMIT, "10.0.0.2")).toBe(LIMIT);
  });

  it("count a route with a limit of its own apart", async () => {
    expect(await served(10, "10.0.0.3", "/own")).toBe(2);
    expect(await served(3 * LIMIT, "10.0.0.3")).toBe(LIMIT);
  });

  it("limit each by itself while Redis is gone, and together again when it is back", async () => {
    await redis.kill();
    expect(await served(5 * LIMIT, "10.0.1.1")).toBe(2 * LIMIT);
    await redis.start();
    await bothAnswer();
    expect(await served(5 * LIMIT, "10.0.1.2")).toBe(LIMIT);
  });

  it("limit and answer while Redis hangs, and nobody waits for it twice", async () => {
    redis.pause();
    const asked = served(5 * LIMIT, "10.0.2.1");
    await vi.waitFor(
      async () => {
        await patience.advance(REDIS_ANSWER_TIMEOUT_MS);
        expect(connections.map(({ isUsable }) => isUsable)).toEqual([false, false]);
      },
      { timeout: 15_000 },
    );
    expect(await asked).toBe(2 * LIMIT); // No more time goes by for them.
    redis.goOn();
    await bothAnswer();
    expect(await served(5 * LIMIT, "10.0.2.2")).toBe(LIMIT);
  });
});
