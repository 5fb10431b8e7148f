import { once } from "node:events";
import { createServer } from "node:http";
import { afterEach, beforeEach, expect, it } from "vitest";
import { portOf } from "../../platform/testing/port-of.ts";
import { measure } from "../runner/measure.ts";
import { openStage, type Stage } from "../stage/stage.ts";
import { PurchaseLoad } from "./purchase-load.ts";

const ROOT = new URL("../../", import.meta.url);
/** One that says yes to everything. */
const shop = createServer((request, response) => {
  request.resume();
  response.end(JSON.stringify({ accessToken: "guest", holdId: "hold", id: "booking", status: "confirmed" }));
});
let stage: Stage;

beforeEach(async () => {
  stage = await openStage({ root: ROOT, worker: new URL("worker.ts", import.meta.url) });
  await once(shop.listen(0, "127.0.0.1"), "listening");
});

afterEach(async () => {
  await stage.close();
  shop.closeAllConnections();
  shop.close();
});

it("a hall that is sold out ends the round early, with what was bought and the time that it took", async () => {
  const port = portOf(shop);
  const load = new PurchaseLoad();
  load.open({ url: `http://127.0.0.1:${port}`, buyers: 1, showtimes: ["1"], seatsAShowtime: 4 });
  const { seconds, sample } = await measure({
    stage,
    seconds: 3_600,
    serverPids: [],
    clientPids: [],
    loads: [{ mark: () => Promise.resolve(load.begin()), take: () => Promise.resolve(load.take()) }],
    last: (ms) => load.last(ms),
  });
  await load.end();
  expect(sample.count).toBe(2);
  expect(seconds).toBeLessThan(60);
});
