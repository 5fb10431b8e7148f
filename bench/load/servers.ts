/** What a scenario runs against: PostgreSQL in a folder of its own, and servers as processes, all gone when it ends. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { systemClock } from "../../platform/clock/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { startEmbedded } from "../../platform/postgres/index.ts";
import { type ServerProcess, startServer } from "./server-process.ts";

export interface UsherUnderTest {
  readonly pid: number;
  /** Without a slash at the end. */
  readonly http: string;
  /** Of the WebSocket. */
  readonly port: number;
}

export interface Servers {
  /** Makes an empty database; answers its URL. */
  database(name: string): Promise<string>;
  start: typeof startServer;
  /** Usher in one process, with limits that do not get in a load generator's way. */
  usher(): Promise<UsherUnderTest>;
}

/** With `profile`, Usher writes a CPU profile into bench/out when it ends. */
export async function withServers(profile: boolean, work: (servers: Servers) => Promise<void>): Promise<void> {
  const profiling = profile ? ["--cpu-prof", "--cpu-prof-dir=bench/out"] : [];
  const dataDir = await mkdtemp(join(tmpdir(), "usher-bench-"));
  const log = createLogger({ level: "error", name: "bench" });
  const postgres = await startEmbedded({ dataDir, log, clock: systemClock });
  const running: ServerProcess[] = [];

  const database = async (name: string): Promise<string> => {
    const client = new pg.Client({ connectionString: postgres.url });
    client.on("error", () => undefined); // It is ended at once; PostgreSQL may be quicker.
    await client.connect();
    await client.query(`CREATE DATABASE ${name}`);
    await client.end();
    const url = new URL(postgres.url);
    url.pathname = `/${name}`;
    return url.href;
  };
  const start: typeof startServer = async (command, env, patterns) => {
    const server = await startServer(command, env, patterns);
    running.push(server);
    return server;
  };
  const usher = async (): Promise<UsherUnderTest> => {
    const env = {
      DATABASE_URL: await database("usher_bench"),
      DATA_DIR: join(dataDir, "usher"),
      HTTP_PORT: "0",
      WS_PORT: "0",
      LOG_LEVEL: "error",
      COMMANDS_PER_SECOND: "1000000",
      ADDRESS_COMMANDS_PER_SECOND: "10000000",
      REQUESTS_PER_SECOND: "1000000",
    };
    const server = await start(["node", ...profiling, "dist/bin/usher.js", "all"], env, [
      /(http:\/\/[^/\s]+)/,
      /ws:\/\/[^:]+:(\d+)/,
      /^ready/,
    ]);
    return { pid: server.pid, http: server.found[0] ?? "", port: Number(server.found[1]) };
  };

  try {
    await work({ database, start, usher });
  } catch (error) {
    console.error(error); // At once: what follows may fail too.
    process.exitCode = 1;
  } finally {
    await Promise.all(running.map((server) => server.stop()));
    await postgres.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}
