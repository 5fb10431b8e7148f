import { afterAll, beforeAll, expect, it } from "vitest";
import type { Hold } from "../../../proto/rest/index.ts";
import { call, hasStatus, type Shop, until, World } from "../testing/world.ts";

const kiosk = { user: "kiosk", role: "kiosk" } as const;

let world: World;
let shop: Shop;

beforeAll(async () => {
  const limits = { paymentTtlMs: 5_000, holdTtlMs: 5_000, maxSeatsPerHolder: 2 };
  world = await World.open({ limits });
  shop = await world.shop();
});
afterAll(() => world.close());

it("late money buys neighbouring seats at a kiosk, whatever it sold to others before", async () => {
  const showtime = await world.openShowtime();
  const begin = async (seats: readonly number[], token: string) => {
    const held = await call(shop, "POST", `/showtimes/${showtime}/holds`, { ...kiosk, body: { seats } });
    const body = { holdId: held.json<Hold>().holdId, acceptOtherSeats: true };
    const { id } = (await call(shop, "POST", "/bookings", { ...kiosk, body })).json<{ id: string }>();
    const paid = await call(shop, "POST", `/bookings/${id}/payments`, { ...kiosk, body: { method: "mock", token } });
    expect(paid.statusCode).toBe(202);
    return id;
  };
  for (const seats of [
    [40, 41],
    [42, 43],
  ])
    await until(shop, await begin(seats, "ok"), hasStatus("confirmed"), kiosk);
  const id = await begin([0, 1], "later");
  await until(shop, id, hasStatus("expired"), kiosk);
  await expect.poll(async () => (await world.ask(showtime, "eve", [1])).type).toBe("held");
  world.payments.decide(id, "authorized");
  const { status, seats } = await until(shop, id, hasStatus("confirmed", "refunded"), kiosk);
  expect([status, seats.length, seats.includes(1)]).toEqual(["confirmed", 2, false]);
});
