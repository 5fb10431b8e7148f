import { setTimeout as pause } from "node:timers/promises";
import { Packr } from "msgpackr";
import uWS from "uWebSockets.js";
import { beforeAll, expect, it } from "vitest";
import { prepared } from "../../../platform/testing/prepared.ts";
import { CLIENT_OP, SERVER_OP } from "../../peer.ts";
import { openStage } from "../../stage/stage.ts";
import { createCrowd, processesFor } from "./crowd.ts";

const packr = new Packr({ useRecords: false });

beforeAll(prepared);

it.each([
  [1, 1],
  [2, 1],
  [3, 2],
  [64, 4],
])("on %i cores buyers come from %i processes", (cores, processes) => {
  expect(processesFor(cores)).toBe(processes);
});

it("buyers of two processes want seats of their own", async () => {
  const wanted = new Set<string>();
  let holds = 0;
  const server = uWS.App().ws("/v1", {
    message(socket, message) {
      const [op, number, , seats] = packr.unpack(Buffer.from(message.slice(0))) as [number, number, number, number[]];
      if (op === CLIENT_OP.hold) wanted.add(seats.join());
      socket.send(
        packr.pack(op === CLIENT_OP.hold ? [SERVER_OP.held, number, holds++] : [SERVER_OP.released, number]),
        true,
      );
    },
  });
  const port = await new Promise<number>((resolve) => {
    server.listen("127.0.0.1", 0, (token) => resolve(uWS.us_socket_local_port(token)));
  });
  const root = new URL("../../../", import.meta.url);
  const stage = await openStage({ root, worker: new URL("../../../dist/bench/load/worker.js", import.meta.url) });
  try {
    const crowd = createCrowd(stage, 3, 2);
    const showtimes = [{ id: "0", index: 0 }];
    await crowd.open({ dialect: "bench-msgpack", port, showtimes, tokens: [], slots: 1, seatsAHold: 2 });
    await crowd.begin({ kind: "closed" });
    while (wanted.size < 3) await pause(5);
    await crowd.end();
    expect([...wanted].sort()).toEqual(["0,1", "2,3", "4,5"]);
    expect(new Set(crowd.pids).size).toBe(2);
    await crowd.stop();
  } finally {
    await stage.close();
    server.close();
  }
});
