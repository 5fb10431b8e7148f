/** What Usher is measured against. README.md beside this file says how each was set up, and why so. */
import { existsSync } from "node:fs";
import { BenchError } from "../bench-error.ts";
import type { Peer, PeerScenario } from "../peer.ts";

const DURABLE: readonly PeerScenario[] = ["hold-rush"];
const SHOWN: readonly PeerScenario[] = ["viewer-fanout", "idle"];

const POSTGRES = {
  needs: ["postgres"],
  scenarios: DURABLE,
  protocol: "bench-msgpack",
  entry: "bench/peers/postgres/server.ts",
} as const;

const POSTGRES_FAIRNESS =
  "20 connections, prepared statements, a hold is one round trip and one transaction, every update heap-only (fillfactor 50), fsync on, " +
  "behind uWebSockets.js with Usher's own conflation";

const REDIS = {
  about: "Redis, a Lua script a hold",
  needs: ["redis"],
  scenarios: DURABLE,
  protocol: "bench-msgpack",
  entry: "bench/peers/redis-lua/server.ts",
} as const;

const REDIS_FAIRNESS =
  "one hash a showtime, EVALSHA, all commands of a loop turn in one pipeline, no snapshots or rewrites meanwhile, behind uWebSockets.js with " +
  "Usher's own conflation";

const WS = { needs: [], scenarios: SHOWN, protocol: "bench-msgpack", entry: "bench/peers/ws/server.ts" } as const;
const WS_FAIRNESS =
  "seats in memory, MessagePack, compression off, bufferutil, each frame packed and framed once for all its viewers";

const SOCKET_IO = { scenarios: SHOWN, protocol: "socket.io", entry: "bench/peers/socket.io/server.ts" } as const;
const SOCKET_IO_FAIRNESS =
  "seats in memory, WebSocket alone, compression off, bufferutil, a room a showtime, first requests forgotten, its default parser (its " +
  "broadcast frames text once for all)";

const COLYSEUS = {
  needs: [],
  scenarios: SHOWN,
  protocol: "colyseus",
  entry: "bench/peers/colyseus/server.ts",
} as const;
const COLYSEUS_FAIRNESS =
  "0.16, the newest that says it runs on Node 20; seats in memory, its uWebSockets.js transport, a room a showtime whose state has the held " +
  "seats alone";

const NEST = { needs: ["postgres"], protocol: "rest", entry: "bench/peers/rest/nest.ts" } as const;
const NEST_FAIRNESS =
  "the catalogue from memory, layouts as ready bytes with their ETag, no entity tags hashed for lists, seats in PostgreSQL by SELECT ... FOR " +
  "UPDATE in one round trip, no tokens to check";
const REST: readonly PeerScenario[] = ["browse", "showtime", "rest-hold"];

export const PEERS: Readonly<Record<string, Peer>> = {
  "postgres-for-update": {
    ...POSTGRES,
    about: "PostgreSQL, SELECT ... FOR UPDATE",
    fairness: POSTGRES_FAIRNESS,
    env: { STRATEGY: "for-update" },
  },
  "postgres-for-update-interactive": {
    ...POSTGRES,
    about: "PostgreSQL, SELECT ... FOR UPDATE from the application",
    fairness: `${POSTGRES_FAIRNESS}; but as most applications have it, in four round trips`,
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
    about: "PostgreSQL, optimistic with a version a seat",
    fairness: `${POSTGRES_FAIRNESS}; versions as last seen, read again only where they turn out to be old`,
    env: { STRATEGY: "optimistic" },
  },
  "redis-always": { ...REDIS, fairness: REDIS_FAIRNESS, redis: { appendfsync: "always" } },
  "redis-everysec": {
    ...REDIS,
    about: "Redis, a Lua script a hold; a crash loses up to a second of holds",
    fairness: REDIS_FAIRNESS,
    redis: { appendfsync: "everysec" },
  },
  "ws-naive": { ...WS, about: "ws, a frame a change", fairness: WS_FAIRNESS, env: { SHOW: "naive" } },
  "ws-conflated": {
    ...WS,
    about: "ws with Usher's conflation",
    fairness: WS_FAIRNESS,
    env: { SHOW: "conflated" },
  },
  "socket.io-naive": {
    ...SOCKET_IO,
    about: "Socket.IO, an emit a change",
    fairness: SOCKET_IO_FAIRNESS,
    needs: [],
    env: { SHOW: "naive" },
  },
  "socket.io-conflated": {
    ...SOCKET_IO,
    about: "Socket.IO with Usher's conflation",
    fairness: SOCKET_IO_FAIRNESS,
    needs: [],
    env: { SHOW: "conflated" },
  },
  "socket.io-uws-naive": {
    ...SOCKET_IO,
    about: "Socket.IO on uWebSockets.js, an emit a change",
    fairness: `${SOCKET_IO_FAIRNESS}; attachApp, so that a broadcast is one publish of uWebSockets.js`,
    needs: [],
    env: { SHOW: "naive", ENGINE: "uws" },
  },
  "socket.io-uws-conflated": {
    ...SOCKET_IO,
    about: "Socket.IO on uWebSockets.js with Usher's conflation",
    fairness: `${SOCKET_IO_FAIRNESS}; attachApp, so that a broadcast is one publish of uWebSockets.js`,
    needs: [],
    env: { SHOW: "conflated", ENGINE: "uws" },
  },
  "socket.io-redis-naive": {
    ...SOCKET_IO,
    about: "Socket.IO with the Redis adapter, an emit a change",
    fairness: `${SOCKET_IO_FAIRNESS}; every emit also published to Redis, as it must be where there are several servers`,
    needs: ["redis"],
    env: { SHOW: "naive" },
  },
  "socket.io-redis-conflated": {
    ...SOCKET_IO,
    about: "Socket.IO with the Redis adapter and Usher's conflation",
    fairness: `${SOCKET_IO_FAIRNESS}; every emit also published to Redis, as it must be where there are several servers`,
    needs: ["redis"],
    env: { SHOW: "conflated" },
  },
  colyseus: {
    ...COLYSEUS,
    about: "Colyseus, a patch every 50 ms (its default)",
    fairness: COLYSEUS_FAIRNESS,
    env: { PATCHES: "default" },
  },
  "colyseus-paced": {
    ...COLYSEUS,
    about: "Colyseus, patches at the pace of Usher's frames",
    fairness: COLYSEUS_FAIRNESS,
    env: { PATCHES: "paced" },
  },
  "nest-express": {
    ...NEST,
    about: "NestJS on Express",
    fairness: NEST_FAIRNESS,
    scenarios: REST,
    env: { PLATFORM: "express" },
  },
  "nest-fastify": {
    ...NEST,
    about: "NestJS on Fastify",
    fairness: NEST_FAIRNESS,
    scenarios: REST,
    env: { PLATFORM: "fastify" },
  },
  "fastify-hello": {
    about: "Fastify answering hello, world to whatever is asked",
    fairness: "nothing behind its one route, whose schema makes its serializer",
    needs: [],
    scenarios: ["browse", "showtime"],
    protocol: "rest",
    entry: "bench/peers/rest/hello.ts",
  },
};

/** @param root of the checkout. @throws BenchError, where the peer's dependencies are not installed. */
export function requireInstalled(peer: Peer, root = new URL("../../", import.meta.url)): void {
  if (existsSync(new URL("bench/peers/node_modules", root))) return;
  throw new BenchError(`The peer "${peer.about}" is not installed: npm ci --prefix bench/peers`);
}
