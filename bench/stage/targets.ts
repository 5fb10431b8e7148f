/** Servers to measure: Usher, the limits that it is measured against, and peers. */
import { BenchError } from "../bench-error.ts";
import { HEAP_FLAG } from "../../platform/heap/index.ts";
import type { DialectName, Showtime } from "../load/dialects/index.ts";
import { guestTokens, showtimesBySize } from "./guests.ts";
import type { ServerProcess } from "./server-process.ts";
import type { Stage } from "./stage.ts";

export interface Hall {
  readonly showtimes: number;
  readonly seats: number;
}

/** One showtime that everybody wants, and many at once. */
export const ARENA: Hall = { showtimes: 1, seats: 20_000 };
export const MULTIPLEX: Hall = { showtimes: 100, seats: 96 };

/** A server that runs. */
export interface Target {
  readonly dialect: DialectName;
  /** The process that connections reach. */
  readonly pid: number;
  /** All processes, where one is not enough. */
  readonly pids: readonly number[];
  /** The same by their role, where roles are processes of their own. */
  readonly roles?: Readonly<Record<string, readonly number[]>>;
  /** Port of the WebSocket, or of a peer's only server. */
  readonly port: number;
  /** Without a slash at the end. */
  readonly http: string;
  readonly showtimes: readonly Showtime[];
  /** Tokens of so many buyers, each another. */
  tokens(count: number): Promise<readonly string[]>;
  stop: ServerProcess["stop"];
}

/** Limits that do not get in a load generator's way. */
export const ROOMY = {
  LOG_LEVEL: "error",
  COMMANDS_PER_SECOND: "1000000",
  ADDRESS_COMMANDS_PER_SECOND: "10000000",
  CONNECTIONS_PER_ADDRESS: "1000000",
  REQUESTS_PER_SECOND: "1000000",
  MAX_SEATS_PER_HOLDER: "1000",
  // A holder's clock runs on from hold to hold, and would end in the middle of a long run.
  HOLD_TTL_SECONDS: "86400",
  HOLD_MAX_SECONDS: "86400",
};

/** Usher in one process. @param settings of its own; an empty database if they name none */
export async function startUsher(
  stage: Stage,
  hall: Hall,
  settings: Readonly<Record<string, string>> = {},
): Promise<Target> {
  const server = await stage.start({
    name: "usher",
    command: [process.execPath, ...stage.profiling("usher"), "dist/bin/usher.js", "all"],
    env: {
      ...ROOMY,
      DATABASE_URL: settings["DATABASE_URL"] ?? (await stage.database()),
      DATA_DIR: `${stage.folder}/usher-${Date.now()}`,
      HTTP_PORT: "0",
      WS_PORT: "0",
      ...settings,
    },
    patterns: [/(http:\/\/[^/\s]+)/, /ws:\/\/[^:]+:(\d+)/, /^ready/],
  });
  const [http = "", port] = server.found;
  return {
    dialect: "usher",
    pid: server.pid,
    pids: [server.pid],
    port: Number(port),
    http,
    stop: server.stop,
    ...(await saleOf(http, hall)),
  };
}

/** What is on sale at an Usher that serves REST, and who may buy there. */
export async function saleOf(http: string, hall: Hall): Promise<Pick<Target, "showtimes" | "tokens">> {
  const ids = await showtimesBySize(http, hall.seats);
  if (ids.length < hall.showtimes) {
    throw new BenchError(
      `The demo catalogue has ${ids.length} showtimes with ${hall.seats} seats, not ${hall.showtimes}.`,
    );
  }
  const tokens: string[] = [];
  return {
    showtimes: ids.slice(0, hall.showtimes).map((id, index) => ({ id, index })),
    async tokens(count) {
      if (tokens.length < count) tokens.push(...(await guestTokens(http, count - tokens.length)));
      return tokens.slice(0, count);
    },
  };
}

/** A server that prints `{"port":N}` and speaks the benches' own protocol, or REST. */
export async function startPlainServer(
  stage: Stage,
  {
    name,
    entry,
    env,
    dialect,
  }: { name: string; entry: string; env: Readonly<Record<string, string>>; dialect: DialectName },
  hall: Hall,
): Promise<Target> {
  const runs = entry.endsWith(".ts") ? ["--import", "./tools/typescript.mjs"] : [];
  const server: ServerProcess = await stage.start({
    name,
    command: [process.execPath, HEAP_FLAG, ...stage.profiling(name), ...runs, entry],
    env: { PORT: "0", SHOWTIMES: String(hall.showtimes), SEATS: String(hall.seats), NODE_ENV: "production", ...env },
    patterns: [/"port":\s*(\d+)/],
  });
  const port = Number(server.found[0]);
  return {
    dialect,
    pid: server.pid,
    pids: [server.pid],
    port,
    http: `http://127.0.0.1:${port}`,
    stop: server.stop,
    showtimes: Array.from({ length: hall.showtimes }, (_, index) => ({ id: String(index), index })),
    tokens: (count) => Promise.resolve(Array.from({ length: count }, (_, index) => `buyer-${index}`)),
  };
}
