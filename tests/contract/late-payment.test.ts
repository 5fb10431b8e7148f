/** Money that comes after the time to pay: the seats again while they are free, else the money back. */
import { expect, it, vi } from "vitest";
import type { Booking } from "../../proto/rest/index.ts";
import { boxOffice, type Person } from "../support/box-office.ts";
import type { HoldView } from "../support/rest.ts";
import { problem, Purchases } from "../support/purchases.ts";

const office = boxOffice({ PAYMENT_TTL_SECONDS: "5" });
const purchases = new Purchases(office);

/** Buys the seat as soon as it is free. */
const snatch = async ({ token }: Person, showtime: string, seat: number): Promise<void> => {
  let holdId: string | undefined;
  const hold = async (): Promise<number> => {
    const answer = await office.rest.post<HoldView>(`showtimes/${showtime}/holds`, { token, body: { seats: [seat] } });
    holdId = answer.body.holdId;
    return answer.status;
  };
  await vi.waitFor(async () => expect(await hold()).toBe(201), { timeout: 15_000, interval: 20 });
  const { status, body } = await office.rest.post<Booking>("bookings", { token, body: { holdId } });
  expect([status, body]).toEqual([201, expect.anything()]);
  await office.rest.post(`bookings/${body.id}/payments`, { token, body: { method: "mock", token: "tok_ok" } });
};

/** On the gateway's page, where buyers take the time that they need: here until somebody else has bought the seat. */
const payOnceSnatched = async (person: Person, id: string, showtime: string, seat: number): Promise<void> => {
  const begun = await purchases.pay(person, id, { method: "mock" });
  expect(begun).toMatchObject({ status: 202, body: { next: { url: expect.any(String) } } });
  await snatch(await office.guest(), showtime, seat);
  const { next } = begun.body as { next: { url: string } }; // As was just compared.
  const chosen = await fetch(next.url, { method: "POST", body: new URLSearchParams({ token: "tok_ok" }) });
  expect(chosen.status).toBe(200);
};

it.concurrent("an unpaid booking expires, says why, and its seats are free", async () => {
  const [showtime, guest] = [office.anotherShowtime("ha_studio"), await office.guest()];
  const { id, payBy, createdAt } = await purchases.book(guest, showtime, [3]);
  expect(Date.parse(payBy) - Date.parse(createdAt)).toBeLessThanOrEqual(10_000);
  await purchases.comesTo(guest, id, { status: "expired", reason: expect.any(String) });
  await vi.waitFor(async () => expect((await office.rest.seats(showtime)).statuses[3]).toBe("0"), { timeout: 15_000 });
  expect(await purchases.pay(guest, id, "tok_ok")).toMatchObject(problem(409, "BOOKING_STATE"));
});

it.concurrent("tok_late gets the same seats, while nobody has taken them", async () => {
  const [showtime, guest] = [office.anotherShowtime("ha_studio"), await office.guest()];
  const { id, payBy } = await purchases.book(guest, showtime, [3, 4]);
  expect((await purchases.pay(guest, id, "tok_late")).status).toBe(202);
  await purchases.comesTo(guest, id, { status: "confirmed", seats: [3, 4], payment: { status: "captured" } });
  expect(Date.now()).toBeGreaterThan(Date.parse(payBy));
  await purchases.tickets(guest, id, 2);
  await purchases.balances();
});

it.concurrent("who pays late gets the money back, once somebody has", async () => {
  const [showtime, guest] = [office.anotherShowtime("ha_studio"), await office.guest()];
  const { id } = await purchases.book(guest, showtime, [3, 4]);
  await payOnceSnatched(guest, id, showtime, 4);
  await purchases.comesTo(guest, id, { status: "refunded", reason: expect.any(String) });
  expect((await purchases.read(guest, id)).payment?.status).toBeOneOf(["voided", "captured"]);
  await purchases.tickets(guest, id, 0);
  await purchases.balances();
});

it.concurrent("who pays late gets neighbours of the same category, where the buyer said that they will do", async () => {
  const [showtime, guest] = [office.anotherShowtime("ha_studio"), await office.guest()];
  const { id, total } = await purchases.book(guest, showtime, [3, 4], { acceptOtherSeats: true });
  await payOnceSnatched(guest, id, showtime, 4);
  const { seats, total: paid } = await purchases.comesTo(guest, id, { status: "confirmed" });
  expect([seats.length, new Set([...seats, 4]).size, paid]).toEqual([2, 3, total]);
  await purchases.balances();
});
