import { join } from "node:path";
import type { Pool } from "pg";
import {
  checkServerSafety,
  checkShardCount,
  Engine,
  FileWitness,
  PostgresJournal,
  SnapshotThread,
} from "../../engine/index.ts";
import type { Bus } from "../../platform/bus/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import type { Config } from "../../platform/config/index.ts";
import type { Lifecycle } from "../../platform/lifecycle/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import type { Registry } from "../../platform/metrics/index.ts";

interface Options {
  readonly config: Config;
  readonly databaseUrl: string;
  readonly pool: Pool;
  readonly bus: Bus;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly lifecycle: Lifecycle;
  readonly dist: URL;
  onReplaced(shard: number): void;
}

/** How often a holder may move the end of a hold; `HOLD_MAX_SECONDS` bounds it as well. */
const MAX_EXTENSIONS = 5;

/** An engine that owns every shard of the journal in `databaseUrl`. @throws UnsafeJournal */
export async function startEngine(options: Options): Promise<Engine> {
  const { config, databaseUrl, pool, bus, log, metrics, lifecycle, dist } = options;
  await checkServerSafety(pool, config.allowUnsafePostgres);
  const journalId = await checkShardCount(pool, config.shards);
  const journal = await lifecycle.start({
    name: "journal",
    start: () => new PostgresJournal({ connectionString: databaseUrl, clock: systemClock, log }),
    stop: (started) => started.close(),
  });
  return lifecycle.start({
    name: "engine",
    start: async () => {
      const engine = new Engine({
        journal,
        snapshots: new SnapshotThread(new URL("engine/snapshot/worker.js", dist), {
          connectionString: databaseUrl,
          logLevel: config.logLevel,
        }),
        witness: new FileWitness(join(config.dataDir, "witness.json"), journalId),
        bus,
        clock: systemClock,
        log,
        metrics,
        shards: config.shards,
        limits: {
          holdTtlMs: config.holdTtlMs,
          holdMaxMs: config.holdMaxMs,
          paymentTtlMs: config.paymentTtlMs,
          maxSeatsPerHolder: config.maxSeatsPerHolder,
          maxExtensions: MAX_EXTENSIONS,
        },
        onReplaced: options.onReplaced,
      });
      await engine.start();
      return engine;
    },
    stop: (engine) => engine.stop(),
  });
}
