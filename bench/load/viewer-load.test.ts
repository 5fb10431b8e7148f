import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import uWS, { type WebSocket } from "uWebSockets.js";
import { encodeServerMsgpack } from "../../proto/ws/index.ts";
import { showtimeId } from "../../proto/index.ts";
import { ViewerLoad } from "./viewer-load.ts";

const SHOWTIME = showtimeId("s1");

const hall = (seq: number): Uint8Array =>
  encodeServerMsgpack({ op: "snapshot", showtime: SHOWTIME, epoch: 1, seq, statuses: new Uint8Array(8), checksum: 0 });

it("a slow viewer is served again when it sees a hall that is newer than all that was kept for it", async () => {
  const viewers: WebSocket<unknown>[] = [];
  const server = uWS.App().ws("/v1", {
    message(socket) {
      viewers.push(socket);
      socket.send(hall(1), true);
    },
  });
  const port = await new Promise<number>((resolve) => {
    server.listen("127.0.0.1", 0, (token) => resolve(uWS.us_socket_local_port(token)));
  });
  const load = new ViewerLoad();
  const showtime = { id: SHOWTIME, index: 0 };
  try {
    await load.open({ dialect: "usher", port, showtime, viewers: 1, firstIndex: 0, allViewers: 1, slow: 1 });
    load.mark();
    const [viewer] = viewers;
    for (let kept = 0; kept < 3; kept++) viewer?.send(hall(1), true);
    const resumed = load.resume();
    const begun = performance.now();
    while ((load.take().figures["resynced"] ?? 0) < 3 || performance.now() - begun < 50) {
      await pause(5);
    }
    const silence = performance.now() - begun;
    viewer?.send(hall(2), true);
    expect(await resumed).toBeGreaterThanOrEqual(silence);
  } finally {
    load.close();
    server.close();
  }
});
