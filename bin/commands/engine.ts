import { Command } from "commander";
import { urlHost } from "../../platform/network/index.ts";
import type { Context } from "../context.ts";
import { requireFreePort } from "../parts/free-port.ts";
import { migrateEngine } from "../parts/engine-migrations.ts";
import { type Role, runRole, stopWithSignals } from "../parts/role.ts";
import { requireNats, startBus } from "../parts/start-bus.ts";
import { requireDatabaseUrl, startDatabase } from "../parts/start-database.ts";
import { startEngine } from "../parts/start-engine.ts";
import { startOps } from "../parts/start-ops.ts";

export const engineCommand = (context: Context): Command =>
  new Command("engine")
    .description("owns a share of the showtimes: decides holds and writes the journal; health and metrics on HTTP_PORT")
    .action(() => runRole(context, "engine", startEngineRole));

async function startEngineRole(role: Role): Promise<void> {
  const { config, log, lifecycle, context } = role;
  requireNats(config.natsUrl, "engine");
  requireDatabaseUrl(role, "engine");
  await requireFreePort("HTTP_PORT", config.host, config.httpPort);
  stopWithSignals(role);
  const database = await startDatabase(role);
  await lifecycle.start({ name: "migrations", start: () => migrateEngine(database.pool, role) });
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
