/**
 * Durable commands a second through WebSocket, on one hot showtime, beside the bare loop in the same run: A B A B ..., medians and spread.
 *
 *   node --import ./tools/typescript.mjs bench/hold-rush.ts [--seconds 5] [--rounds 5] [--connections 500] [--in-flight 1]
 *
 * Every connection is another guest who holds a seat and releases it, again and again; each hold and each release is one durable command.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Packr } from "msgpackr";
import pg from "pg";
import { systemClock } from "../platform/clock/index.ts";
import { createLogger } from "../platform/log/index.ts";
import { startEmbedded } from "../platform/postgres/index.ts";
import { OP } from "../proto/ws/op.ts";
import { ClosedLoop, type ClosedLoopResult } from "./load/closed-loop.ts";
import { guestTokens, hotShowtime } from "./load/guests.ts";
import { RawWebSocket } from "./load/raw-websocket.ts";
import { cpuSecondsOf, type ServerProcess, startServer } from "./load/server-process.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "5" },
    rounds: { type: "string", default: "5" },
    connections: { type: "string", default: "500" },
    "in-flight": { type: "string", default: "1" },
  },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const connections = Number(values.connections);
const inFlight = Number(values["in-flight"]);

const packr = new Packr({ useRecords: false });
const dataDir = await mkdtemp(join(tmpdir(), "usher-bench-"));
const log = createLogger({ level: "error", name: "bench" });
const postgres = await startEmbedded({ dataDir, log, clock: systemClock });
const servers: ServerProcess[] = [];

try {
  const bare = await startServer(
    ["node", "--import", "./tools/typescript.mjs", "bench/peers/bare-loop.ts"],
    { DATABASE_URL: await database("bare") },
    [/"port":(\d+)/],
  );
  servers.push(bare);
  const usher = await startServer(
    ["node", "dist/bin/usher.js", "all"],
    {
      DATABASE_URL: await database("usher"),
      DATA_DIR: join(dataDir, "usher"),
      HTTP_PORT: "0",
      WS_PORT: "0",
      LOG_LEVEL: "error",
      COMMANDS_PER_SECOND: "1000000",
      ADDRESS_COMMANDS_PER_SECOND: "10000000",
      REQUESTS_PER_SECOND: "1000000",
    },
    [/(http:\/\/[^/\s]+)/, /ws:\/\/[^:]+:(\d+)/, /^ready/],
  );
  servers.push(usher);

  const loops = {
    "bare loop": { server: bare, loop: await bareLoop(Number(bare.found[0])) },
    usher: { server: usher, loop: await usherLoop(usher.found[0] ?? "", Number(usher.found[1])) },
  };
  const results: Record<keyof typeof loops, (ClosedLoopResult & { cpu: number })[]> = { "bare loop": [], usher: [] };
  for (let round = 1; round <= rounds; round++) {
    for (const name of ["bare loop", "usher"] as const) {
      const { server, loop } = loops[name];
      const before = cpuSecondsOf(server.pid);
      const result = await loop.run(seconds);
      const cpu = (cpuSecondsOf(server.pid) - before) / (seconds + 1);
      results[name].push({ ...result, cpu });
      console.log(`round ${round}  ${name.padEnd(9)}  ${line(result)}  server CPU ${(cpu * 100).toFixed(0)}%`);
    }
  }
  const ratios = results.usher.map((result, round) => result.perSecond / (results["bare loop"][round]?.perSecond ?? Number.NaN));
  console.log(`\n${connections} connections, ${inFlight} in flight each, ${rounds} rounds of ${seconds} s, medians:`);
  for (const name of ["bare loop", "usher"] as const) {
    const middle = [...results[name]].sort((a, b) => a.perSecond - b.perSecond)[Math.floor(rounds / 2)];
    if (middle !== undefined) console.log(`  ${name.padEnd(9)}  ${line(middle)}`);
  }
  ratios.sort((a, b) => a - b);
  console.log(`  ratio      ${median(ratios).toFixed(2)} (${ratios[0]?.toFixed(2)} to ${ratios.at(-1)?.toFixed(2)})`);
} finally {
  await Promise.all(servers.map((server) => server.stop()));
  await postgres.stop();
  await rm(dataDir, { recursive: true, force: true });
}
process.exit(0);

function line({ perSecond, latency }: ClosedLoopResult): string {
  const at = (percentile: number): string => `${(latency.percentile(percentile) / 1_000).toFixed(1)} ms`;
  return `${Math.round(perSecond).toLocaleString("en")} commands/s  p50 ${at(50)}  p99 ${at(99)}  p99.9 ${at(99.9)}`;
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

async function database(name: string): Promise<string> {
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const url = new URL(postgres.url);
  url.pathname = `/${name}`;
  return url.href;
}

function fail(why: string): void {
  throw new Error(`a connection of the load was lost: ${why}`);
}

async function bareLoop(port: number): Promise<ClosedLoop> {
  const loop = new ClosedLoop(inFlight);
  for (let index = 0; index < connections; index++) {
    const socket = await RawWebSocket.open({
      host: "127.0.0.1",
      port,
      path: "/v1",
      onMessage: (payload) => loop.answered(index, (packr.unpack(payload) as [number])[0]),
      onClose: fail,
    });
    loop.add({ send: (number) => socket.sendBinary(packr.pack([number, "a-showtime-id", [index * inFlight + number]])) });
  }
  return loop;
}

async function usherLoop(http: string, port: number): Promise<ClosedLoop> {
  const loop = new ClosedLoop(inFlight);
  const showtime = await hotShowtime(http);
  const tokens = await guestTokens(http, connections);
  for (const [index, token] of tokens.entries()) {
    let rids = 0;
    /** By command number: the hold that it has, if it has one. */
    const holds: (string | undefined)[] = [];
    let authed: () => void = () => undefined;
    const ready = new Promise<void>((resolve) => {
      authed = resolve;
    });
    const socket = await RawWebSocket.open({
      host: "127.0.0.1",
      port,
      path: "/v1",
      protocol: "usher.v1.msgpack",
      onMessage: (payload) => {
        const frame = packr.unpack(payload) as [op: number, rid: string, hold: string];
        const [op, rid, hold] = frame;
        if (op === OP.held || op === OP.released) {
          const number = Number(rid.slice(0, rid.indexOf("-")));
          holds[number] = op === OP.held ? hold : undefined;
          loop.answered(index, number);
        } else if (op === OP.authed) authed();
        else if (op !== OP.welcome) fail(`unexpected ${JSON.stringify(frame)}`);
      },
      onClose: fail,
    });
    socket.sendBinary(packr.pack([OP.auth, token]));
    await ready;
    loop.add({
      send(number) {
        const hold = holds[number];
        const rid = `${number}-${rids++}`;
        if (hold === undefined) socket.sendBinary(packr.pack([OP.holdSeats, rid, showtime, [index * inFlight + number]]));
        else socket.sendBinary(packr.pack([OP.release, rid, hold]));
      },
    });
  }
  return loop;
}
