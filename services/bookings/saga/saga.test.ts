import { describe, expect, it } from "vitest";
import { BOOKING, WAS_BOOKED } from "../../../proto/services/index.ts";
import { useSale } from "../testing/sale.ts";
import { hasStatus, PRICE, read, until } from "../testing/world.ts";

const sale = useSale();
const { book, pay, cancel } = sale;

describe("a purchase", () => {
  it("goes from hold to confirmed in one breath, and everybody is told", async () => {
    const { id } = await book([0, 1], { tickets: [{ seat: 1, type: "child" }] });
    const paid = await pay(id, "ok");
    expect([paid.statusCode, paid.json()]).toMatchObject([202, { paymentId: expect.stringMatching(/^pay_/) }]);
    expect(await until(sale.shop, id, hasStatus("confirmed"))).toMatchObject({
      payment: { status: "captured" },
      reason: null,
    });
    expect(await sale.world.booked(sale.showtime)).toEqual([0, 1]);
    expect(sale.world.payments.kept(id)).toBe(PRICE.adult + PRICE.child);
    await expect.poll(() => sale.world.eventsOf(id)).toEqual(["booking.created", "booking.confirmed"]);
    expect(sale.world.payments.starts.at(-1)).toMatchObject({ userId: "ada", description: "Metropolis, 2 seats" });
    const record = await sale.world.bus.request(BOOKING, { bookingId: id }, { timeoutMs: 2_000 });
    expect(record).toMatchObject({ bookingId: id, status: "confirmed", seats: [{ seat: 0 }, { ticketType: "child" }] });
    expect(await sale.world.bus.request(BOOKING, { bookingId: "bk_none" }, { timeoutMs: 2_000 })).toBeNull();
  });

  it("marks its showtime as booked for good", async () => {
    const wasBooked = (showtimeId: string) => sale.world.bus.request(WAS_BOOKED, { showtimeId }, { timeoutMs: 2_000 });
    const { id } = await book([0]);
    await cancel(id);
    await until(sale.shop, id, hasStatus("cancelled"));
    expect(await wasBooked(sale.showtime)).toEqual({ booked: true });
    expect(await wasBooked("st_empty")).toEqual({ booked: false });
  });

  it("that is declined ten times may not be paid any more", async () => {
    const { id } = await book([1]);
    for (let tries = 0; tries < 10; tries++) {
      expect((await pay(id, "declined")).statusCode).toBe(202);
      await until(sale.shop, id, hasStatus("failed"));
    }
    expect((await pay(id, "ok")).json()).toMatchObject({ status: 409, code: "LIMIT_REACHED" });
  });

  it("that is declined may be paid another way", async () => {
    const { id } = await book([0]);
    await pay(id, "declined");
    const declined = await until(sale.shop, id, ({ payment }) => payment?.status === "failed");
    expect(declined).toMatchObject({ status: "failed", reason: "The card was declined." });
    await pay(id, "ok");
    expect(await until(sale.shop, id, hasStatus("confirmed"))).toMatchObject({ reason: null });
  });

  it("is found paid by polling when nobody says so", async () => {
    const { id } = await book([0]);
    await pay(id, "no-word");
    await until(sale.shop, id, hasStatus("confirmed"));
    expect(sale.world.payments.kept(id)).toBe(PRICE.adult);
  });

  it("shows where to pay when there is no token, as long as that helps", async () => {
    const { id } = await book([0]);
    const { next } = (await pay(id)).json();
    expect(next).toEqual({ url: expect.stringContaining("http://gateway.example/pay_") });
    expect(await read(sale.shop, id)).toMatchObject({ status: "paying", payment: { status: "pending", next } });
    sale.world.payments.decide(id, "authorized");
    const confirmed = await until(sale.shop, id, hasStatus("confirmed"));
    expect(confirmed.payment).not.toHaveProperty("next");
  });

  it("shows where to pay also when the gateway says so only when it is asked again", async () => {
    const { id } = await book([0]);
    let answers = 0;
    sale.world.payments.lie = (_endpoint, honest) =>
      honest.ok && ++answers === 1 ? { ok: true, value: { ...honest.value, next: null } } : honest;
    expect((await pay(id)).json()).toMatchObject({
      status: "pending",
      next: { url: expect.stringContaining("http://gateway.example/pay_") },
    });
    expect(answers).toBeGreaterThanOrEqual(2); // More where the machine hesitates.
  });
});

describe("several processes", () => {
  it("sell side by side without treading on each other", async () => {
    const other = await sale.world.shop();
    const shops = [sale.shop, other];
    const bookings = await Promise.all(Array.from({ length: 24 }, (_, at) => book([at])));
    await Promise.all(bookings.map(({ id }, at) => pay(id, at % 4 === 0 ? "no-word" : "ok", shops[at % 2])));
    await Promise.all(bookings.map(({ id }) => until(other, id, hasStatus("confirmed"))));
    expect(await sale.world.booked(sale.showtime)).toEqual(Array.from({ length: 24 }, (_, at) => at));
    for (const { id } of bookings) {
      expect(sale.world.payments.kept(id)).toBe(PRICE.adult);
      // On a slow machine the time to pay may be over meanwhile.
      const told = () => sale.world.eventsOf(id).filter((type) => type !== "booking.expired");
      await expect.poll(told).toEqual(["booking.created", "booking.confirmed"]);
    }
    await other.stop();
  });

  it("take one payment of two that are begun at once", async () => {
    const { id } = await book([0]);
    const answers = await Promise.all([pay(id, "later"), pay(id, "later")]);
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([202, 409]));
    const starts = () => sale.world.payments.starts.filter(({ bookingId }) => bookingId === id).length;
    await expect.poll(starts).toBe(1); // Another process may be the one that begins it, a moment later.
    await cancel(id);
    expect(starts()).toBe(1);
  });
});
