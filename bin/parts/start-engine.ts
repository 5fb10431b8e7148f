import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  checkServerSafety,
  checkShardCount,
  Cluster,
  CORE_LIMITS,
  Engine,
  FileWitness,
  keepRenewing,
  MemberTable,
  PostgresJournal,
  SnapshotThread,
} from "../../engine/index.ts";
import type { Bus } from "../../platform/bus/index.ts";
import type { HealthCheck } from "../../platform/http/index.ts";
import type { RunningDatabase } from "./database/start-database.ts";
import type { Role } from "./role.ts";

export interface RunningEngine {
  /** Takes part in the cluster, where there is one. What this process has yet to load and start would hold up the shards that come then. */
  takePart(): Promise<unknown>;
  /** To be called once buyers can reach the engine. */
  reachable(): void;
  readonly checks: readonly HealthCheck[];
}

interface Options {
  readonly bus: Bus;
  readonly database: RunningDatabase;
  /** Another Usher has taken a shard away from an engine that is alone. */
  onReplaced(shard: number): void;
}

interface Parts {
  readonly bus: Bus;
  readonly database: RunningDatabase;
  readonly journal: PostgresJournal;
  readonly journalId: string;
  /** Names this run of this process, unlike any other. */
  readonly id: string;
}

/**
 * An engine. Where there is NATS it shares the journal's shards with the other engines there; else it takes them all.
 * @throws UnsafeJournal
 */
export async function startEngine(role: Role, { bus, database, onReplaced }: Options): Promise<RunningEngine> {
  const { config, clock, log, lifecycle } = role;
  await checkServerSafety(database.pool, config.allowUnsafePostgres);
  const journalId = await checkShardCount(database.pool, config.shards);
  const journal = await lifecycle.start({
    name: "journal",
    start: () => new PostgresJournal({ connectionString: database.url, id: journalId, clock, log }),
    stop: (started) => started.close(),
  });
  const id = `${hostname()}-${process.pid}-${randomBytes(4).toString("hex")}`;
  const parts = { bus, database, journal, journalId, id };
  return config.natsUrl === undefined ? startAlone(role, parts, onReplaced) : startMember(role, parts);
}

async function startAlone(role: Role, parts: Parts, onReplaced: (shard: number) => void): Promise<RunningEngine> {
  const { config, clock, log, lifecycle } = role;
  const engine = makeEngine(role, parts, onReplaced);
  const table = new MemberTable({ pool: parts.database.pool, id: parts.id, clock });
  // Engines that are pointed at this database refuse to start then. It looks for none itself: a new Usher takes over from one before.
  await lifecycle.start({
    name: "the engine's row",
    start: () => keepRenewing({ table, clock, log }),
    stop: async (renewing) => {
      renewing.cancel();
      await table.remove().catch(() => undefined); // It grows old by itself.
    },
  });
  await lifecycle.start({ name: "engine", start: () => engine.start(), stop: () => engine.stop() });
  const check = async (): Promise<void> => {
    if (engine.serving < config.shards)
      throw new Error(`${config.shards - engine.serving} of ${config.shards} shards do not serve`);
  };
  return {
    takePart: () => Promise.resolve(),
    reachable: () => engine.reachable(),
    checks: [{ name: "engine", check }],
  };
}

/** It begins without a shard, and is given some once it takes part. */
async function startMember(role: Role, parts: Parts): Promise<RunningEngine> {
  const { config, clock, log, lifecycle } = role;
  const { bus, database, id } = parts;
  const engine = makeEngine(role, parts, (shard) => cluster.replaced(shard));
  const table = new MemberTable({ pool: database.pool, id, clock });
  const cluster: Cluster = new Cluster({
    engine,
    bus,
    clock,
    log,
    shards: config.shards,
    id,
    host: hostname(),
    pid: process.pid,
    table,
  });
  await lifecycle.start({ name: "engine", start: () => engine.start([]), stop: () => engine.stop() });
  const check = async (): Promise<void> => {
    if (!cluster.hasListened) throw new Error("the engine does not hear itself on the bus");
  };
  return {
    takePart: () => lifecycle.start({ name: "cluster", start: () => cluster.start(), stop: () => cluster.leave() }),
    reachable: () => undefined,
    checks: [{ name: "cluster", check }],
  };
}

function makeEngine(
  { config, clock, log, metrics, onLine, context }: Role,
  { bus, database, journal, journalId, id }: Parts,
  onReplaced: (shard: number) => void,
): Engine {
  return new Engine({
    id,
    journal,
    bus,
    clock,
    log,
    metrics,
    shards: config.shards,
    snapshots: new SnapshotThread(
      new URL("engine/snapshot/worker.js", context.dist),
      { connectionString: database.url, logLevel: config.logLevel },
      onLine,
    ),
    witness: new FileWitness(join(config.dataDir, "witness.json"), journalId),
    limits: {
      holdTtlMs: config.holdTtlMs,
      holdMaxMs: config.holdMaxMs,
      paymentTtlMs: config.paymentTtlMs,
      maxSeatsPerHolder: config.maxSeatsPerHolder,
      maxExtensions: CORE_LIMITS.extensionsMax,
    },
    onReplaced,
  });
}
