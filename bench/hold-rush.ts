/**
 * Durable commands a second through WebSocket, on one hot showtime, beside the bare loop in the same run: A B A B ..., medians and spread.
 * Every connection is another guest who holds a seat and releases it, again and again; each hold and each release is one durable command.
 */
import { Packr } from "msgpackr";
import { OP } from "../proto/ws/op.ts";
import { ClosedLoop, type ClosedLoopResult } from "./load/closed-loop.ts";
import { guestTokens, hotShowtime } from "./load/guests.ts";
import { RawWebSocket } from "./load/raw-websocket.ts";
import { cpuSecondsOf } from "./load/server-process.ts";
import { type UsherUnderTest, withServers } from "./load/servers.ts";

const packr = new Packr({ useRecords: false });

export interface LoadOptions {
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
  readonly inFlight: number;
  readonly profile: boolean;
}

export async function holdRush(options: LoadOptions): Promise<void> {
  const { seconds, rounds, connections, inFlight } = options;
  await withServers(options.profile, async ({ database, usher: startUsher, start }) => {
    const bare = await start(
      ["node", "--import", "./tools/typescript.mjs", "bench/peers/bare-loop.ts"],
      { DATABASE_URL: await database("bare") },
      [/"port":(\d+)/],
    );
    const usher = await startUsher();
    const loops = {
      "bare loop": { pid: bare.pid, loop: await bareLoop(Number(bare.found[0]), options) },
      usher: { pid: usher.pid, loop: await usherLoop(usher, options) },
    };
    const results: Record<keyof typeof loops, ClosedLoopResult[]> = { "bare loop": [], usher: [] };
    for (let round = 1; round <= rounds; round++) {
      for (const name of ["bare loop", "usher"] as const) {
        const { pid, loop } = loops[name];
        const before = cpuSecondsOf(pid);
        const result = await loop.run(seconds);
        const cpu = (cpuSecondsOf(pid) - before) / (seconds + 1);
        results[name].push(result);
        console.log(`round ${round}  ${name.padEnd(9)}  ${line(result)}  server CPU ${(cpu * 100).toFixed(0)}%`);
      }
    }
    const ratios = results.usher
      .map(({ perSecond }, round) => perSecond / (results["bare loop"][round]?.perSecond ?? Number.NaN))
      .sort((a, b) => a - b);
    console.log(`\n${connections} connections, ${inFlight} in flight each, ${rounds} rounds of ${seconds} s, medians:`);
    for (const name of ["bare loop", "usher"] as const) {
      const middle = [...results[name]].sort((a, b) => a.perSecond - b.perSecond)[Math.floor(rounds / 2)];
      if (middle !== undefined) console.log(`  ${name.padEnd(9)}  ${line(middle)}`);
    }
    finished = true;
    const middle = ratios[Math.floor(rounds / 2)];
    console.log(`  ratio      ${middle?.toFixed(2)} (${ratios[0]?.toFixed(2)} to ${ratios.at(-1)?.toFixed(2)})`);
  });
}

function line({ perSecond, latency }: ClosedLoopResult): string {
  const at = (percentile: number): string => `${(latency.percentile(percentile) / 1_000).toFixed(1)} ms`;
  return `${Math.round(perSecond).toLocaleString("en")} commands/s  p50 ${at(50)}  p99 ${at(99)}  p99.9 ${at(99.9)}`;
}

let finished = false;

function fail(why: string): void {
  if (finished) return;
  throw new Error(`a connection of the load was lost: ${why}`);
}

async function bareLoop(port: number, { connections, inFlight }: LoadOptions): Promise<ClosedLoop> {
  const loop = new ClosedLoop(inFlight);
  for (let index = 0; index < connections; index++) {
    const socket = await RawWebSocket.open({
      host: "127.0.0.1",
      port,
      path: "/v1",
      onMessage: (payload) => loop.answered(index, (packr.unpack(payload) as [number])[0]),
      onClose: fail,
    });
    loop.add({
      send: (number) => socket.sendBinary(packr.pack([number, "a-showtime-id", [index * inFlight + number]])),
    });
  }
  return loop;
}

async function usherLoop({ http, port }: UsherUnderTest, { connections, inFlight }: LoadOptions): Promise<ClosedLoop> {
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
        else if (op !== OP.welcome && op !== OP.goaway) fail(`unexpected ${JSON.stringify(frame)}`);
      },
      onClose: fail,
    });
    socket.sendBinary(packr.pack([OP.auth, token]));
    await ready;
    loop.add({
      send(number) {
        const hold = holds[number];
        const rid = `${number}-${rids++}`;
        if (hold === undefined)
          socket.sendBinary(packr.pack([OP.holdSeats, rid, showtime, [index * inFlight + number]]));
        else socket.sendBinary(packr.pack([OP.release, rid, hold]));
      },
    });
  }
  return loop;
}
