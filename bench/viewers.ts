/**
 * What viewers cost: resident memory an idle viewer, and how long one hold's delta takes to the last of many viewers of a hall.
 */
import { createHistogram } from "node:perf_hooks";
import { Packr } from "msgpackr";
import { OP } from "../proto/ws/op.ts";
import { guestTokens, hotShowtime } from "./load/guests.ts";
import { RawWebSocket } from "./load/raw-websocket.ts";
import { residentBytesOf } from "./load/server-process.ts";
import { type UsherUnderTest, withServers } from "./load/servers.ts";

const packr = new Packr({ useRecords: false });

/** Connections opened at once. */
const BURST = 200;

interface Options {
  readonly idle: number;
  readonly watching: number;
  readonly holds: number;
  readonly profile: boolean;
}

export async function viewers({ idle, watching, holds, profile }: Options): Promise<void> {
  await withServers(profile, async ({ usher: startUsher }) => {
    const usher = await startUsher();
    await idleMemory(usher, idle);
    await fanOut(usher, watching, holds);
  });
}

async function idleMemory({ http, pid, port }: UsherUnderTest, count: number): Promise<void> {
  const showtime = await hotShowtime(http);
  const watch = packr.pack([OP.watch, showtime]);
  const open = async (connections: number): Promise<RawWebSocket[]> => {
    const sockets: RawWebSocket[] = [];
    let snapshots = 0;
    while (sockets.length < connections) {
      const burst = Array.from({ length: Math.min(BURST, connections - sockets.length) }, () =>
        connect(port, (frame) => {
          if (frame[0] === OP.snapshot) snapshots++;
        }),
      );
      for (const socket of await Promise.all(burst)) {
        socket.sendBinary(watch);
        sockets.push(socket);
      }
    }
    await until(() => snapshots === connections);
    return sockets;
  };
  const first = await open(500); // What the first ones make the server allocate is not theirs.
  await settle();
  const before = residentBytesOf(pid);
  const rest = await open(count);
  await settle();
  const bytes = (residentBytesOf(pid) - before) / count;
  console.log(`${count} idle viewers: ${Math.round(bytes)} bytes of resident memory each`);
  for (const socket of [...first, ...rest]) socket.destroy();
  await settle();
}

async function fanOut({ http, port }: UsherUnderTest, count: number, holds: number): Promise<void> {
  const showtime = await hotShowtime(http);
  const [token = ""] = await guestTokens(http, 1);
  const latency = createHistogram();
  let sentAt = 0;
  let synced = 0;
  let reached = 0;
  const onFrame = (frame: readonly unknown[]): void => {
    if (frame[0] === OP.snapshot) synced++;
    else if (frame[0] === OP.delta) {
      reached++;
      latency.record(Math.max(1, Math.round((performance.now() - sentAt) * 1_000)));
    }
  };
  const sockets: RawWebSocket[] = [];
  while (sockets.length < count) {
    const burst = Array.from({ length: Math.min(BURST, count - sockets.length) }, () => connect(port, onFrame));
    for (const socket of await Promise.all(burst)) {
      socket.sendBinary(packr.pack([OP.watch, showtime]));
      sockets.push(socket);
    }
  }
  await until(() => synced === count);

  let hold: string | undefined;
  const buyer = await connect(port, (frame) => {
    if (frame[0] === OP.held) hold = String(frame[2]);
    if (frame[0] === OP.released) hold = undefined;
  });
  buyer.sendBinary(packr.pack([OP.auth, token]));
  for (let number = 0; number < holds; number++) {
    const seen = reached;
    sentAt = performance.now();
    if (hold === undefined) buyer.sendBinary(packr.pack([OP.holdSeats, `h${number}`, showtime, [number]]));
    else buyer.sendBinary(packr.pack([OP.release, `r${number}`, hold]));
    await until(() => reached >= seen + count);
    await settle(200);
  }
  const at = (percentile: number): string => `${(latency.percentile(percentile) / 1_000).toFixed(1)} ms`;
  console.log(
    `${holds} changes to ${count} viewers: every one was reached; from the buyer's send p50 ${at(50)}, p99 ${at(99)}, last ${at(100)}`,
  );
  for (const socket of [...sockets, buyer]) socket.destroy();
}

function connect(port: number, onFrame: (frame: readonly unknown[]) => void): Promise<RawWebSocket> {
  return RawWebSocket.open({
    host: "127.0.0.1",
    port,
    path: "/v1",
    protocol: "usher.v1.msgpack",
    onMessage: (payload) => onFrame(packr.unpack(payload) as unknown[]),
    onClose: () => undefined,
  });
}

const settle = (ms = 2_000): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error("the viewers were not reached within a minute");
    await settle(1);
  }
}
