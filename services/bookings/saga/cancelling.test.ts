import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { testEvent } from "../../../platform/events/testing.ts";
import type { Booking } from "../../../proto/rest/index.ts";
import { BOOKING } from "../../../proto/services/index.ts";
import { over, useSale } from "../testing/sale.ts";
import { call, hasStatus, PRICE, read, until } from "../testing/world.ts";

const sale = useSale();
const { book, pay, cancel, stepsOf } = sale;

describe("cancelling", () => {
  it("gives back seats one by one and money to the cent", async () => {
    const { id } = await book([0, 1, 2], { tickets: [{ seat: 1, type: "child" }] });
    await pay(id, "ok");
    await until(sale.shop, id, hasStatus("confirmed"));
    const part = await cancel(id, [1]);
    expect([part.statusCode, part.json()]).toMatchObject([
      200,
      { status: "confirmed", seats: [0, 2], total: { amount: 2 * PRICE.adult } },
    ]);
    expect(await sale.world.booked(sale.showtime)).toEqual([0, 2]);
    expect(sale.world.payments.kept(id)).toBe(2 * PRICE.adult);
    const child = { seat: 1, label: "A2", type: "child", price: { amount: PRICE.child, currency: "EUR" } };
    expect(part.json()).toMatchObject({ cancelledTickets: [{ ...child, refundId: expect.stringMatching(/^rf_/) }] });
    expect((await cancel(id, [1])).json()).toMatchObject({ status: 404, code: "NOT_FOUND", seats: [1] });
    const whole = (await cancel(id)).json<Booking>();
    expect(whole).toMatchObject({ status: "cancelled", seats: [0, 2] });
    expect(whole.cancelledTickets).toEqual(part.json<Booking>().cancelledTickets);
    expect(await read(sale.shop, id)).toMatchObject({ cancelledTickets: whole.cancelledTickets });
    expect([await sale.world.booked(sale.showtime), sale.world.payments.kept(id)]).toEqual([[], 0]);
    expect((await cancel(id)).json()).toMatchObject({ status: 409, code: "BOOKING_STATE" });
    await expect
      .poll(() => sale.world.eventsOf(id).slice(2))
      .toEqual(["booking.cancelled", "booking.refunded", "booking.cancelled", "booking.refunded"]);
    const [first, refund, last] = sale.world.events.filter(
      ({ subject, type }) => subject === id && /cancelled|refunded/.test(type),
    );
    expect([first?.data, refund?.data]).toMatchObject([
      { cancelledSeats: [1], cancelledTickets: [child], paid: true },
      { refunded: { amount: PRICE.child } },
    ]);
    expect(last?.data).toMatchObject({ cancelledSeats: [0, 2], cancelledTickets: whole.tickets });
  });

  it("says what has gone back, and what is on its way", async () => {
    const { id } = await book([0, 1]);
    await pay(id, "ok");
    expect(await until(sale.shop, id, hasStatus("confirmed"))).toMatchObject({
      refunded: { amount: 0, currency: "EUR" },
    });
    sale.world.payments.lie = (endpoint, honest) =>
      endpoint === "payments.refund" ? { ok: false, code: "UNAVAILABLE", message: "Not now." } : honest;
    const underWay = cancel(id, [1]);
    await until(sale.shop, id, ({ refunding }) => refunding.amount === PRICE.adult);
    expect(await read(sale.shop, id)).toMatchObject({ refunded: { amount: 0 }, payment: { status: "captured" } });
    sale.world.payments.lie = (_endpoint, honest) => honest;
    await underWay;
    const part = await until(sale.shop, id, ({ refunded }) => refunded.amount === PRICE.adult);
    expect(part).toMatchObject({ status: "confirmed", refunding: { amount: 0 }, payment: { status: "captured" } });
    await cancel(id);
    const whole = await until(sale.shop, id, ({ refunded }) => refunded.amount === 2 * PRICE.adult);
    expect(whole).toMatchObject({ status: "cancelled", refunding: { amount: 0 }, payment: { status: "refunded" } });
  });

  describe("a seat whose ticket was let in", () => {
    let id: string;
    beforeEach(async () => {
      ({ id } = await book([0, 1]));
      await pay(id, "ok");
      await until(sale.shop, id, hasStatus("confirmed"));
      sale.world.usedSeats.add(1);
    });
    afterEach(() => sale.world.usedSeats.clear());

    it("is refused, alone and with others; others may go", async () => {
      for (const seats of [[1], undefined]) {
        expect((await cancel(id, seats)).json()).toMatchObject({ status: 409, code: "ALREADY_USED", seats: [1] });
      }
      expect([await sale.world.booked(sale.showtime), sale.world.payments.kept(id)]).toEqual([[0, 1], 2 * PRICE.adult]);
      expect((await cancel(id, [0])).json()).toMatchObject({ status: "confirmed", seats: [1] });
      expect(await sale.world.booked(sale.showtime)).toEqual([1]);
    });

    it("is given back by an admin, and the tickets that let nobody in yet are withdrawn", async () => {
      const cancelled = await call(sale.shop, "POST", `/bookings/${id}/cancel`, { user: "root", role: "admin" });
      expect(cancelled.json()).toMatchObject({ status: "cancelled" });
      expect(sale.world.payments.kept(id)).toBe(0);
      expect(sale.world.withdrawals).toContainEqual({ bookingId: id, seats: [0, 1], despiteUsed: true });
    });
  });

  it("by an admin is the cinema's, whose name only admins are told", async () => {
    const [whole, part, unpaid] = [await book([0]), await book([1, 2]), await book([3])];
    const admin = { user: "root", role: "admin" } as const;
    for (const { id } of [whole, part]) {
      await pay(id, "ok");
      await until(sale.shop, id, hasStatus("confirmed"));
    }
    for (const [{ id }, seats] of [[whole], [part, [2]], [unpaid]] as const)
      await call(sale.shop, "POST", `/bookings/${id}/cancel`, { ...admin, body: { ...(seats && { seats }) } });
    const asSeen = async (caller?: typeof admin) => {
      const seen = await Promise.all([whole, part, unpaid].map(({ id }) => read(sale.shop, id, caller)));
      return seen.map(({ reason, cancelledBy, cancelledTickets: [ticket] }) => [
        reason,
        cancelledBy,
        ticket?.cancelledBy,
      ]);
    };
    const reason = "Cancelled by the cinema.";
    const [by, nobody] = ["root", undefined];
    expect(await asSeen()).toEqual([
      [reason, nobody, nobody],
      [null, nobody, nobody],
      [reason, nobody, nobody],
    ]);
    expect(await asSeen(admin)).toEqual([
      [reason, by, nobody],
      [null, nobody, by],
      [reason, by, nobody],
    ]);
    const told = ({ id }: Booking) =>
      sale.world.events.find(({ subject, type }) => subject === id && type === "booking.cancelled");
    for (const booking of [whole, part, unpaid]) await expect.poll(() => told(booking)).toMatchObject({ data: { by } });
    expect(sale.world.payments.reasons(whole.id)).toEqual([reason]);
  });

  it("by the buyer names nobody", async () => {
    const { id } = await book([0, 1]);
    await pay(id, "ok");
    await until(sale.shop, id, hasStatus("confirmed"));
    await cancel(id, [1]);
    await cancel(id);
    const seen = await read(sale.shop, id, { user: "root", role: "admin" });
    expect(seen).toMatchObject({ reason: "Cancelled at your wish." });
    expect([seen.cancelledBy, seen.cancelledTickets[0]?.cancelledBy]).toEqual([undefined, undefined]);
    const told = sale.world.events.filter(({ subject, type }) => subject === id && type === "booking.cancelled");
    for (const { data } of told) expect(data).not.toHaveProperty("by");
  });

  it("withdraws no ticket when it is refused anyway, or was done before", async () => {
    const { id } = await book([0, 1]);
    await pay(id, "ok");
    await until(sale.shop, id, hasStatus("confirmed"));
    const asked = () => sale.world.withdrawals.filter(({ bookingId }) => bookingId === id);
    await cancel(id, [5]);
    Object.assign(sale.world.showtime, { cancelUntil: new Date(0).toISOString() });
    expect((await cancel(id)).json()).toMatchObject({ code: "CANCELLATION_CLOSED" });
    Reflect.deleteProperty(sale.world.showtime, "cancelUntil");
    expect(asked()).toEqual([]);
    const once = () => call(sale.shop, "POST", `/bookings/${id}/cancel`, { body: { seats: [1] }, key: "once" });
    await once();
    await sale.world.pool.query("delete from http.idempotency_key where key = 'once'");
    await once();
    expect(asked()).toEqual([{ bookingId: id, seats: [1] }]);
    expect(await read(sale.shop, id)).toMatchObject({ status: "confirmed", seats: [0] });
  });

  it("withdraws the tickets again when they were good again before the cancellation was written", async () => {
    const { id } = await book([0, 1]);
    await pay(id, "ok");
    await until(sale.shop, id, hasStatus("confirmed"));
    const asked = () => sale.world.withdrawals.filter(({ bookingId }) => bookingId === id).length;
    sale.world.afterWithdrawal = async () => {
      sale.world.afterWithdrawal = () => Promise.resolve();
      // The process stands still here. Meanwhile the tickets are made good again, and somebody is let in.
      await sale.world.bus.request(BOOKING, { bookingId: id, fence: true }, { timeoutMs: 2_000 });
      sale.world.usedSeats.add(1);
    };
    expect((await cancel(id)).json()).toMatchObject({ status: 409, code: "ALREADY_USED", seats: [1] });
    expect([asked(), sale.world.payments.kept(id)]).toEqual([2, 2 * PRICE.adult]);
    sale.world.usedSeats.clear();
    expect((await cancel(id)).json()).toMatchObject({ status: "cancelled" });
  });

  it("waits for the tickets service: while it is away nothing is given back", async () => {
    const { id } = await book([0]);
    await pay(id, "ok");
    await until(sale.shop, id, hasStatus("confirmed"));
    sale.world.closeTickets();
    expect((await cancel(id)).json()).toMatchObject({ status: 503, code: "UNAVAILABLE" });
    expect(await sale.world.booked(sale.showtime)).toEqual([0]);
    sale.world.openTickets();
    expect((await cancel(id)).json()).toMatchObject({ status: "cancelled" });
  });

  it("before it is paid frees the seats at once", async () => {
    const { id } = await book([0, 1]);
    expect((await cancel(id, [0])).json()).toMatchObject({ code: "BOOKING_STATE" });
    expect((await cancel(id)).json()).toMatchObject({ status: "cancelled" });
    expect(await sale.world.free(sale.showtime)).toBe(96);
    const told = () => sale.world.events.find(({ subject, type }) => subject === id && type === "booking.cancelled");
    await expect.poll(told).toMatchObject({ data: { cancelledSeats: [0, 1], paid: false } });
  });

  it("while a payment is open gives up the payment", async () => {
    const { id } = await book([0]);
    await pay(id, "later");
    void cancel(id);
    await until(sale.shop, id, hasStatus("cancelled"));
    // Another process may be the one that begins it and gives it up, a moment later.
    await expect.poll(() => sale.world.payments.givenUp(id)).toBe(true);
    sale.world.payments.decide(id, "authorized");
    await until(sale.shop, id, ({ payment }) => payment?.status === "voided");
    expect([await sale.world.free(sale.showtime), sale.world.payments.kept(id)]).toEqual([96, 0]);
  });

  it("races with the payment, and either way seats and money agree", async () => {
    const racers = await Promise.all(Array.from({ length: 12 }, (_, at) => book([at])));
    await Promise.all(
      racers.map(async ({ id }, at) => {
        const paying = pay(id, "ok");
        if (at % 3 > 0) await paying;
        if (at % 3 > 1) await read(sale.shop, id);
        await Promise.all([paying, cancel(id)]);
      }),
    );
    await Promise.all(racers.map(({ id }) => expect.poll(() => stepsOf(id)).toEqual([])));
    const after = await Promise.all(racers.map(({ id }) => until(sale.shop, id, over)));
    const sold = after.filter(({ status }) => status === "confirmed");
    expect(await sale.world.booked(sale.showtime)).toEqual(sold.flatMap(({ seats }) => seats).sort((a, b) => a - b));
    for (const { id, status, total } of after)
      expect(sale.world.payments.kept(id)).toBe(status === "confirmed" ? total.amount : 0);
  });

  it("ends when the showtime says so, except for an admin", async () => {
    const { id } = await book([0]);
    await pay(id, "ok");
    await until(sale.shop, id, hasStatus("confirmed"));
    Object.assign(sale.world.showtime, { cancelUntil: new Date(Date.now() - 1_000).toISOString() });
    expect((await cancel(id)).json()).toMatchObject({ status: 409, code: "CANCELLATION_CLOSED" });
    const admin = await call(sale.shop, "POST", `/bookings/${id}/cancel`, { user: "root", role: "admin" });
    expect(admin.json()).toMatchObject({ status: "cancelled", userId: "ada" });
    Object.assign(sale.world.showtime, { cancelUntil: new Date(Date.now() + 3_600_000).toISOString() });
  });
});

it("a cancelled showtime gives everybody the money back by itself", async () => {
  const [paid, open, begun] = await Promise.all([book([0, 1]), book([2]), book([3])]);
  await pay(paid.id, "ok");
  await until(sale.shop, paid.id, hasStatus("confirmed"));
  await pay(begun.id, "later");
  const event = testEvent("showtime.cancelled", sale.showtime, { showtimeId: sale.showtime, movieId: "mv_1" });
  await Promise.all([sale.world.stream.publish(event), sale.world.stream.publish(event)]);
  const reason = "The showtime was cancelled.";
  expect(await until(sale.shop, paid.id, hasStatus("refunded"))).toMatchObject({ reason });
  expect(await until(sale.shop, open.id, over)).toMatchObject({ status: "failed", reason });
  const calledOff = await until(sale.shop, begun.id, ({ payment }) => payment?.status === "voided");
  expect(calledOff).toMatchObject({ status: "failed", reason, refunded: { amount: 0 } });
  await expect.poll(() => sale.world.free(sale.showtime)).toBe(96);
  expect(sale.world.payments.kept(paid.id)).toBe(0);
  await expect
    .poll(() => sale.world.eventsOf(paid.id))
    .toEqual(["booking.created", "booking.confirmed", "booking.cancelled", "booking.refunded"]);

  const holdId = await sale.world.hold(sale.showtime, "ada", [9]);
  const late = await call(sale.shop, "POST", "/bookings", { body: { holdId } });
  expect(late.json()).toMatchObject({ status: 409, code: "SALE_CLOSED" });
});

it("whose account is deleted buys nothing more: what is not paid is cancelled, and money under way goes back", async () => {
  const [paid, open, begun, late] = await Promise.all([book([20, 21]), book([22]), book([23]), book([24])]);
  await pay(paid.id, "ok");
  await until(sale.shop, paid.id, hasStatus("confirmed"));
  await pay(begun.id, "later");
  await pay(late.id, "later");
  const event = testEvent("user.deleted", "ada", { userId: "ada" });
  await Promise.all([sale.world.stream.publish(event), sale.world.stream.publish(event)]);
  sale.world.payments.decide(late.id, "authorized");
  const reason = "The account was deleted.";
  for (const { id } of [open, begun, late]) {
    expect(await until(sale.shop, id, over)).toMatchObject({ reason });
    await expect.poll(() => [sale.world.payments.kept(id), sale.world.payments.reserved(id)]).toEqual([0, false]);
  }
  await expect.poll(() => sale.world.booked(sale.showtime)).toEqual([20, 21]);
  await expect.poll(() => sale.world.free(sale.showtime)).toBe(94);
  expect(await read(sale.shop, paid.id)).toMatchObject({ status: "confirmed" });
  await expect.poll(() => sale.world.eventsOf(begun.id)).toEqual(["booking.created", "booking.cancelled"]);
});
