/** What Usher is measured against. README.md beside this file says how each was set up, and why so. */
import { existsSync } from "node:fs";
import { BenchError } from "../bench-error.ts";
import type { Peer, PeerScenario } from "../peer.ts";

const DURABLE: readonly PeerScenario[] = ["hold-rush"];
const SHOWN: readonly PeerScenario[] = ["viewer-fanout", "kiosk-soak"];

const POSTGRES = {
  needs: ["postgres"],
  scenarios: DURABLE,
  protocol: "bench-msgpack",
  packages: [],
  entry: "bench/peers/postgres/server.ts",
} as const;

const POSTGRES_FAIRNESS =
  "20 connections, prepared statements, a hold is one round trip and one transaction, every update heap-only (fillfactor 50), fsync on, " +
  "behind uWebSockets.js with Usher's own conflation";

const REDIS = {
  about: "Redis, a Lua script a hold",
  fairness:
    "one hash a showtime, EVALSHA, all commands of a loop turn in one pipeline, no snapshots or rewrites meanwhile, behind uWebSockets.js with " +
    "Usher's own conflation",
  needs: ["redis"],
  scenarios: DURABLE,
  protocol: "bench-msgpack",
  packages: ["ioredis"],
  entry: "bench/peers/redis-lua/server.ts",
} as const;

const WS = {
  fairness:
    "seats in memory, MessagePack, compression off, bufferutil, each frame packed and framed once for all its viewers",
  needs: [],
  scenarios: SHOWN,
  protocol: "bench-msgpack",
  packages: ["ws", "bufferutil"],
  entry: "bench/peers/ws/server.ts",
} as const;

const SOCKET_IO_FAIRNESS =
  "seats in memory, WebSocket alone, compression off, bufferutil, a room per showtime, first requests forgotten, its default parser (its " +
  "broadcast frames text once for all)";

/** One form of Socket.IO, showing changes both ways. */
function socketIo(
  name: string,
  what: string,
  { fairness, needs = [], packages = [], env }: Partial<Pick<Peer, "fairness" | "needs" | "packages" | "env">>,
): Readonly<Record<string, Peer>> {
  const shared = {
    scenarios: SHOWN,
    protocol: "socket.io",
    packages: ["socket.io", "bufferutil", ...packages],
    entry: "bench/peers/socket.io/server.ts",
    fairness: fairness === undefined ? SOCKET_IO_FAIRNESS : `${SOCKET_IO_FAIRNESS}; ${fairness}`,
    needs,
  } as const;
  return {
    [`${name}-naive`]: { ...shared, about: `${what}, an emit a change`, env: { ...env, SHOW: "naive" } },
    [`${name}-conflated`]: { ...shared, about: `${what}, Usher's conflation`, env: { ...env, SHOW: "conflated" } },
  };
}

const COLYSEUS = {
  fairness:
    "0.16, the newest that says it runs on Node 20; seats in memory, its uWebSockets.js transport, a room per showtime, made before anybody " +
    "comes, whose state has the held seats alone",
  needs: [],
  scenarios: SHOWN,
  protocol: "colyseus",
  packages: ["@colyseus/core", "@colyseus/schema", "@colyseus/uwebsockets-transport"],
  entry: "bench/peers/colyseus/server.ts",
} as const;

const NEST = {
  fairness:
    "catalogue and layouts from memory as ready bytes with their ETag, seats in PostgreSQL by SELECT ... FOR UPDATE in one round trip, a seat map " +
    "read and written once for all who wait, no tokens to check",
  needs: ["postgres"],
  scenarios: ["browse", "showtime", "rest-hold"],
  protocol: "rest",
  packages: ["@nestjs/common", "@nestjs/core", "@nestjs/platform-express", "@nestjs/platform-fastify"],
  entry: "bench/peers/rest/nest.ts",
} as const;

export const PEERS: Readonly<Record<string, Peer>> = {
  "postgres-for-update": {
    ...POSTGRES,
    about: "PostgreSQL, SELECT ... FOR UPDATE in a function: one round trip",
    fairness: POSTGRES_FAIRNESS,
    env: { STRATEGY: "for-update" },
  },
  "postgres-for-update-interactive": {
    ...POSTGRES,
    about: "PostgreSQL, SELECT ... FOR UPDATE with pg as most applications have it: BEGIN, SELECT, UPDATE, COMMIT",
    fairness: `${POSTGRES_FAIRNESS}; but a hold is four round trips`,
    env: { STRATEGY: "for-update-interactive" },
  },
  "postgres-skip-locked": {
    ...POSTGRES,
    about: "PostgreSQL, FOR UPDATE SKIP LOCKED",
    fairness: POSTGRES_FAIRNESS,
    env: { STRATEGY: "skip-locked" },
  },
  "postgres-optimistic": {
    ...POSTGRES,
    about: "PostgreSQL, optimistic with a version per seat",
    fairness: `${POSTGRES_FAIRNESS}; versions as last seen, read again only where they turn out to be old`,
    env: { STRATEGY: "optimistic" },
  },
  "redis-always": { ...REDIS, redis: { appendfsync: "always" } },
  "redis-everysec": {
    ...REDIS,
    about: "Redis, a Lua script a hold; a crash loses up to a second of holds",
    redis: { appendfsync: "everysec" },
  },
  "ws-naive": { ...WS, about: "ws, a frame per change", env: { SHOW: "naive" } },
  "ws-conflated": { ...WS, about: "ws with Usher's conflation", env: { SHOW: "conflated" } },
  ...socketIo("socket.io", "Socket.IO", {}),
  ...socketIo("socket.io-uws", "Socket.IO on uWebSockets.js", {
    fairness: "attachApp, so that a broadcast is one publish of uWebSockets.js",
    env: { ENGINE: "uws" },
  }),
  ...socketIo("socket.io-redis", "Socket.IO with the Redis adapter", {
    fairness: "every emit also published to Redis, as it must be where there are several servers",
    needs: ["redis"],
    packages: ["@socket.io/redis-adapter", "ioredis"],
  }),
  colyseus: { ...COLYSEUS, about: "Colyseus, a patch every 50 ms (its default)", env: { PATCHES: "default" } },
  "colyseus-paced": {
    ...COLYSEUS,
    about: "Colyseus, patches at the pace of Usher's frames",
    env: { PATCHES: "paced" },
  },
  "nest-express": { ...NEST, about: "NestJS on Express", env: { PLATFORM: "express" } },
  "nest-fastify": { ...NEST, about: "NestJS on Fastify", env: { PLATFORM: "fastify" } },
  "fastify-hello": {
    about: "Fastify answering hello, world to whatever is asked",
    fairness: "nothing behind its one route, whose schema makes its serializer",
    needs: [],
    scenarios: ["browse", "showtime"],
    protocol: "rest",
    packages: ["fastify"],
    entry: "bench/peers/rest/hello.ts",
  },
};

/** @param root of the checkout. @throws BenchError, where one of the peer's packages is not installed. */
export function requireInstalled({ about, packages }: Peer, root = new URL("../../", import.meta.url)): void {
  const installed = new URL("bench/peers/node_modules/", root);
  if (["", ...packages].every((name) => existsSync(new URL(name, installed)))) return;
  throw new BenchError(`The peer "${about}" is not installed: npm ci --prefix bench/peers`);
}
