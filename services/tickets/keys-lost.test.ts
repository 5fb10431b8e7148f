import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { expect, it } from "vitest";
import { as, testServer } from "../../platform/http/testing.ts";
import type { Ticket } from "../../proto/rest/index.ts";
import { testTickets } from "./testing/world.ts";

it("a start that makes the keys anew says what became of the tickets that are sold, and those fetched again are good", async () => {
  const world = await testTickets();
  const errors: string[] = [];
  const log = pino(
    { level: "error" },
    { write: (line) => void errors.push((JSON.parse(line) as { msg: string }).msg) },
  );
  const start = async (dataDir = mkdtempSync(join(world.dataDir, "restored-"))) => {
    const service = world.another({ log, config: { dataDir } });
    await service.start();
    return service;
  };
  await (await start()).stop(); // Of a first start nothing is told.
  expect(errors).toEqual([]);

  const { bookingId } = world.peers.book("bk_sold", [7]);
  const path = `/bookings/${bookingId}/tickets`;
  const sold = (await world.call("GET", path)).json<{ items: Ticket[] }>().items[0]?.qr;
  await (await start(world.dataDir)).stop();
  expect(errors).toEqual([]);
  const restored = await start();
  expect(errors).toEqual([expect.stringMatching(/tickets\.json was gone .* no ticket sold until now verifies\. Put/)]);

  const { app, close } = await testServer();
  await app.register(restored.routes);
  const checkIn = (qr: string | undefined) =>
    app.inject({ method: "POST", url: "/tickets/check-in", headers: as("gate-1", "gate"), payload: { qr } });
  expect((await checkIn(sold)).json()).toMatchObject({ status: 422, reason: "forged" });
  const again = await app.inject({ url: path, headers: as("ada") });
  expect((await checkIn(again.json<{ items: Ticket[] }>().items[0]?.qr)).statusCode).toBe(200);
  await close();
  await restored.stop();
  await world.close();
});
