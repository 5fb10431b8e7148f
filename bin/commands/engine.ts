import { Command } from "commander";
import { urlHost } from "../../platform/network/index.ts";
import type { Context } from "../context.ts";
import { migrateEngine } from "../parts/database/engine-migrations.ts";
import { requireDatabaseUrl, startDatabase } from "../parts/database/start-database.ts";
import { startMigrations } from "../parts/database/start-migrations.ts";
import { requireFreePort } from "../parts/ports/free-port.ts";
import { startOps } from "../parts/ports/start-ops.ts";
import { type Role, runRole, stopWithSignals } from "../parts/role.ts";
import { requireNats, startBus } from "../parts/start-bus.ts";
import { startEngine } from "../parts/start-engine.ts";

export const engineCommand = (context: Context): Command =>
  new Command("engine")
    .description("owns a share of the showtimes: decides holds and writes the journal; health and metrics on HTTP_PORT")
    .action(() => runRole(context, "engine", startEngineRole));

async function startEngineRole(role: Role): Promise<void> {
  const { config, log, context } = role;
  requireNats(config.natsUrl, "engine");
  requireDatabaseUrl(role, "engine");
  await requireFreePort("HTTP_PORT", config.host, config.httpPort);
  stopWithSignals(role);
  const database = await startDatabase(role);
  await startMigrations(role, database.url, migrateEngine);
  const { bus, checks, requirePermitted } = await startBus(role, "engine");
  const engine = await startEngine(role, {
    bus,
    database,
    onReplaced: (shard) => log.warn({ shard }, "another engine has taken the shard"),
  });
  await requirePermitted();
  const port = await startOps(role, [...database.checks, ...checks, ...engine.checks]);
  await engine.takePart();
  context.print(`Usher ${context.version} engine`);
  context.print(`  metrics    http://${urlHost(config.host)}:${port}/metrics`);
}
