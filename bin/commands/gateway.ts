import { Command } from "commander";
import { SteeredClock, systemClock } from "../../platform/clock/index.ts";
import { type Config, loadConfig } from "../../platform/config/index.ts";
import { Lifecycle, Stopping, stopOnSignals } from "../../platform/lifecycle/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { urlHost } from "../../platform/network/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { systemRandom } from "../../platform/random/index.ts";
import { createMockGateway, MOCK_GATEWAY_SCHEMA, mockGatewayMigrations } from "../../services/payments/index.ts";
import type { Context } from "../context.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { requireFreePort } from "../parts/free-port.ts";
import { goByPostgres } from "../parts/shared-time.ts";

const STOP_TIMEOUT_MS = 10_000;
const POOL_MAX = 4;
/** A PostgreSQL that is silent for longer is gone. */
const ANSWER_WITHIN_MS = 60_000;

export const gatewayCommand = (context: Context): Command =>
  new Command("gateway")
    .description("runs the mock payment gateway apart; give its URL to Usher as MOCK_GATEWAY_URL")
    .action(() => runGateway(context));

async function runGateway(context: Context): Promise<void> {
  const config = loadConfig(context.env);
  const { databaseUrl, host, mockGatewayPort } = config;
  if (databaseUrl === undefined) {
    throw new ExplainedError("The mock gateway keeps its books in PostgreSQL: set DATABASE_URL, such as Usher's own.");
  }
  const clock = new SteeredClock(systemClock);
  const log = createLogger({ level: config.logLevel, name: "gateway" });
  const lifecycle = new Lifecycle({ clock, log, stopTimeoutMs: STOP_TIMEOUT_MS });
  await requireFreePort("MOCK_GATEWAY_PORT", host, mockGatewayPort);
  stopOnSignals({ process, lifecycle, clock, log });
  try {
    const pool = await lifecycle.start({
      name: "pool",
      start: () =>
        createPool({
          connectionString: databaseUrl,
          max: POOL_MAX,
          name: "usher-gateway",
          log,
          answerWithinMs: ANSWER_WITHIN_MS,
        }),
      stop: (started) => started.end(),
    });
    await goByPostgres({ clock, log, lifecycle }, pool);
    await lifecycle.start({
      name: "migrations",
      start: () => migrate(createDatabase<unknown>(pool), MOCK_GATEWAY_SCHEMA, mockGatewayMigrations),
    });
    const webhookUrl = `${shopUrl(config)}/api/v1/payments/webhooks/mock`;
    const gateway = createMockGateway({ pool, clock, random: systemRandom, log, config, webhookUrl: () => webhookUrl });
    await lifecycle.start({ name: "gateway", start: () => gateway.start(), stop: () => gateway.stop() });
    context.print(`Mock gateway ${gateway.url}`);
    context.print(`  webhooks to ${webhookUrl}`);
    context.print("ready");
  } catch (error) {
    if (error instanceof Stopping) return; // The signal's handler ends the process.
    await lifecycle.stop();
    throw error;
  }
}

/** Where Usher's REST port is, as far as the settings tell. */
function shopUrl({ publicUrl, host, httpPort }: Config): string {
  if (publicUrl !== undefined) return publicUrl.replace(/\/$/, "");
  return `http://${urlHost(host)}:${httpPort}`;
}
