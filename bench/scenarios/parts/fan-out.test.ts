/** One round against servers that do wrong to its buyers. */
import { Packr } from "msgpackr";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import uWS, { type TemplatedApp, type WebSocket } from "uWebSockets.js";
import { prepared } from "../../../platform/testing/prepared.ts";
import { CLIENT_OP, SERVER_OP } from "../../peer.ts";
import { mergeHistograms } from "../../load/recorder.ts";
import { requireConnections } from "../../stage/machine-limits.ts";
import { openStage, type Stage } from "../../stage/stage.ts";
import type { Target } from "../../stage/targets.ts";
import { BUYERS, type FanOut, startFanOut } from "./fan-out.ts";

const packr = new Packr({ useRecords: false });

let stage: Stage;
let servers: TemplatedApp[];

beforeAll(prepared);

beforeEach(async () => {
  servers = [];
  stage = await openStage({
    root: new URL("../../../", import.meta.url),
    worker: new URL("../../../dist/bench/load/worker.js", import.meta.url),
  });
});

afterEach(async () => {
  await stage.close();
  for (const server of servers) server.close();
});

type OnHold = (socket: WebSocket<unknown>, number: number, seat: number) => void;

interface Round extends Partial<FanOut> {
  /** The server's; by default this process, which is busy. */
  readonly pids?: readonly number[];
  readonly onWatch?: (socket: WebSocket<unknown>) => unknown;
  readonly onClose?: (socket: WebSocket<unknown>) => unknown;
  /** What the server answers at /metrics. */
  readonly metrics?: () => string;
  readonly on?: Stage;
}

/** One round of a viewer and all buyers, unless told otherwise; what a hold does is told. */
async function roundWith(
  onHold: OnHold,
  {
    pids = [process.pid],
    onWatch = () => undefined,
    onClose = () => undefined,
    metrics = () => "",
    on = stage,
    ...options
  }: Round = {},
) {
  const startTarget = async (): Promise<Target> => {
    const server = uWS.App().get("/metrics", (response) => void response.end(metrics()));
    server.ws("/v1", {
      close: onClose,
      message(socket, message) {
        const [op, number, , seats] = packr.unpack(Buffer.from(message.slice(0))) as [number, number, 0, number[]]; // From our own generator.
        if (op === CLIENT_OP.hold) onHold(socket, number, seats[0] ?? 0);
        if (op === CLIENT_OP.watch) onWatch(socket);
      },
    });
    servers.push(server);
    const port = await new Promise<number>((resolve) => {
      server.listen("127.0.0.1", 0, (token) => resolve(uWS.us_socket_local_port(token)));
    });
    return {
      dialect: "bench-msgpack",
      port,
      http: `http://127.0.0.1:${port}`,
      showtimes: [{ id: "0", index: 0 }],
      pid: process.pid,
      pids,
      tokens: () => Promise.resolve([]),
      stop: () => Promise.resolve(),
    };
  };
  const subject = await startFanOut(startTarget, on, {
    viewers: 1,
    changesPerSecond: 100,
    seconds: 0.1,
    warmUpMs: 400,
    ...options,
  });
  try {
    return await subject.round(1);
  } finally {
    await subject.stop();
  }
}

const refuse: OnHold = (socket, number) => void socket.send(packr.pack([SERVER_OP.refused, number, 0]), true);

/** More than one process has, so that there are two of them. */
const MANY = 10_001;

/** The stage where each process of viewers has one alone, for whom it pretends that there are many. */
const withFewViewers = (): Stage => ({
  ...stage,
  generator(kind) {
    const remote = stage.generator(kind);
    if (kind !== "viewers") return remote;
    const load = new Proxy(remote.load, {
      get(target, method) {
        const call = Reflect.get(target, method) as (...args: unknown[]) => unknown; // As all of its properties.
        return method === "open" ? (options: object) => call({ ...options, viewers: 1 }) : call;
      },
    });
    return { ...remote, load };
  },
});

const isTooSmall = (): boolean => {
  try {
    requireConnections(MANY, BUYERS);
    return false;
  } catch {
    return true;
  }
};

describe("a round of the fan-out", () => {
  it("tells how many commands were refused", async () => {
    const { sample } = await roundWith(refuse);
    expect(sample.refused).toBeGreaterThan(0);
    expect(sample.figures["fell behind"]).toBe(0);
  });

  it("counts what a viewer is told twice once, and says so", async () => {
    const watching = new Set<WebSocket<unknown>>();
    const tellTwice: OnHold = (socket, number, seat) => {
      const told = packr.pack([SERVER_OP.delta, 0, [seat * 4 + 1]]);
      for (const viewer of watching) for (let time = 0; time < 2; time++) viewer.send(told, true);
      refuse(socket, number, seat);
    };
    const onWatch = (socket: WebSocket<unknown>): void => void watching.add(socket);
    const onClose = (socket: WebSocket<unknown>): void => void watching.delete(socket);
    const { sample, seconds } = await roundWith(tellTwice, { seconds: 0.5, onWatch, onClose });
    expect(sample.figures["changes told twice"]).toBeGreaterThan(10);
    expect(sample.count).toBeLessThan(1.5 * 100 * seconds);
  });

  it("tells of each change of its time how long it took to the last viewer, those of its end too", async () => {
    const watching = new Set<WebSocket<unknown>>();
    const { sample, seconds } = await roundWith(
      (socket, number, seat) => {
        for (const viewer of watching) viewer.send(packr.pack([SERVER_OP.delta, 0, [seat * 4 + 1]]), true);
        refuse(socket, number, seat);
      },
      { seconds: 1, onWatch: (socket) => watching.add(socket), onClose: (socket) => watching.delete(socket) },
    );
    const last = mergeHistograms([sample.histograms["lastViewer"] ?? ""]);
    expect(last.totalCount).toBeGreaterThanOrEqual(99);
    expect(last.totalCount).toBeLessThan(1.5 * 100 * seconds);
    expect(sample.figures["changes that missed somebody"]).toBe(0);
  });

  it("goes on with a new server when the old one has fallen behind", async () => {
    const { sample } = await roundWith(() => undefined);
    expect(sample.figures["fell behind"]).toBe(1);
    expect(servers).toHaveLength(2);
  });

  it("says nothing of work a CPU second where the server took none", async () => {
    const { sample } = await roundWith(refuse, { pids: [] });
    expect(Object.keys(sample.figures).filter((name) => name.includes("CPU"))).toEqual([]);
  });

  it("starts nothing where a seat would change again too soon to tell its changes apart", async () => {
    await expect(roundWith(refuse, { changesPerSecond: 1_001 })).rejects.toThrow(
      "1001 changes/s come back to a seat before the last viewer may have seen it: 1000 at the most.",
    );
    expect(servers).toEqual([]);
  });

  it("fails when a server never notices that viewers do not read", async () => {
    let messages = 0;
    const metrics = (): string =>
      [
        `usher_edge_messages_total{role="all"} ${messages}`,
        `usher_edge_snapshots_total{role="all"} ${messages}`,
        'usher_edge_frames_dropped_total{role="all"} 0',
      ].join("\n");
    await expect(roundWith(refuse, { viewers: 2, slow: 1, metrics, onWatch: () => messages++ })).rejects.toThrow(
      "The server dropped nothing for viewers who read nothing, so that none of them was slow.",
    );
  });

  it.skipIf(isTooSmall())("knows the last viewer of all, whichever process has it", async () => {
    const lateMs = 200;
    const viewers: (WebSocket<unknown> | undefined)[] = [];
    const { seconds, sample } = await roundWith(
      (socket, number, seat) => {
        socket.send(packr.pack([SERVER_OP.held, number, number]), true);
        // Nobody is shown the tenths; of all others one viewer is shown them late, the even ones the first and the odd ones the second.
        if (seat % 10 === 0) return;
        const show = (viewer: number) =>
          void viewers[viewer]?.send(packr.pack([SERVER_OP.delta, 0, [seat * 4 + 1]]), true);
        show((seat + 1) % 2);
        setTimeout(show, lateMs, seat % 2);
      },
      {
        viewers: MANY,
        seconds: 2,
        on: withFewViewers(),
        onWatch: (socket) => viewers.push(socket),
        onClose: (socket) => viewers.includes(socket) && viewers.fill(undefined),
      },
    );
    const last = mergeHistograms([sample.histograms["lastViewer"] ?? ""]);
    expect(last.totalCount).toBeGreaterThan(0);
    expect(last.minNonZeroValue / 1_000).toBeGreaterThanOrEqual(lateMs * 0.99);
    const tenths = Math.ceil((seconds * 100) / 10) + 1;
    expect(sample.figures["changes that missed somebody"]).toBeLessThanOrEqual(tenths);
    expect(sample.figures["changes that missed somebody"]).toBeGreaterThan(tenths / 2);
  });

  it("fails when buyers lose their connections", async () => {
    const lose: OnHold = (socket) => socket.end(4_002);
    await expect(roundWith(lose)).rejects.toThrow("A connection of the load was lost: closed with 4002.");
  });
});
