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
import type { Role } from "./role.ts";
import type { RunningDatabase } from "./start-database.ts";

export interface RunningEngine {
  /** Takes part in the cluster, where there is one. What this process has yet to load and start would hold up the shards that come then. */
  takePart(): Promise<unknown>;
  /** To be called once buyers can reach the engine. */
  reachable(): void;
  readonly checks: readonly HealthCheck[];
}

/**
 * An engine. Where there is NATS it shares the journal's shards with the other engines there; else it takes them all, and
 * `onReplaced` tells when another Usher takes one of them away.
 * @throws UnsafeJournal
 */
export async function startEngine(
  role: Role,
  { bus, database, onReplaced }: { bus: Bus; database: RunningDatabase; onReplaced(shard: number): void },
): Promise<RunningEngine> {
  const { config, clock, log, metrics, lifecycle, context } = role;
  await checkServerSafety(database.pool, config.allowUnsafePostgres);
  const journalId = await checkShardCount(database.pool, config.shards);
  const journal = await lifecycle.start({
    name: "journal",
    start: () => new PostgresJournal({ connectionString: database.url, clock, log }),
    stop: (started) => started.close(),
  });
  const isAlone = config.natsUrl === undefined;
  const id = `${hostname()}-${process.pid}-${randomBytes(4).toString("hex")}`;
  const engine: Engine = new Engine({
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
      role.onLine,
    ),
    witness: new FileWitness(join(config.dataDir, "witness.json"), journalId),
    limits: {
      holdTtlMs: config.holdTtlMs,
      holdMaxMs: config.holdMaxMs,
      paymentTtlMs: config.paymentTtlMs,
      maxSeatsPerHolder: config.maxSeatsPerHolder,
      maxExtensions: CORE_LIMITS.extensionsMax,
    },
    onReplaced: (shard) => {
      if (cluster === undefined) onReplaced(shard);
      else cluster.replaced(shard);
    },
  });
  const table = new MemberTable({ pool: database.pool, id });
  const cluster = isAlone
    ? undefined
    : new Cluster({ engine, bus, clock, log, shards: config.shards, id, host: hostname(), pid: process.pid, table });
  if (isAlone) {
    // Engines that are pointed at this database refuse to start then. It looks for none itself: a new Usher takes over from one before.
    await lifecycle.start({
      name: "the engine's row",
      start: () => keepRenewing({ table, clock, log }),
      stop: async (renewing) => {
        renewing.cancel();
        await table.remove().catch(() => undefined); // It grows old by itself.
      },
    });
  }
  await lifecycle.start({
    name: "engine",
    start: () => engine.start(isAlone ? undefined : []),
    stop: () => engine.stop(),
  });
  if (cluster === undefined) {
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
  const takePart = (): Promise<unknown> =>
    lifecycle.start({ name: "cluster", start: () => cluster.start(), stop: () => cluster.leave() });
  const check = async (): Promise<void> => {
    if (!cluster.hasListened) throw new Error("the engine does not hear itself on the bus");
  };
  return { takePart, reachable: () => undefined, checks: [{ name: "cluster", check }] };
}
