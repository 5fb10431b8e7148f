import { Command } from "commander";
import { Members } from "../../engine/index.ts";
import { openNatsBus } from "../../platform/bus/index.ts";
import { type Config, requireDifferentPorts } from "../../platform/config/index.ts";
import { databaseUsers } from "../cluster/database-users.ts";
import { makePlan, type Plan, type Sizes } from "../cluster/plan.ts";
import type { Context } from "../context.ts";
import { freePorts, urlHost } from "../../platform/network/index.ts";
import { Leash } from "../cluster/leash.ts";
import { offerOperatorUrl } from "../cluster/operator-url.ts";
import { ProcessUnderWatch, type Program } from "../cluster/process-under-watch.ts";
import { clusterSecrets } from "../cluster/secrets.ts";
import { showStatus } from "../cluster/status.ts";
import { claimDataDirectory } from "../../platform/postgres/index.ts";
import { migrateAll } from "../parts/database/migrations.ts";
import { startDatabase } from "../parts/database/start-database.ts";
import { startMigrations } from "../parts/database/start-migrations.ts";
import { requireFreePort } from "../parts/ports/free-port.ts";
import { gatewayHost } from "../parts/ports/gateway-host.ts";
import { type Role, runRole, stopWithSignals } from "../parts/role.ts";
import { wholeNumber } from "./whole-number.ts";

const SIZES: Sizes = { engines: 2, edges: 2, services: 2 };
const size = wholeNumber(1, 32);

export const clusterCommand = (context: Context): Command =>
  new Command("cluster")
    .description(
      "the distributed form on this machine: NATS, Redis, PostgreSQL and every role as processes behind HAProxy",
    )
    .option("--engines <count>", "how many", size, SIZES.engines)
    .option("--edges <count>", "how many", size, SIZES.edges)
    .option("--services <count>", "how many", size, SIZES.services)
    .action((sizes: Sizes) => runRole(context, "cluster", (role) => startCluster(role, sizes)));

/** Port 0 means any that is free; the entry has to know which before it starts. */
async function withPorts(config: Config): Promise<Config> {
  requireDifferentPorts(config, ["httpPort", "wsPort", "mockGatewayPort", "httpsPort"]);
  const { httpPort, wsPort, mockGatewayPort, httpsPort } = config;
  const [http = 0, ws = 0, https = 0] = await freePorts(3, [httpPort, wsPort, mockGatewayPort, httpsPort]);
  return { ...config, httpPort: httpPort || http, wsPort: wsPort || ws, httpsPort: httpsPort || https };
}

async function startCluster(role: Role, sizes: Sizes): Promise<void> {
  const config = await withPorts(role.config);
  const plan = await openCluster(role, config, sizes);
  const { processes, admin } = await startPrograms(role, plan);
  await role.lifecycle.start({
    name: "operator URL",
    start: () => offerOperatorUrl(config.dataDir, plan.natsUrl),
    stop: (offered) => offered.close(),
  });
  const host = urlHost(config.host);
  const title = [
    `Usher ${role.context.version}, a cluster on this machine`,
    `  page       http://${host}:${config.httpPort}/   https://${host}:${config.httpsPort}/ (self-signed)`,
    `  API        http://${host}:${config.httpPort}/docs`,
    `  WebSocket  ws://${host}:${config.wsPort}/v1   wss://${host}:${config.httpsPort}/v1`,
    ...admin,
  ];
  for (const line of title) role.context.print(line);
  if (process.stdout.isTTY) await showOnTerminal(role, plan, { title, processes });
}

/** Ports, data directory, database and secrets: all that the programs need before the first of them starts. */
async function openCluster(role: Role, config: Config, sizes: Sizes): Promise<Plan> {
  const { log, lifecycle, context } = role;
  await requireFreePort("HTTP_PORT", config.host, config.httpPort);
  await requireFreePort("WS_PORT", config.host, config.wsPort);
  await requireFreePort("HTTPS_PORT", config.host, config.httpsPort);
  await requireFreePort("MOCK_GATEWAY_PORT", gatewayHost(config), config.mockGatewayPort);
  stopWithSignals(role);
  // The embedded PostgreSQL claims it by itself.
  if (config.databaseUrl !== undefined) {
    await lifecycle.start({
      name: "data directory",
      start: () => claimDataDirectory(config.dataDir),
      stop: (claimed) => claimed.release(),
    });
  }
  const database = await startDatabase(role);
  const secrets = await clusterSecrets(config.dataDir);
  const databaseUrls = await lifecycle.start({
    name: "database users",
    start: () => databaseUsers({ url: database.url, passwords: secrets.postgres, dist: context.dist, log }),
  });
  if (databaseUrls === undefined)
    context.print("  every role uses the user in DATABASE_URL, which may not make others");
  await startMigrations(role, database.url, migrateAll);
  return makePlan({
    config,
    context,
    secrets,
    sizes,
    databaseUrls: databaseUrls ?? { engine: database.url, services: database.url, gateway: database.url },
  });
}

interface Running {
  readonly processes: readonly ProcessUnderWatch[];
  /** What services say of the first administrator. */
  readonly admin: readonly string[];
}

async function startPrograms({ clock, log, lifecycle, context }: Role, plan: Plan): Promise<Running> {
  const leash = new Leash();
  const isTerminal = process.stdout.isTTY;
  const processes: ProcessUnderWatch[] = [];
  const admin: string[] = [];
  let allReady = false;
  const watch = (program: Program): ProcessUnderWatch =>
    new ProcessUnderWatch(program, {
      clock,
      leash,
      changed: (changed) => {
        log.info({ process: changed.program.name, programPid: changed.pid }, changed.state);
        if (!isTerminal && !allReady) context.print(`  ${changed.program.name.padEnd(11)} ${changed.state}`);
      },
      line: (line) => {
        if (/^ +admin +/.test(line)) admin.push(line);
      },
    });
  const stopsInTurn = (each: ProcessUnderWatch): Promise<void> =>
    lifecycle.start({ name: each.program.name, start: () => undefined, stop: () => each.stop() });
  const start = async (started: readonly ProcessUnderWatch[]): Promise<void> => {
    processes.push(...started);
    await Promise.all(started.map((each) => each.start()));
  };
  const startAll = async (programs: readonly Program[]): Promise<void> => {
    const watched = programs.map(watch);
    for (const each of watched) await stopsInTurn(each);
    await start(watched);
  };
  await startAll(plan.servers);
  const entry = watch(plan.entry);
  await stopsInTurn(entry);
  for (const group of plan.roles) await startAll(group);
  const edges = plan.edges.map(watch);
  await lifecycle.start({
    name: "edges",
    start: () => undefined,
    stop: () => Promise.all(edges.map((each) => each.stop())).then(() => undefined),
  });
  await start(edges);
  await lifecycle.start({ name: "entry", start: () => start([entry]), stop: () => entry.drain() });
  allReady = true;
  return { processes, admin };
}

/** How the processes and engines are, until the end. */
async function showOnTerminal(
  { clock, log, lifecycle }: Role,
  { natsUrl }: Plan,
  { title, processes }: Pick<Running, "processes"> & { readonly title: readonly string[] },
): Promise<void> {
  const { bus } = await lifecycle.start({
    name: "status bus",
    start: () => openNatsBus(natsUrl, { name: "usher-cluster", role: "operator", clock, log }),
    stop: (started) => started.bus.close(),
  });
  const members = new Members(bus, clock);
  await lifecycle.start({
    name: "status",
    start: () => showStatus({ terminal: process.stdout, clock, title, processes, members: () => members.live }),
    stop: (started) => started.end(),
  });
}
