/** What scenarios run on: PostgreSQL and Redis in a folder of their own, servers as processes, generators. All of it is gone when it is closed. */
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createLogger } from "../../platform/log/index.ts";
import { freePorts } from "../../platform/network/index.ts";
import { BenchError } from "../bench-error.ts";
import { type Remote, startLoad } from "../load/remote.ts";
import type { Kinds } from "../load/worker.ts";
import { createDatabases } from "./databases.ts";
import { createProfiles, type Profiles } from "./profiles.ts";
import { type ServerCommand, type ServerProcess, startServer } from "./server-process.ts";
import { cpuSecondsOfAll } from "./usage.ts";

export interface StageOptions {
  /** The checkout's. */
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
  readonly profiling: Profiles["argumentsFor"];
  /** Whose profiles were asked for and are not there, once the stage is closed: a process that is killed writes none. */
  withoutProfile(): readonly string[];
  /** Makes an empty database; answers its URL. */
  database(): Promise<string>;
  /** Its databases count their statements: to be called before there is one. */
  countStatements(): void;
  redis(appendfsync?: "always" | "everysec"): Promise<{ readonly url: string; readonly pid: number }>;
  start(server: Omit<ServerCommand, "onDeath" | "cwd">): Promise<ServerProcess>;
  /** Those it has started that Node does not run. */
  readonly programs: ReadonlySet<string>;
  generator<Kind extends keyof Kinds>(kind: Kind): Remote<Kinds[Kind]>;
  /** CPU seconds of PostgreSQL and Redis together, 0 where neither runs; undefined where nobody tells. */
  databaseCpuSeconds(): number | undefined;
  close(): Promise<void>;
}

export async function openStage({ root, worker, profileDir }: StageOptions): Promise<Stage> {
  const path = fileURLToPath(root);
  const folder = await mkdtemp(join(tmpdir(), "usher-bench-"));
  const log = createLogger({ level: "error", name: "bench" });
  const running = new Set<{ readonly pid: number; stop(): Promise<void> }>();
  const redisPids: number[] = [];
  const programs = new Set<string>();
  const profiles = createProfiles(profileDir);
  let withoutProfile: readonly string[] = [];
  let closed = false;
  let die: (error: BenchError) => void = () => undefined;
  const death = new Promise<never>((_resolve, reject) => {
    die = (error) => void (closed || reject(error));
  });
  death.catch(() => undefined); // Whoever measures waits for it.
  const databases = createDatabases(join(folder, "database"), log, (error) => die(error));

  // A round that was broken off may still be at work when the stage is closed: it starts nothing any more.
  const requireOpen = (): void => {
    if (closed) throw new BenchError("The run has ended.");
  };
  const start: Stage["start"] = async (server) => {
    requireOpen();
    const started = await startServer({ ...server, cwd: path, onDeath: die });
    running.add(started);
    if (server.command[0] !== process.execPath) programs.add(server.command[0]);
    if (closed) await started.stop("now");
    requireOpen();
    return { ...started, stop: (how) => (running.delete(started), started.stop(how)) };
  };

  // Whatever ends this process without `close`, a second Ctrl-C among it, ends the others too, and leaves no folder.
  const endAtOnce = (): void => {
    for (const { pid } of running) end(pid, "SIGKILL");
    if (databases.pid !== undefined) end(databases.pid, "SIGQUIT"); // Its own word for at once.
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  };
  process.once("exit", endAtOnce);

  return {
    root: path,
    worker,
    folder,
    death,
    profiling: profiles.argumentsFor,
    withoutProfile: () => withoutProfile,
    database: databases.create,
    countStatements: databases.countStatements,
    async redis(appendfsync) {
      const [port] = await freePorts(1);
      const dir = await mkdtemp(join(folder, "redis-"));
      const keep =
        appendfsync === undefined ? ["--appendonly", "no"] : ["--appendonly", "yes", "--appendfsync", appendfsync];
      keep.push("--auto-aof-rewrite-percentage", "0"); // No rewrite in the middle of a run.
      const server = await start({
        name: "redis-server",
        command: ["redis-server", "--port", String(port), "--bind", "127.0.0.1", "--dir", dir, "--save", "", ...keep],
        env: {},
        patterns: [/Ready to accept connections/],
      });
      redisPids.push(server.pid);
      return { url: `redis://127.0.0.1:${port}`, pid: server.pid };
    },
    start,
    programs,
    generator(kind) {
      requireOpen();
      // The engine alone is what is measured; all others measure.
      const remote = startLoad({
        kind,
        worker,
        root: path,
        profiling: kind === "engine" ? profiles.argumentsFor(kind) : [],
      });
      running.add(remote);
      return { ...remote, stop: () => (running.delete(remote), remote.stop()) };
    },
    databaseCpuSeconds: () => cpuSecondsOfAll(databases.pid === undefined ? redisPids : [databases.pid, ...redisPids]),
    async close() {
      closed = true;
      await Promise.allSettled([...running].map((one) => one.stop()));
      withoutProfile = profiles.gather();
      await databases.stop();
      await rm(folder, { recursive: true, force: true });
      process.off("exit", endAtOnce);
    },
  };
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself.
  }
}
