/**
 * A whole cluster for one test: the processes that `usher cluster` would run, with a breakable way before each server that a role speaks
 * to, and a PostgreSQL that is the test's own.
 */
import { cpSync, mkdirSync, symlinkSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { databaseUsers } from "../../bin/cluster/database-users.ts";
import { makePlan } from "../../bin/cluster/plan.ts";
import { ProcessUnderWatch, type Program } from "../../bin/cluster/process-under-watch.ts";
import { Leash } from "../../bin/cluster/leash.ts";
import { clusterSecrets } from "../../bin/cluster/secrets.ts";
import { type Member, Members, ownerOf } from "../../engine/index.ts";
import { openNatsBus } from "../../platform/bus/index.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { loadConfig } from "../../platform/config/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { startEmbedded } from "../../platform/postgres/index.ts";
import { until } from "../../platform/testing/until.ts";
import { prepared } from "../../platform/testing/prepared.ts";
import { stopPostgres } from "../kills/stop-postgres.ts";
import { freePort, removeDirectory, temporaryDirectory } from "../support/usher-process.ts";
import { FaultProxy } from "./fault-proxy.ts";

export const log = createLogger({ level: "fatal", name: "faults" });
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** What a busy machine may take for anything that has to happen. */
export const PATIENCE_MS = 90_000;
/** Ten. Nothing may run out meanwhile. */
const HOURS = "36000";
const ROOMY = {
  HOLD_TTL_SECONDS: HOURS,
  HOLD_MAX_SECONDS: HOURS,
  PAYMENT_TTL_SECONDS: HOURS,
  MAX_SEATS_PER_HOLDER: "1000",
  COMMANDS_PER_SECOND: "1000000",
  ADDRESS_COMMANDS_PER_SECOND: "10000000",
  CONNECTIONS_PER_ADDRESS: "1000000",
  REQUESTS_PER_SECOND: "1000000",
};
const ENGINES = 2;

/** Text of the built program that a test replaces, to see whether it notices. */
export interface Patch {
  readonly find: string;
  readonly replace: string;
}

/** Where a program is told of the servers that it speaks to, and what kind those are. */
const SERVERS: Readonly<Record<string, string>> = {
  NATS_URL: "nats",
  DATABASE_URL: "postgres",
  REDIS_URL: "redis",
  MOCK_GATEWAY_URL: "gateway",
  PUBLIC_URL: "haproxy", // The gateway's webhooks go there.
};
/** What a NATS server tells others of itself: nobody listens there, so that they know each other by the ways alone. */
const NOWHERE = "127.0.0.1:1";

interface Way {
  /** Their names. */
  readonly between: readonly [string, string];
  readonly proxy: FaultProxy;
}

export class World {
  readonly dataDir: string;
  readonly httpPort: number;
  readonly wsPort: number;
  readonly databaseUrl: string;
  /** All that were started, by name. */
  readonly processes = new Map<string, ProcessUnderWatch>();
  readonly #ways: Way[] = [];
  readonly #ends: (() => Promise<void> | void)[];
  #members: Members | undefined;
  readonly #programs = new Map<string, Program>();
  readonly #leash = new Leash();
  #natsUrl = "";

  private constructor(made: {
    dataDir: string;
    httpPort: number;
    wsPort: number;
    databaseUrl: string;
    ends: (() => Promise<void> | void)[];
  }) {
    this.dataDir = made.dataDir;
    this.httpPort = made.httpPort;
    this.wsPort = made.wsPort;
    this.databaseUrl = made.databaseUrl;
    this.#ends = made.ends;
  }

  static async start(patches: readonly Patch[] = []): Promise<World> {
    const dataDir = await temporaryDirectory();
    const ends: (() => Promise<void> | void)[] = [() => removeDirectory(dataDir)];
    try {
      const dist = await copyOfTheProgram(dataDir, patches);
      const postgres = await startEmbedded({ dataDir, log, clock: systemClock });
      ends.push(() => postgres.stop());
      const [httpPort, wsPort, httpsPort] = [await freePort(), await freePort(), await freePort()];
      const world = new World({ dataDir, httpPort, wsPort, databaseUrl: postgres.url, ends });
      const config = loadConfig({
        DATA_DIR: dataDir,
        HTTP_PORT: String(httpPort),
        WS_PORT: String(wsPort),
        HTTPS_PORT: String(httpsPort),
        LOG_LEVEL: process.env["FAULTS_LOG"] ?? "error",
      });
      const secrets = await clusterSecrets(dataDir);
      const databaseUrls = await databaseUsers({ url: postgres.url, passwords: secrets.postgres, dist, log });
      const plan = await makePlan({
        config,
        context: { env: {}, dist, version: "test", print: () => undefined },
        databaseUrls: databaseUrls!,
        secrets,
        sizes: { engines: ENGINES + 1, edges: 2, services: 2 },
      });
      await world.#startAll(plan);
      return world;
    } catch (error) {
      await endAll(ends);
      throw error;
    }
  }

  get members(): readonly Member[] {
    return this.#members?.live ?? [];
  }

  named(name: string): ProcessUnderWatch {
    const process = this.processes.get(name);
    if (process === undefined) throw new Error(`there is no ${name}`);
    return process;
  }

  /** Those of a kind that run, such as `engine`. */
  all(kind: string): readonly ProcessUnderWatch[] {
    return [...this.processes.values()].filter(
      ({ program, state }) => program.name.startsWith(kind) && state === "ready",
    );
  }

  /** Between one process and all of a kind, such as `nats`. */
  ways(name: string, kind: string): readonly FaultProxy[] {
    const isBetween = (one: string, other: string): boolean => one === name && other.startsWith(kind);
    return this.#ways
      .filter(({ between: [from, to] }) => isBetween(from, to) || isBetween(to, from))
      .map(({ proxy }) => proxy);
  }

  /** Which shards an engine has, as it says itself. */
  shardsOf(process: ProcessUnderWatch): ReadonlySet<number> {
    const member = this.members.find(({ pid }) => pid === process.pid);
    return new Set(member?.shards.map(([shard]) => shard));
  }

  signal(process: ProcessUnderWatch, signal: NodeJS.Signals): void {
    if (process.pid === undefined) throw new Error(`${process.program.name} does not run`);
    globalThis.process.kill(process.pid, signal);
  }

  /** SIGTERM, and until it serves again. */
  async restart(name: string): Promise<void> {
    const process = this.named(name);
    const before = process.restarts;
    this.signal(process, "SIGTERM");
    await until(() => process.restarts > before && process.state === "ready", `${name} comes back`, PATIENCE_MS);
  }

  /** Past the proxies, with the rights of a role. */
  async natsUrl(role: "edge" | "engine"): Promise<string> {
    const { nats } = await clusterSecrets(this.dataDir);
    const url = new URL(this.#natsUrl.split(",")[0] ?? "");
    Object.assign(url, { username: role, password: nats[role] });
    return url.href;
  }

  /** It is started again at once. */
  stopPostgres(how: "fast" | "immediate"): Promise<void> {
    return stopPostgres(this.dataDir, how);
  }

  /** The engine that is started and stopped on the way. */
  join(): Promise<void> {
    return this.#launch([`engine-${ENGINES + 1}`]);
  }

  async leave(): Promise<void> {
    await this.named(`engine-${ENGINES + 1}`).stop();
  }

  /** All processes serve, and every shard has the one engine that it should have. */
  async whole(): Promise<void> {
    await until(
      () => {
        const running = [...this.processes.values()].filter(({ state }) => state !== "stopped");
        const engines = running.filter(({ program }) => program.name.startsWith("engine")).length;
        const { members } = this;
        if (members.length !== engines || members.some(({ leaving }) => leaving)) return false;
        const names = members.map(({ engine }) => engine);
        const owners = new Map(members.flatMap(({ engine, shards }) => shards.map(([shard]) => [shard, engine])));
        return (
          running.every(({ state }) => state === "ready") &&
          members.reduce((sum, { shards }) => sum + shards.length, 0) === SHARDS &&
          [...Array(SHARDS).keys()].every((shard) => owners.get(shard) === ownerOf(shard, names))
        );
      },
      () => `the cluster is whole; it is ${this.#summary()}`,
      PATIENCE_MS,
    );
  }

  async end(): Promise<void> {
    for (const { proxy } of this.#ways) proxy.open();
    await endAll(this.#ends);
  }

  /** The last lines of what a process wrote. */
  async lastWords(lines = 5): Promise<string> {
    const folder = join(this.dataDir, "cluster", "logs");
    const files = await readdir(folder).catch(() => []);
    const texts = await Promise.all(
      files.map(async (file) => {
        const text = (await readFile(join(folder, file), "utf8")).trim().split("\n").slice(-lines).join("\n  ");
        return `${file}:\n  ${text}`;
      }),
    );
    return texts.join("\n");
  }

  #summary(): string {
    const states = [...this.processes.values()].map(({ program, state }) => `${program.name} ${state}`);
    const members = this.members.map(
      ({ pid, leaving, shards }) => `${pid}: ${shards.length}${leaving ? " takes none" : ""}`,
    );
    return `${states.join(", ")}; ${members.join(", ")}`;
  }

  async #startAll(plan: Awaited<ReturnType<typeof makePlan>>): Promise<void> {
    this.#ends.push(() => this.#leash.close());
    const programs = [...plan.servers, ...plan.roles.flat(), ...plan.edges, plan.entry];
    this.#ends.push(async () => {
      await Promise.all(this.#ways.map(({ proxy }) => proxy.close()));
    });
    for (const program of programs) this.#programs.set(program.name, await this.#withWays(program));
    const namesOf = (group: readonly Program[]): string[] =>
      group.map(({ name }) => name).filter((name) => name !== `engine-${ENGINES + 1}`);
    await this.#launch(namesOf(plan.servers));
    await this.#launch(namesOf([...plan.roles.flat(), ...plan.edges]));
    await this.#launch([plan.entry.name]);

    this.#natsUrl = plan.natsUrl;
    const { bus } = await openNatsBus(plan.natsUrl, { name: "faults", role: "operator", clock: systemClock, log });
    this.#members = new Members(bus, systemClock);
    this.#ends.push(() => bus.close());
  }

  async #launch(names: readonly string[]): Promise<void> {
    await Promise.all(
      names.map(async (name) => {
        const program = this.#programs.get(name);
        if (program === undefined) throw new Error(`there is no ${name}`);
        const started = new ProcessUnderWatch(program, {
          clock: systemClock,
          leash: this.#leash,
          changed: () => undefined,
          line: () => undefined,
        });
        this.processes.set(name, started);
        this.#ends.push(() => started.stop());
        await started.start();
      }),
    );
  }

  /** The same program, but with a proxy before each server that it is told of. */
  async #withWays(program: Program): Promise<Program> {
    const { name } = program;
    const isOurs = program.command === process.execPath;
    const env: Record<string, string> = { ...program.env, ...(isOurs && ROOMY) };
    for (const [variable, kind] of Object.entries(SERVERS)) {
      const urls = env[variable];
      if (urls) env[variable] = await this.#through(name, kind, urls);
    }
    const args = [...program.args];
    const { NATS_ROUTES } = env;
    if (NATS_ROUTES !== undefined) {
      const urls = JSON.parse(NATS_ROUTES) as readonly string[]; // Written so by the plan.
      env["NATS_ROUTES"] = JSON.stringify((await this.#through(name, "nats", urls.join(","))).split(","));
      args.push("--cluster_advertise", NOWHERE);
    }
    if (name === "haproxy") await this.#throughBackends(name, args.at(-1) ?? "");
    return { ...program, env, args };
  }

  /** @param urls with commas between them; of several the first is that of number 1 */
  async #through(name: string, kind: string, urls: string): Promise<string> {
    const ways = urls.split(",").map(async (url, at, { length }) => {
      const parsed = new URL(url);
      parsed.host = await this.#wayTo(name, length > 1 ? `${kind}-${at + 1}` : kind, parsed);
      return parsed.href;
    });
    return (await Promise.all(ways)).join(",");
  }

  /** HAProxy is told in a file: `server edge-1 127.0.0.1:8081 check`. */
  async #throughBackends(name: string, file: string): Promise<void> {
    const lines = (await readFile(file, "utf8")).split("\n").map(async (line) => {
      const [, to, address] = /server (\S+) (\S+)/.exec(line) ?? [];
      if (to === undefined || address === undefined) return line;
      return line.replace(address, await this.#wayTo(name, to, new URL(`tcp://${address}`)));
    });
    await writeFile(file, (await Promise.all(lines)).join("\n"));
  }

  /** @returns host and port of a new proxy */
  async #wayTo(from: string, to: string, { hostname, port }: URL): Promise<string> {
    const proxy = await FaultProxy.to(hostname, Number(port));
    this.#ways.push({ between: [from, to], proxy });
    return `127.0.0.1:${proxy.port}`;
  }
}

/** The default of `SHARDS`. */
export const SHARDS = 64;

async function endAll(ends: (() => Promise<void> | void)[]): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}

/** Built anew by nobody while the test runs, and patched where the test wants it so. */
async function copyOfTheProgram(dataDir: string, patches: readonly Patch[]): Promise<URL> {
  await prepared();
  const home = join(dataDir, "program");
  mkdirSync(home);
  for (const part of ["dist", "deploy", "package.json"])
    cpSync(join(ROOT, part), join(home, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(home, "node_modules"));
  for (const { find, replace } of patches) {
    let found = 0;
    for (const file of await readdir(join(home, "dist"), { recursive: true })) {
      if (!file.endsWith(".js")) continue;
      const path = join(home, "dist", file);
      const text = await readFile(path, "utf8");
      if (!text.includes(find)) continue;
      found++;
      await writeFile(
        path,
        text.replaceAll(find, () => replace),
      );
    }
    if (found === 0) throw new Error(`the built program has no ${JSON.stringify(find)}`);
  }
  return pathToFileURL(`${join(home, "dist")}/`);
}
