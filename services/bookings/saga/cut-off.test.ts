import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Booking } from "../../../proto/rest/index.ts";
import { POLL_EVERY_MS } from "../limits.ts";
import { call, hasStatus, until, World } from "../testing/world.ts";

let world: World;
beforeAll(async () => {
  world = await World.open({ limits: { paymentTtlMs: 1_000 } });
});
afterAll(() => world.close());

it("a process that is cut off from the others takes no booking that is due in hand, until it is so no more", async () => {
  const shop = await world.shop();
  const holdId = await world.hold(await world.openShowtime(), "ada", [0]);
  // Already for the first, which may take until then to stop.
  const isConnected = vi.spyOn(world.bus, "isConnected", "get").mockReturnValue(false);
  const { id, payBy } = (await call(shop, "POST", "/bookings", { body: { holdId } })).json<Booking>();
  await shop.stop();
  const other = await world.shop();
  const lookedAt = Date.parse(payBy) + 3 * POLL_EVERY_MS;
  await vi.waitUntil(() => other.clock.now() > lookedAt, { timeout: 10_000 });
  const { rows } = await world.pool.query("select status, lease_until from bookings.booking where id = $1", [id]);
  expect(rows).toEqual([{ status: "pending", lease_until: null }]);
  isConnected.mockRestore();
  await until(other, id, hasStatus("expired"));
});
