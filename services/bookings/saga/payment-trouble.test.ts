import { describe, expect, it, vi } from "vitest";
import { READ_PAYMENT, START_PAYMENT } from "../../../proto/services/index.ts";
import { useSale } from "../testing/sale.ts";
import { call, hasStatus, PRICE, read, until } from "../testing/world.ts";

const GRACE_MS = 60_000;
const sale = useSale({ graceMs: GRACE_MS });
const { book, pay, stepsOf } = sale;

describe("when payments", () => {
  it("is not there, nothing is begun, and the buyer may try again", async () => {
    const { id } = await book([0]);
    sale.world.payments.close();
    const refused = await pay(id, "ok");
    sale.world.payments.open();
    expect(refused.json()).toMatchObject({ status: 503, code: "UNAVAILABLE", retryInMs: expect.any(Number) });
    expect(await read(sale.shop, id)).toMatchObject({ status: "pending", payment: null });
    await pay(id, "ok");
    await until(sale.shop, id, hasStatus("confirmed"));
  });

  it("is not there, the buyer is told at once, however the clock ticks meanwhile", async () => {
    const { id } = await book([0]);
    const { clock } = sale.shop;
    const read = clock.now.bind(clock);
    let ticks = 0;
    const now = vi.spyOn(clock, "now").mockImplementation(() => read() + ticks++);
    sale.world.payments.close();
    const refused = await pay(id, "ok");
    sale.world.payments.open();
    now.mockRestore();
    clock.goForward(ticks);
    expect(refused.json()).toMatchObject({ status: 503, code: "UNAVAILABLE" });
  });

  it("does not have the method, the booking stays as it was, however often it is tried", async () => {
    const { id } = await book([0]);
    for (let tries = 0; tries < 10; tries++) {
      const refused = await call(sale.shop, "POST", `/bookings/${id}/payments`, {
        body: { method: "stripe", token: "pm" },
      });
      expect(refused.json()).toMatchObject({ status: 422, code: "PAYMENT_METHOD_UNAVAILABLE" });
      expect(await read(sale.shop, id)).toMatchObject({ status: "pending", reason: null, payment: null });
    }
    expect((await pay(id, "ok")).statusCode).toBe(202);
    await until(sale.shop, id, hasStatus("confirmed"));
  });

  it("has an open payment, its gateway is asked on our account only when the time is over", async () => {
    const asked = vi.spyOn(sale.shop.mortal.bus, "request");
    const { id } = await book([0]);
    await pay(id, "later");
    const { payment } = await read(sale.shop, id);
    const looks = () =>
      asked.mock.calls.flatMap(([{ name }, question]) => {
        const { paymentId, refresh } = question as { paymentId?: string; refresh?: boolean };
        return name === READ_PAYMENT.name && paymentId === payment?.paymentId ? [refresh] : [];
      });
    await expect.poll(() => looks().length).toBeGreaterThanOrEqual(3);
    expect(new Set(looks())).toEqual(new Set([false]));
    sale.shop.clock.shift(60_000);
    await until(sale.shop, id, hasStatus("expired"));
    // A look that was under way when the time ran out was not the last: the next is, when the grace ends.
    sale.shop.clock.shift(GRACE_MS);
    await expect.poll(looks).toContain(true);
    asked.mockRestore();
    await until(sale.shop, id, ({ payment: last }) => last?.status === "voided");
    sale.shop.clock.shift(-60_000 - GRACE_MS);
  });

  it("does not say that it has heard of a terminal's money, it is told again, also when the time is over: the money is there", async () => {
    const { id } = await book([0]);
    sale.world.payments.lie = () => new Promise(() => undefined);
    const taken = { body: { method: "terminal" }, role: "boxoffice" } as const;
    const paid = await call(sale.shop, "POST", `/bookings/${id}/payments`, taken);
    expect([paid.statusCode, paid.json()]).toMatchObject([202, { status: "pending" }]);
    const told = vi.spyOn(sale.shop.mortal.bus, "request");
    sale.shop.clock.shift(60_000);
    await expect
      .poll(() => told.mock.calls.filter(([{ name }]) => name === START_PAYMENT.name).length)
      .toBeGreaterThan(1);
    sale.world.payments.lie = (_endpoint, honest) => honest;
    await until(sale.shop, id, hasStatus("confirmed"));
    expect(sale.world.payments.kept(id)).toBe(PRICE.adult);
    told.mockRestore();
    sale.shop.clock.shift(-60_000);
  });

  it("hears of a terminal's money only after the grace, it is taken down and goes back: nothing is sold so late", async () => {
    const { id } = await book([0]);
    sale.world.payments.lie = () => new Promise(() => undefined);
    const taken = { body: { method: "terminal" }, role: "boxoffice" } as const;
    await call(sale.shop, "POST", `/bookings/${id}/payments`, taken);
    sale.shop.clock.shift(60_000 + GRACE_MS);
    expect(await read(sale.shop, id)).toMatchObject({ status: "paying" });
    sale.world.payments.lie = (_endpoint, honest) => honest;
    expect(await until(sale.shop, id, hasStatus("refunded", "confirmed"))).toMatchObject({
      status: "refunded",
      reason: expect.stringContaining("too late"),
    });
    await expect.poll(() => sale.world.free(sale.showtime)).toBe(96);
    sale.shop.clock.shift(-60_000 - GRACE_MS);
  });

  it("cannot capture, the seats are free again and the buyer reads why", async () => {
    const { id } = await book([0]);
    await pay(id, "uncapturable");
    expect(await until(sale.shop, id, hasStatus("failed"))).toMatchObject({
      reason: expect.stringContaining("not be completed"),
    });
    await expect.poll(() => sale.world.free(sale.showtime)).toBe(96);
    await expect.poll(() => sale.world.eventsOf(id).at(-1)).toBe("booking.failed");
  });

  it("says another amount than was asked for, the money goes back", async () => {
    const { id } = await book([0]);
    sale.world.payments.lie = (_endpoint, honest) =>
      honest.ok ? { ok: true, value: { ...honest.value, amount: { amount: 1, currency: "EUR" } } } : honest;
    await pay(id, "ok");
    await until(sale.shop, id, hasStatus("refunded"));
    expect([
      await sale.world.booked(sale.showtime),
      sale.world.payments.kept(id),
      sale.world.payments.reserved(id),
    ]).toEqual([[], 0, false]);
  });

  it.each([
    ["nonsense", { state: "blessed" }],
    ["another payment", { paymentId: "pay_other" }],
    ["captured, and nothing was", { state: "captured", captured: 0 }],
  ])("answers %s for a while, nothing is believed", async (_what, lie) => {
    const { id } = await book([0]);
    sale.world.payments.lie = (endpoint, honest) =>
      honest.ok && endpoint !== "payments.start"
        ? { ok: true, value: { ...honest.value, ...(lie as object) } }
        : honest;
    await pay(id, "ok");
    await expect.poll(async () => (await stepsOf(id)).length).toBeGreaterThan(0);
    expect(await read(sale.shop, id)).toMatchObject({ status: "paying" });
    sale.world.payments.lie = (_endpoint, honest) => honest;
    await until(sale.shop, id, hasStatus("confirmed"));
    expect(sale.world.payments.kept(id)).toBe(PRICE.adult);
  });
});
