/** What a seat that was paid and used is worth, from outside. */
import { expect, it } from "vitest";
import type { Booking } from "../../proto/rest/index.ts";
import { boxOffice } from "../support/box-office.ts";
import { problem, Purchases } from "../support/purchases.ts";

const office = boxOffice();
const purchases = new Purchases(office);

it("a seat whose ticket was let in is not given back, others are, and an admin may all the same", async () => {
  const [showtime, guest] = [office.anotherShowtime("ha_studio"), await office.guest()];
  const [gate, admin] = [await purchases.person("gate"), await purchases.admin()];
  const { id, tickets } = await purchases.buy(guest, showtime, [10, 11]);
  const [first, second] = await purchases.tickets(guest, id, 2);
  const checkIn = (qr: unknown) => office.rest.post("tickets/check-in", { token: gate.token, body: { qr } });
  const cancel = (token: string, body: object) => office.rest.post<Booking>(`bookings/${id}/cancel`, { token, body });
  expect((await checkIn(first?.qr)).status).toBe(200);

  for (const body of [{}, { seats: [10] }]) {
    const refused = await cancel(guest.token, body);
    expect(refused).toMatchObject(problem(409, "ALREADY_USED"));
    expect(refused.body).toMatchObject({ seats: [10] });
  }
  expect(await purchases.read(guest, id)).toMatchObject({ status: "confirmed", seats: [10, 11] });

  expect(await cancel(guest.token, { seats: [11] })).toMatchObject({ status: 200, body: { seats: [10] } });
  const part = await purchases.comesTo(guest, id, { refunded: tickets[1]?.price, refunding: { amount: 0 } });
  expect(part.payment?.status).toBe("captured");
  expect(await checkIn(second?.qr)).toMatchObject(problem(422, "BAD_TICKET"));

  expect(await cancel(admin.token, {})).toMatchObject({ status: 200, body: { status: "cancelled" } });
  const whole = await purchases.comesTo(guest, id, { payment: { status: "refunded" } });
  expect(whole.refunded.amount).toBe((tickets[0]?.price.amount ?? 0) + (tickets[1]?.price.amount ?? 0));
});

it.each(["themselves", "an admin"])(
  "whose account is deleted by %s in the middle of a payment has paid nothing",
  async (by) => {
    const [showtime, guest, admin] = [
      office.anotherShowtime("ha_studio"),
      await office.guest(),
      await purchases.admin(),
    ];
    const { id } = await purchases.book(guest, showtime, [20, 21]);
    expect((await purchases.pay(guest, id, "tok_slow")).status).toBe(202);
    const [path, token] = by === "an admin" ? [`users/${guest.userId}`, admin.token] : ["auth/me", guest.token];
    expect((await office.rest.call("DELETE", path, { token })).status).toBe(204);
    await purchases.comesTo(admin, id, {
      status: "cancelled",
      reason: "The account was deleted.",
      payment: { status: "voided" },
    });
    await purchases.balances();
    expect(
      (await office.rest.post(`showtimes/${showtime}/holds`, { token: admin.token, body: { seats: [20, 21] } })).status,
    ).toBe(201);
  },
);
