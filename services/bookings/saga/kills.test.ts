import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Booking } from "../../../proto/rest/index.ts";
import { call, hasStatus, PRICE, type Shop, until, World } from "../testing/world.ts";

let world: World;
/** Comes after the others; its clock says that all their leases are over. */
let heir: Shop;
let showtime: string;
let seat = 0;

beforeAll(async () => {
  world = await World.open({ limits: { maxSeatsPerHolder: 1_000, holdTtlMs: 600_000, paymentTtlMs: 600_000 } });
  heir = await world.shop({ aheadMs: 70_000 });
});
afterAll(() => world.close());

/** A request to a shop that may die of it; undefined when it did. */
const ask = async (shop: Shop, path: string, body: object, key: string) => {
  const response = await Promise.race([call(shop, "POST", path, { body, key }), shop.mortal.death]);
  if (response?.statusCode === undefined || response.statusCode >= 500) return undefined;
  if (response.statusCode >= 400) throw new Error(response.body);
  return response.json<Booking>();
};

async function buy(shop: Shop, holdId: string, token: string): Promise<void> {
  const created = await ask(shop, "/bookings", { holdId }, `book-${holdId}`);
  if (created !== undefined)
    await ask(shop, `/bookings/${created.id}/payments`, { method: "mock", token }, `pay-${holdId}`);
}

async function nextSeat(): Promise<number> {
  if (seat % 96 === 0) showtime = await world.openShowtime();
  return seat++ % 96;
}

/** The more there is to a purchase, the later it can die. */
const POINTS = Array.from({ length: 24 }, (_, at) => at + 1);

describe.each(["before", "after"] as const)("killed %s its", (when) => {
  it.each(POINTS)("%i. request, what it left is finished by the next, and a retry finds it", async (point) => {
    const mine = await nextSeat();
    const holdId = await world.hold(showtime, "ada", [mine]);
    const shop = await world.shop();
    shop.mortal.doom(point, when);
    await buy(shop, holdId, "ok");
    const survived = await Promise.race([shop.mortal.death.then(() => false), settled(holdId)]);
    if (survived) shop.mortal.kill();
    await shop.stop();

    // The buyer heard nothing, and asks again with the same keys.
    const again = await ask(heir, "/bookings", { holdId }, `book-${holdId}`);
    if (again === undefined) throw new Error("the retry was refused");
    await ask(heir, `/bookings/${again.id}/payments`, { method: "mock", token: "ok" }, `pay-${holdId}`);
    const bought = await until(heir, again.id, hasStatus("confirmed"));
    expect(bought).toMatchObject({ seats: [mine], payment: { status: "captured" } });
    expect(world.payments.kept(again.id)).toBe(PRICE.adult);
    expect(world.payments.starts.filter(({ bookingId }) => bookingId === again.id)).toHaveLength(1);
    expect(await world.booked(showtime)).toContain(mine);
    await expect.poll(() => world.eventsOf(again.id)).toEqual(["booking.created", "booking.confirmed"]);
  });

  it.each(POINTS.slice(0, 14))("%i. request of a cancellation, seats and money still go back", async (point) => {
    const mine = await nextSeat();
    const holdId = await world.hold(showtime, "ada", [mine]);
    const shop = await world.shop();
    await buy(shop, holdId, "ok");
    const { rows } = await world.pool.query<{ id: string }>("select id from bookings.booking where hold_id = $1", [
      holdId,
    ]);
    const { id = "" } = rows[0] ?? {};
    await until(shop, id, hasStatus("confirmed"));
    shop.mortal.doom(point, when);
    await ask(shop, `/bookings/${id}/cancel`, {}, `cancel-${holdId}`);
    if (!shop.mortal.dead) shop.mortal.kill();
    await shop.stop();

    await ask(heir, `/bookings/${id}/cancel`, {}, `cancel-${holdId}`);
    await until(heir, id, hasStatus("cancelled"));
    await expect.poll(() => world.payments.kept(id)).toBe(0);
    await expect.poll(() => world.booked(showtime)).not.toContain(mine);
    await expect
      .poll(() => world.eventsOf(id))
      .toEqual(["booking.created", "booking.confirmed", "booking.cancelled", "booking.refunded"]);
  });
});

/** Whether its purchase has come to its end. */
async function settled(holdId: string): Promise<boolean> {
  await expect
    .poll(
      async () => {
        const found = await world.pool.query(
          "select from bookings.booking where hold_id = $1 and status = 'confirmed'",
          [holdId],
        );
        return found.rowCount;
      },
      { timeout: 10_000 },
    )
    .toBe(1);
  return true;
}
