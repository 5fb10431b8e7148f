/** One round against servers that do wrong to its buyers. */
import { Packr } from "msgpackr";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import uWS, { type TemplatedApp, type WebSocket } from "uWebSockets.js";
import { CLIENT_OP, SERVER_OP } from "../peer.ts";
import { openStage, type Stage } from "../stage/stage.ts";
import type { Target } from "../stage/targets.ts";
import { startFanOut } from "./fan-out.ts";

const packr = new Packr({ useRecords: false });

let stage: Stage;
let servers: TemplatedApp[];

beforeEach(async () => {
  servers = [];
  stage = await openStage({
    root: new URL("../../", import.meta.url),
    worker: new URL("../load/worker.ts", import.meta.url),
  });
});

afterEach(async () => {
  await stage.close();
  for (const server of servers) server.close();
});

type OnHold = (socket: WebSocket<unknown>, number: number) => void;

/** One round of a viewer and all buyers; what a hold does is told. */
async function roundWith(onHold: OnHold) {
  const startTarget = async (): Promise<Target> => {
    const server = uWS.App().ws("/v1", {
      message(socket, message) {
        const [op, number] = packr.unpack(Buffer.from(message.slice(0))) as [number, number]; // From our own generator.
        if (op === CLIENT_OP.hold) onHold(socket, number);
      },
    });
    servers.push(server);
    const port = await new Promise<number>((resolve) => {
      server.listen("127.0.0.1", 0, (token) => resolve(uWS.us_socket_local_port(token)));
    });
    return {
      ...{ dialect: "bench-msgpack", port, http: "", showtimes: [{ id: "0", index: 0 }] },
      ...{ pid: process.pid, pids: [process.pid] },
      tokens: () => Promise.resolve([]),
      stop: () => Promise.resolve(),
    };
  };
  const subject = await startFanOut(startTarget, stage, { viewers: 1, changesPerSecond: 100, seconds: 0.1 });
  try {
    return await subject.round(1);
  } finally {
    await subject.stop();
  }
}

describe("a round of the fan-out", () => {
  it("tells how many commands were refused", async () => {
    const refuse: OnHold = (socket, number) => void socket.send(packr.pack([SERVER_OP.refused, number, 0]), true);
    const { sample } = await roundWith(refuse);
    expect(sample.refused).toBeGreaterThan(0);
    expect(sample.figures["fell behind"]).toBe(0);
  });

  it("goes on with a new server when the old one has fallen behind", async () => {
    const { sample } = await roundWith(() => undefined);
    expect(sample.figures["fell behind"]).toBe(1);
    expect(servers).toHaveLength(2);
  });

  it("fails when buyers lose their connections", async () => {
    const lose: OnHold = (socket) => socket.end(4_002);
    await expect(roundWith(lose)).rejects.toThrow("A connection of the load was lost: closed with 4002.");
  });
});
