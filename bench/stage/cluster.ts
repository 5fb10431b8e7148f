/** Usher as processes of its own: engines, edges and services that meet over a real NATS server, with the permissions it is shipped with, and share their limits in Redis. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Members } from "../../engine/index.ts";
import { openNatsBus } from "../../platform/bus/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { freePorts } from "../../platform/network/index.ts";
import { BenchError } from "../bench-error.ts";
import type { ServerProcess, StopHow } from "./server-process.ts";
import type { Stage } from "./stage.ts";
import { type Hall, ROOMY, saleOf, type Target } from "./targets.ts";

export interface ClusterSize {
  readonly engines: number;
  /** They share one port. */
  readonly edges: number;
}

export interface Cluster extends Target {
  readonly roles: Readonly<Record<"engine" | "edge" | "services" | "NATS" | "Redis", readonly number[]>>;
  /** Waits until every engine has its share of the shards, and each shard has one engine. @returns the shards by the engine's pid */
  whole(): Promise<ReadonlyMap<number, ReadonlySet<number>>>;
  /** Ends one engine and starts another in its place. @param how `now`: by SIGKILL */
  restartEngine(index: number, how: StopHow): Promise<void>;
}

/** On the PATH. */
export const CLUSTER_PROGRAMS = ["nats-server", "redis-server"];
/** The default of the setting of that name. */
export const SHARDS = 64;
/** NATS reads what looks like a number as one. */
const PASSWORD = "bench";
const PASSWORDS = {
  NATS_ENGINE_PASSWORD: PASSWORD,
  NATS_EDGE_PASSWORD: PASSWORD,
  NATS_SERVICES_PASSWORD: PASSWORD,
  NATS_OPERATOR_PASSWORD: PASSWORD,
};
const WHOLE_WITHIN_MS = 90_000;
const LOOK_EVERY_MS = 20;

export async function startCluster(stage: Stage, hall: Hall, { engines, edges }: ClusterSize): Promise<Cluster> {
  const home = await mkdtemp(join(stage.folder, "cluster-"));
  const nats = await stage.start({
    name: "nats-server",
    command: [
      "nats-server",
      "--config",
      `${stage.root}deploy/nats/nats.conf`,
      "--name",
      "bench",
      "--addr",
      "127.0.0.1",
      "--port",
      "-1",
      "--store_dir",
      join(home, "nats"),
    ],
    env: PASSWORDS,
    patterns: [/Listening for client connections on [^:]+:(\d+)/, /Server is ready/],
  });
  const natsUrl = (user: string): string => `nats://${user}:${PASSWORD}@127.0.0.1:${nats.found[0]}`;
  const redis = await stage.redis();
  const databaseUrl = await stage.database();
  let processes = 0;
  const start = (
    role: "engine" | "services" | "edge",
    env: Readonly<Record<string, string>>,
    pattern: RegExp,
  ): Promise<ServerProcess> =>
    stage.start({
      name: `usher ${role}`,
      command: [process.execPath, ...stage.profiling(role), "dist/bin/usher.js", role],
      env: {
        ...ROOMY,
        NATS_URL: natsUrl(role),
        HTTP_PORT: "0",
        DATA_DIR: join(home, `${role}-${++processes}`),
        ...env,
      },
      patterns: [pattern, /^ready/],
    });
  const startEngine = () => start("engine", { DATABASE_URL: databaseUrl }, /metrics/);
  const startEdge = (sharedPort: number) =>
    start("edge", { WS_PORT: String(sharedPort), REDIS_URL: redis.url }, /WebSocket/);

  const engineProcesses = await Promise.all(Array.from({ length: engines }, startEngine));
  const services = await start("services", { DATABASE_URL: databaseUrl, REDIS_URL: redis.url }, /(http:\/\/[^/\s]+)/);
  const [port = 0] = await freePorts(1);
  const edgeProcesses = await Promise.all(Array.from({ length: edges }, () => startEdge(port)));
  const rolesNow = (): Cluster["roles"] => ({
    engine: engineProcesses.map(({ pid }) => pid),
    edge: edgeProcesses.map(({ pid }) => pid),
    services: [services.pid],
    NATS: [nats.pid],
    Redis: [redis.pid],
  });
  const whole = (): ReturnType<Cluster["whole"]> => waitUntilWhole(natsUrl("operator"), engines);
  await whole();

  const http = services.found[0] ?? "";
  return {
    dialect: "usher",
    pid: edgeProcesses[0]?.pid ?? 0,
    port,
    http,
    ...(await saleOf(http, hall)),
    get roles() {
      return rolesNow();
    },
    get pids() {
      return [...engineProcesses, ...edgeProcesses, services, nats].map(({ pid }) => pid); // Redis counts as a database.
    },
    whole,
    async restartEngine(index, how) {
      await engineProcesses[index]?.stop(how);
      engineProcesses[index] = await startEngine();
    },
    async stop(how) {
      for (const one of [...edgeProcesses, services, ...engineProcesses, nats]) await one.stop(how);
    },
  };
}

async function waitUntilWhole(natsUrl: string, engines: number): ReturnType<Cluster["whole"]> {
  const log = createLogger({ level: "error", name: "bench" });
  const { bus } = await openNatsBus(natsUrl, { name: "bench", role: "operator", clock: systemClock, log });
  try {
    const members = new Members(bus, systemClock);
    const end = performance.now() + WHOLE_WITHIN_MS;
    for (;;) {
      const { live } = members;
      const shards = live.flatMap((member) => member.shards.map(([shard]) => shard));
      const isWhole =
        live.length === engines &&
        live.every((member) => !member.leaving && member.shards.length > 0) &&
        shards.length === SHARDS &&
        new Set(shards).size === SHARDS;
      if (isWhole) return new Map(live.map((one) => [one.pid, new Set(one.shards.map(([shard]) => shard))]));
      if (performance.now() > end) {
        throw new BenchError(`The engines did not share the shards within ${WHOLE_WITHIN_MS / 1_000} s.`);
      }
      await pause(LOOK_EVERY_MS);
    }
  } finally {
    await bus.close();
  }
}
