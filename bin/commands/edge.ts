import { Command } from "commander";
import { requireWebSockets } from "../../edge/index.ts";
import { urlHost } from "../../platform/network/index.ts";
import { requireDifferentPorts } from "../../platform/config/index.ts";
import type { Context } from "../context.ts";
import { goByIdentity } from "../parts/database/shared-time.ts";
import { engineClient } from "../parts/engine-client.ts";
import { requireFreePort } from "../parts/ports/free-port.ts";
import { startOps } from "../parts/ports/start-ops.ts";
import { type Role, runRole, stopWithSignals } from "../parts/role.ts";
import { requireShardsOfEngines } from "../parts/shard-count.ts";
import { requireNats, startBus } from "../parts/start-bus.ts";
import { startEdge } from "../parts/start-edge.ts";
import { startRedis } from "../parts/start-redis.ts";
import { startVerifier } from "../parts/start-verifier.ts";

export const edgeCommand = (context: Context): Command =>
  new Command("edge")
    .description("serves WebSockets on WS_PORT, which several edges may share; health and metrics on HTTP_PORT")
    .action(() => runRole(context, "edge", startEdgeRole));

async function startEdgeRole(role: Role): Promise<void> {
  const { config, context } = role;
  requireNats(config.natsUrl, "edge");
  requireDifferentPorts(config, ["httpPort", "wsPort"]);
  await requireFreePort("HTTP_PORT", config.host, config.httpPort);
  requireWebSockets();
  stopWithSignals(role);
  const { bus, checks, requirePermitted } = await startBus(role, "edge");
  const shards = await requireShardsOfEngines(role, bus);
  const shared = await startRedis(role, "edge");
  await goByIdentity(role, bus);
  const verifier = await startVerifier(role, bus);
  const httpPort = await startOps(role, [...checks, shards, ...(shared?.checks ?? [])]);
  const port = await startEdge(role, {
    bus,
    engine: engineClient(role, bus, { sells: false }),
    verifier,
    shared,
    pageOrigins: [],
    isOneOfMany: true,
  });
  await requirePermitted();
  const host = urlHost(config.host);
  context.print(`Usher ${context.version} edge`);
  context.print(`  WebSocket  ws://${host}:${port}/v1`);
  context.print(`  metrics    http://${host}:${httpPort}/metrics`);
}
