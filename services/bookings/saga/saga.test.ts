import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { call, hasStatus, PRICE, read, type Shop, until, World } from "../testing/world.ts";

let world: World;
let shop: Shop;
let showtime: string;

beforeAll(async () => {
  world = await World.open();
  shop = await world.shop();
  showtime = await world.openShowtime();
});
afterAll(() => world.close());

describe("a purchase", () => {
  it("goes from hold to confirmed in one breath", async () => {
    const holdId = await world.hold(showtime, "ada", [0, 1]);
    const created = await call(shop, "POST", "/bookings", { body: { holdId, tickets: [{ seat: 1, type: "child" }] } });
    expect([created.statusCode, created.json()]).toMatchObject([
      201,
      {
        ...{ status: "pending", reason: null, userId: "ada", showtimeId: showtime, holdId, seats: [0, 1] },
        tickets: [
          { seat: 0, label: "A1", type: "adult", price: { amount: PRICE.adult, currency: "EUR" } },
          { seat: 1, label: "A2", type: "child", price: { amount: PRICE.child, currency: "EUR" } },
        ],
        total: { amount: PRICE.adult + PRICE.child, currency: "EUR" },
        payment: null,
      },
    ]);
    const { id } = created.json();
    expect(created.headers["location"]).toBe(`/api/v1/bookings/${id}`);
    const begun = performance.now();
    const paid = await call(shop, "POST", `/bookings/${id}/payments`, { body: { method: "mock", token: "ok" } });
    expect([paid.statusCode, paid.json()]).toMatchObject([202, { paymentId: expect.stringMatching(/^pay_/) }]);
    const confirmed = await until(shop, id, hasStatus("confirmed"));
    console.log("ms", performance.now() - begun);
    expect(confirmed).toMatchObject({ payment: { status: "captured" }, reason: null });
    expect(await world.booked(showtime)).toEqual([0, 1]);
    expect(world.payments.kept(id)).toBe(PRICE.adult + PRICE.child);
    await expect.poll(() => world.eventsOf(id)).toEqual(["booking.created", "booking.confirmed"]);
  });
});
