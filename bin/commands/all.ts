import { Command } from "commander";
import { createEdge } from "../../edge/index.ts";
import { InProcessBus } from "../../platform/bus/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { type Config, loadConfig } from "../../platform/config/index.ts";
import { EngineClient } from "../../platform/engine-client/index.ts";
import { Lifecycle, Stopping, stopOnSignals } from "../../platform/lifecycle/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { createMetrics } from "../../platform/metrics/index.ts";
import { createPool } from "../../platform/postgres/index.ts";
import type { Context } from "../context.ts";
import { openDatabase } from "../parts/database.ts";
import { ExplainedError } from "../parts/explained-error.ts";
import { requireFreePort } from "../parts/free-port.ts";
import { migrateAll } from "../parts/migrations.ts";
import { startEngine } from "../parts/start-engine.ts";
import { startServices } from "../parts/start-services.ts";

const STOP_TIMEOUT_MS = 15_000;
/** How long an edge or a service waits for the engine, retries included. */
const ENGINE_TIMEOUT_MS = 4_000;
const ENGINE_IN_FLIGHT_MAX = 50_000;
const POOL_MAX = 16;

export const allCommand = (context: Context): Command =>
  new Command("all")
    .description("runs everything in one process; without DATABASE_URL with an embedded PostgreSQL under DATA_DIR")
    .action(() => runAll(context));

async function runAll(context: Context): Promise<void> {
  const begun = performance.now();
  const config = loadConfig(context.env);
  requireOneProcess(config);
  const clock = systemClock;
  const log = createLogger({ level: config.logLevel, name: "usher" });
  const metrics = createMetrics("all");
  const lifecycle = new Lifecycle({ clock, log, stopTimeoutMs: STOP_TIMEOUT_MS });
  await requireFreePort("HTTP_PORT", config.host, config.httpPort);
  await requireFreePort("WS_PORT", config.host, config.wsPort);
  stopOnSignals({ process, lifecycle, clock, log });
  try {
    const database = await lifecycle.start({
      name: "database",
      start: () => openDatabase(config, log),
      stop: (started) => started.stop(),
    });
    const pool = await lifecycle.start({
      name: "pool",
      start: () => createPool({ connectionString: database.url, max: POOL_MAX, name: "usher", log }),
      stop: (started) => started.end(),
    });
    await lifecycle.start({ name: "migrations", start: () => migrateAll(pool) });
    const bus = await lifecycle.start({
      name: "bus",
      start: () => new InProcessBus({ clock, log }),
      stop: (started) => started.close(),
    });
    const engine = await startEngine({
      ...{ config, databaseUrl: database.url, pool, bus, log, metrics, lifecycle, dist: context.dist },
      onReplaced: (shard) => {
        log.fatal({ shard }, "another Usher has taken this database: this one stops");
        process.kill(process.pid, "SIGTERM");
      },
    });
    const wayToEngine = {
      ...{ bus, clock, shards: config.shards },
      timeoutMs: ENGINE_TIMEOUT_MS,
      inFlightMax: ENGINE_IN_FLIGHT_MAX,
    };
    let webSocketPort = config.wsPort;
    const { verifier, httpPort, firstAdmin } = await startServices({
      ...{
        config,
        version: context.version,
        pool,
        bus,
        engine: new EngineClient({ ...wayToEngine, sells: true }),
        log,
        metrics,
        lifecycle,
        dist: context.dist,
      },
      checks: [
        { name: "postgresql", check: async () => void (await pool.query("SELECT 1")) },
        { name: "engine", check: async () => requireServing(engine.serving, config.shards) },
      ],
      webSocketPort: () => webSocketPort,
    });
    const edge = createEdge({
      ...{
        bus,
        engine: new EngineClient({ ...wayToEngine, sells: false }),
        verifier,
        clock,
        random: Math.random,
        log,
        metrics,
      },
      config: { ...config, allowedOrigins: [...config.allowedOrigins, ...ownOrigins(config.host, httpPort)] },
    });
    const { port } = await lifecycle.start({ name: "edge", start: () => edge.start(), stop: () => edge.drain() });
    webSocketPort = port;
    engine.reachable();

    const host = urlHost(config.host);
    context.print(`Usher ${context.version}`);
    context.print(`  page       http://${host}:${httpPort}/`);
    context.print(`  API        http://${host}:${httpPort}/docs`);
    context.print(`  WebSocket  ws://${host}:${port}/v1`);
    if (firstAdmin !== undefined) {
      context.print(
        `  admin      ${firstAdmin.email}${firstAdmin.generated ? `  password ${firstAdmin.password}  (shown this once)` : ""}`,
      );
    }
    context.print("ready");
    log.info({ ms: Math.round(performance.now() - begun) }, "started");
  } catch (error) {
    if (error instanceof Stopping) return; // The signal's handler ends the process.
    await lifecycle.stop();
    throw error;
  }
}

/** What is set is used, or refused: never passed over in silence. */
function requireOneProcess(config: Config): void {
  for (const [name, value] of [
    ["NATS_URL", config.natsUrl],
    ["REDIS_URL", config.redisUrl],
  ] as const) {
    if (value === undefined) continue;
    throw new ExplainedError(
      `${name} is set, but this version runs everything in one process and does not use it: unset ${name}.`,
    );
  }
}

async function requireServing(serving: number, shards: number): Promise<void> {
  if (serving < shards) throw new Error(`${shards - serving} of ${shards} shards are being recovered`);
}

/** The page that the HTTP port serves may open the WebSocket, by whichever name it was reached. */
const ownOrigins = (host: string, port: number): string[] =>
  [...new Set([urlHost(host), "localhost", "127.0.0.1", "[::1]"])].map((name) => `http://${name}:${port}`);

const urlHost = (host: string): string => (host.includes(":") ? `[${host}]` : host);
