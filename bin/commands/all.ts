import { Command } from "commander";
import { requireWebSockets } from "../../edge/index.ts";
import { urlHost } from "../../platform/network/index.ts";
import { requireDifferentPorts } from "../../platform/config/index.ts";
import type { Context } from "../context.ts";
import { migrateAll } from "../parts/database/migrations.ts";
import { startDatabase } from "../parts/database/start-database.ts";
import { startMigrations } from "../parts/database/start-migrations.ts";
import { DOMAINS } from "../parts/domains.ts";
import { engineClient } from "../parts/engine-client.ts";
import { tellOfFewFiles } from "../parts/few-files.ts";
import { requireFreePort } from "../parts/ports/free-port.ts";
import { ownOrigins } from "../parts/ports/own-origins.ts";
import { type Role, runRole, stopWithSignals } from "../parts/role.ts";
import { startBus } from "../parts/start-bus.ts";
import { startEdge } from "../parts/start-edge.ts";
import { startEngine } from "../parts/start-engine.ts";
import { startEvents } from "../parts/start-events.ts";
import { startRedis } from "../parts/start-redis.ts";
import { requireGatewayPort, startServices } from "../parts/start-services.ts";

export const allCommand = (context: Context): Command =>
  new Command("all")
    .description("runs everything in one process; without DATABASE_URL with an embedded PostgreSQL under DATA_DIR")
    .action(() => runRole(context, "all", startAll));

async function startAll(role: Role): Promise<void> {
  const { config, log, context } = role;
  requireDifferentPorts(config, ["httpPort", "wsPort"]);
  await requireFreePort("HTTP_PORT", config.host, config.httpPort);
  await requireFreePort("WS_PORT", config.host, config.wsPort);
  await requireGatewayPort(config, DOMAINS, ["httpPort", "wsPort"]);
  requireWebSockets();
  tellOfFewFiles(role);
  stopWithSignals(role);
  const database = await startDatabase(role);
  await startMigrations(role, database.url, migrateAll);
  const { bus, nats, checks, requirePermitted } = await startBus(role, "all");
  const shared = await startRedis(role, "all");
  const stream = await startEvents(role, { nats, database, alone: "all" });
  let isReplaced = false;
  const engine = await startEngine(role, {
    bus,
    database,
    onReplaced: (shard) => {
      if (isReplaced) return;
      isReplaced = true;
      log.fatal({ shard }, "another Usher has taken this database: this one stops");
      process.kill(process.pid, "SIGTERM");
    },
  });
  await engine.takePart();
  context.print(`Usher ${context.version}`);
  let webSocketPort = config.wsPort;
  const { verifier, httpPort, gatewayUrl } = await startServices(role, {
    domains: DOMAINS,
    database,
    bus,
    shared,
    stream,
    engine: engineClient(role, bus, { sells: true }),
    checks: [...database.checks, ...checks, ...engine.checks, ...(shared?.checks ?? [])],
    webSocketPort: () => webSocketPort,
  });
  webSocketPort = await startEdge(role, {
    bus,
    engine: engineClient(role, bus, { sells: false }),
    verifier,
    shared,
    isOneOfMany: false,
    pageOrigins: ownOrigins("http", config.host, httpPort),
  });
  await requirePermitted();
  engine.reachable();

  const host = urlHost(config.host);
  context.print(`  page       http://${host}:${httpPort}/`);
  context.print(`  API        http://${host}:${httpPort}/docs`);
  context.print(`  WebSocket  ws://${host}:${webSocketPort}/v1`);
  if (gatewayUrl !== undefined) context.print(`  payments   ${gatewayUrl}  (the mock gateway's page)`);
}
