import { randomUUID } from "node:crypto";
import { Command } from "commander";
import type { Context } from "../context.ts";
import { type Domain, DOMAINS } from "../parts/domains.ts";
import { engineClient } from "../parts/engine-client.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { urlHost } from "../../platform/network/index.ts";
import { migrateDomains } from "../parts/database/migrations.ts";
import { startDatabase } from "../parts/database/start-database.ts";
import { startMigrations } from "../parts/database/start-migrations.ts";
import { requireFreePort } from "../parts/ports/free-port.ts";
import { type Role, runRole, stopWithSignals } from "../parts/role.ts";
import { requireShardsOfJournal } from "../parts/shard-count.ts";
import { startBus } from "../parts/start-bus.ts";
import { startEvents } from "../parts/start-events.ts";
import { startRedis } from "../parts/start-redis.ts";
import { requireGatewayPort, startServices } from "../parts/start-services.ts";

/** The others do without an engine, and are ready before there is one. */
const ASK_ENGINES: ReadonlySet<Domain> = new Set(["catalog", "bookings"]);

export const servicesCommand = (context: Context): Command =>
  new Command("services")
    .description("serves REST and the page on HTTP_PORT: all domains, or some of them")
    .option("--only <domains>", `these alone, joined by commas: ${DOMAINS.join(", ")}`)
    .action(({ only }: { only?: string }) => runRole(context, "services", (role) => startServicesRole(role, only)));

async function startServicesRole(role: Role, only: string | undefined): Promise<void> {
  const { config, context } = role;
  const domains = only === undefined ? DOMAINS : domainsOf(only);
  await requireFreePort("HTTP_PORT", config.host, config.httpPort);
  await requireGatewayPort(config, domains, ["httpPort"]);
  stopWithSignals(role);
  const database = await startDatabase(role);
  await startMigrations(role, database.url, (pool, options) => migrateDomains(pool, domains, options));
  const asksEngines = domains.some((domain) => ASK_ENGINES.has(domain));
  const shards = asksEngines ? [await requireShardsOfJournal(role, database.pool)] : [];
  const { bus, nats, checks, requirePermitted } = await startBus(role, "services");
  const shared = await startRedis(role, "services");
  context.print(`Usher ${context.version} services: ${domains.join(", ")}`);
  const { httpPort, gatewayUrl } = await startServices(role, {
    domains,
    database,
    bus,
    shared,
    stream: await startEvents(role, { nats, database, alone: randomUUID() }), // What it tells nobody else hears.
    engine: engineClient(role, bus, { sells: true }),
    checks: [...database.checks, ...checks, ...shards, ...(shared?.checks ?? [])],
    webSocketPort: () => config.wsPort,
  });
  await requirePermitted();
  const host = urlHost(config.host);
  context.print(`  API        http://${host}:${httpPort}/docs`);
  if (gatewayUrl !== undefined) context.print(`  payments   ${gatewayUrl}  (the mock gateway's page)`);
}

/** @throws ExplainedError */
function domainsOf(text: string): readonly Domain[] {
  const names = text.split(",").map((name) => name.trim());
  for (const name of names) {
    if (!DOMAINS.some((domain) => domain === name))
      throw new ExplainedError(`There is no domain ${name}: they are ${DOMAINS.join(", ")}.`);
  }
  return DOMAINS.filter((domain) => names.includes(domain));
}
