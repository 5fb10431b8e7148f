import { Command } from "commander";
import type { Config } from "../../platform/config/index.ts";
import { urlHost } from "../../platform/network/index.ts";
import { createDatabase, createPool, migrate } from "../../platform/postgres/index.ts";
import { systemRandom } from "../../platform/random/index.ts";
import { createMockGatewayServer, MOCK_GATEWAY_SCHEMA, mockGatewayMigrations } from "../../services/payments/index.ts";
import type { Context } from "../context.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { goByPostgres } from "../parts/database/shared-time.ts";
import { startMigrations } from "../parts/database/start-migrations.ts";
import { requireFreePort } from "../parts/ports/free-port.ts";
import { type Role, runRole, stopWithSignals } from "../parts/role.ts";

const POOL_MAX = 4;
/** A PostgreSQL that is silent for longer is gone. */
const ANSWER_WITHIN_MS = 60_000;

export const gatewayCommand = (context: Context): Command =>
  new Command("gateway")
    .description("runs the mock payment gateway apart; give its URL to Usher as MOCK_GATEWAY_URL")
    .action(() => runRole(context, "gateway", startGateway));

async function startGateway(role: Role): Promise<void> {
  const { context, config, clock, log, lifecycle } = role;
  const { databaseUrl, host, mockGatewayPort } = config;
  if (databaseUrl === undefined) {
    throw new ExplainedError("The mock gateway keeps its books in PostgreSQL: set DATABASE_URL, such as Usher's own.");
  }
  await requireFreePort("MOCK_GATEWAY_PORT", host, mockGatewayPort);
  stopWithSignals(role);
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
  await goByPostgres(role, pool);
  await startMigrations(role, databaseUrl, (own, options) =>
    migrate(createDatabase<unknown>(own), MOCK_GATEWAY_SCHEMA, mockGatewayMigrations, options),
  );
  const webhookUrl = `${shopUrl(config)}/api/v1/payments/webhooks/mock`;
  const gateway = createMockGatewayServer({
    pool,
    clock,
    random: systemRandom,
    log,
    config,
    webhookUrl: () => webhookUrl,
  });
  await lifecycle.start({ name: "gateway", start: () => gateway.start(), stop: () => gateway.stop() });
  context.print(`Mock gateway ${gateway.url}`);
  context.print(`  webhooks to ${webhookUrl}`);
}

/** Where Usher's REST port is, as far as the settings tell. */
function shopUrl({ publicUrl, host, httpPort }: Config): string {
  if (publicUrl !== undefined) return publicUrl;
  return `http://${urlHost(host)}:${httpPort}`;
}
