/** What scenarios run on: PostgreSQL and Redis in a folder of their own, servers as processes, generators. All of it is gone when it is closed. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { systemClock } from "../../platform/clock/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { type EmbeddedPostgres, startEmbedded } from "../../platform/postgres/index.ts";
import { BenchError } from "../bench-error.ts";
import { type Remote, startLoad } from "../load/remote.ts";
import type { Kinds } from "../load/worker.ts";
import { type ServerCommand, type ServerProcess, startServer } from "./server-process.ts";
import { cpuSecondsOf } from "./usage.ts";

export interface StageOptions {
  /** Of the checkout. */
  readonly root: URL;
  /** The program of a generator: `bench/load/worker.ts`, or what was built of it. */
  readonly worker: URL;
  /** Where servers write their CPU profiles, if they are to. */
  readonly profileDir?: string;
}

export interface Stage {
  readonly root: string;
  readonly worker: URL;
  /** A folder that is there until the stage is closed. */
  readonly folder: string;
  /** Rejects when a server dies that was not stopped; never resolves. */
  readonly death: Promise<never>;
  /** Arguments that make Node write a profile, if profiles are wanted. */
  profiling(name: string): readonly string[];
  /** Makes an empty database; answers its URL. */
  database(): Promise<string>;
  redis(appendfsync: "always" | "everysec" | undefined): Promise<string>;
  start(server: Omit<ServerCommand, "onDeath" | "cwd">): Promise<ServerProcess>;
  generator<Kind extends keyof Kinds>(kind: Kind): Remote<Kinds[Kind]>;
  /** CPU seconds of PostgreSQL and Redis together; undefined where nobody tells. */
  databaseCpuSeconds(): number | undefined;
  close(): Promise<void>;
}

export async function openStage({ root, worker, profileDir }: StageOptions): Promise<Stage> {
  const path = fileURLToPath(root);
  const folder = await mkdtemp(join(tmpdir(), "usher-bench-"));
  const log = createLogger({ level: "error", name: "bench" });
  const running = new Set<{ stop(): Promise<void> }>();
  const databasePids: number[] = [];
  let postgres: Promise<EmbeddedPostgres> | undefined;
  let databases = 0;
  let closed = false;
  let die: (error: BenchError) => void = () => undefined;
  const death = new Promise<never>((_resolve, reject) => {
    die = (error) => void (closed || reject(error));
  });
  death.catch(() => undefined); // Whoever measures waits for it.

  // A round that was broken off may still be at work when the stage is closed: it starts nothing any more.
  const requireOpen = (): void => {
    if (closed) throw new BenchError("The run has ended.");
  };
  const start: Stage["start"] = async (server) => {
    requireOpen();
    const started = await startServer({ ...server, cwd: path, onDeath: die });
    running.add(started);
    if (closed) await started.stop("now");
    requireOpen();
    return { ...started, stop: (how) => (running.delete(started), started.stop(how)) };
  };

  return {
    root: path,
    worker,
    folder,
    death,
    profiling: (name) =>
      profileDir === undefined
        ? []
        : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`, `--cpu-prof-name=${name}-${Date.now()}.cpuprofile`],
    async database() {
      postgres ??= startEmbedded({ dataDir: join(folder, "database"), log, clock: systemClock }).then(
        async (server) => {
          // PostgreSQL writes its process's id into the first line.
          const pidFile = await readFile(join(folder, "database", "postgres", "postmaster.pid"), "utf8");
          databasePids.push(Number(pidFile.split("\n")[0]));
          return server;
        },
      );
      const { url } = await postgres;
      return createDatabase(url, `bench_${++databases}`);
    },
    async redis(appendfsync) {
      const port = await freePort();
      const dir = await mkdtemp(join(folder, "redis-"));
      const keep =
        appendfsync === undefined ? ["--appendonly", "no"] : ["--appendonly", "yes", "--appendfsync", appendfsync];
      const server = await start({
        name: "redis-server",
        command: ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", ...keep],
        env: {},
        patterns: [/Ready to accept connections/],
      });
      databasePids.push(server.pid);
      return `redis://127.0.0.1:${port}`;
    },
    start,
    generator(kind) {
      requireOpen();
      const remote = startLoad(kind, worker, path);
      running.add(remote);
      return { ...remote, stop: () => (running.delete(remote), remote.stop()) };
    },
    databaseCpuSeconds: () => databasePids.map((pid) => cpuSecondsOf(pid) ?? 0).reduce((sum, one) => sum + one, 0),
    async close() {
      closed = true;
      await Promise.allSettled([...running].map((one) => one.stop()));
      await (await postgres?.catch(() => undefined))?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function createDatabase(server: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server });
  client.on("error", () => undefined); // It is ended at once; PostgreSQL may be quicker.
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** Redis tells no port that it chose by itself. */
function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.once("error", reject);
    probe.listen({ host: "127.0.0.1", port: 0 }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
