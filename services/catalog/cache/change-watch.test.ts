import { pino } from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { InProcessBus } from "../../../platform/bus/index.ts";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { connectRedis, RedisChangeMark, type RedisConnection } from "../../../platform/redis/index.ts";
import { type RedisServer, startRedisServer } from "../../../platform/redis/testing.ts";
import type { Movie } from "../../../proto/rest/index.ts";
import { as, type TestServer } from "../../../platform/http/testing.ts";
import { type CatalogService, createCatalogService } from "../index.ts";
import { CACHE_TTL_MS, CHANGE_LOOK_EVERY_MS } from "../limits.ts";
import { OpeningEngine, testCatalog, type TestCatalog } from "../testing.ts";

const log = pino({ level: "silent" });
const soon = { timeout: 15_000, interval: 20 };

let catalog: TestCatalog;
let redis: RedisServer;
let connections: RedisConnection[];
let services: CatalogService[];
let admin: TestServer;
let reader: TestServer;
/** What is remembered grows no older than this says. */
let clock: VirtualClock;

beforeEach(async () => {
  clock = new VirtualClock(Date.now());
  [catalog, redis] = await Promise.all([testCatalog({ demo: false }), startRedisServer()]);
  connections = [];
  services = [];
  for (const name of ["admin", "reader"]) {
    // For it no time goes by: a machine that hesitates is no Redis that hangs.
    const connection = await connectRedis(redis.url, { clock: new VirtualClock(), random: Math.random, log, name });
    const service = createCatalogService({
      pool: catalog.pool,
      engine: new OpeningEngine(),
      clock,
      random: systemRandom,
      log,
      demo: false,
      bus: new InProcessBus({ clock, log }),
      stream: { publish: async () => {}, consume: () => ({ close: async () => {} }) },
      mark: new RedisChangeMark({ redis: connection, random: systemRandom, name: "catalog" }),
    });
    await service.start();
    connections.push(connection);
    services.push(service);
  }
  [admin, reader] = [await catalog.server(services[0]), await catalog.server(services[1])];
});
afterEach(async () => {
  for (const service of services) await service.stop();
  for (const connection of connections) connection.close();
  await Promise.all([catalog.close(), redis.stop()]);
});

const change = async (movie: Movie | undefined, title: string): Promise<Movie> => {
  const response = await admin.app.inject({
    method: movie === undefined ? "POST" : "PUT",
    url: movie === undefined ? "/api/v1/movies" : `/api/v1/movies/${movie.id}`,
    headers: as("root", "admin"),
    payload: { title, durationMinutes: 90, ...(movie && { version: movie.version }) },
  });
  expect([200, 201]).toContain(response.statusCode);
  return response.json();
};
const titleOf = async (movie: Movie): Promise<string> =>
  (await reader.app.inject({ url: `/api/v1/movies/${movie.id}` })).json<Movie>().title;

/** Settles when Redis has answered whatever the services have asked it before. */
const redisAnswers = () => Promise.all(connections.map((each) => each.ask((redis) => redis.ping())));

it("lets a service that missed word of a change find out soon", async () => {
  const movie = await change(undefined, "M");
  expect(await titleOf(movie)).toBe("M");
  await change(movie, "Metropolis");
  expect(await titleOf(movie)).toBe("M");
  await redisAnswers();
  await clock.advance(CHANGE_LOOK_EVERY_MS);
  await vi.waitFor(async () => expect(await titleOf(movie)).toBe("Metropolis"), soon);
});

it("lets it find out by age alone while Redis is gone, and by the mark again after that", async () => {
  const movie = await change(undefined, "M");
  expect(await titleOf(movie)).toBe("M");
  await redis.kill();
  const changed = await change(movie, "Metropolis");
  await clock.advance(CHANGE_LOOK_EVERY_MS);
  expect(await titleOf(movie)).toBe("M");
  await clock.advance(CACHE_TTL_MS);
  expect(await titleOf(movie)).toBe("Metropolis");
  await redis.start();
  await vi.waitFor(redisAnswers, soon);
  await change(changed, "Faust");
  expect(await titleOf(movie)).toBe("Metropolis");
  await redisAnswers();
  await clock.advance(CHANGE_LOOK_EVERY_MS);
  await vi.waitFor(async () => expect(await titleOf(movie)).toBe("Faust"), soon);
});
