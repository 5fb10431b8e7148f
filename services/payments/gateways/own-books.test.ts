import { describe, expect, it } from "vitest";
import { until } from "../../../platform/testing/until.ts";
import { addedTo, bookOf } from "../testing/book.ts";
import { id, payments, shop, useOneShop } from "../testing/one-shop.ts";

useOneShop();

const told = () => payments.events.map(({ type }) => type);

describe("a terminal", () => {
  it("has the money at once, and is captured and refunded in our books alone", async () => {
    expect(await payments.start({ paymentId: id, method: "terminal", token: null })).toMatchObject({
      ok: true,
      value: { state: "authorized" },
    });
    await payments.capture(id);
    expect(await payments.refund(id, `rf_${id}_1`, 400)).toMatchObject({ value: { captured: 2_400, refunded: 400 } });
    await until(() => told().length === 2, "events");
    expect(told()).toEqual(["payment.success", "payment.refund"]);
    expect(await payments.service.reconcile()).toMatchObject({ differences: [] });
  });

  it.each(["before", "after"])(
    "has it also when it is given up %s it was written down: it is to be refunded",
    async (when) => {
      if (when === "after") await payments.start({ paymentId: id, method: "terminal", token: null });
      else await addedTo(bookOf(shop).book, id, `bk_${id}`, "terminal");
      expect(await payments.void(id)).toMatchObject({ ok: false, code: "CONFLICT" });
      const { captured } = await payments.becomes(id, "captured");
      expect(await payments.refund(id, `rf_${id}_1`, captured)).toMatchObject({ value: { refunded: captured } });
      await until(() => told().length === 2, "events");
      expect(told()).toEqual(["payment.success", "payment.refund"]);
    },
  );
});

describe("a payment of nothing", () => {
  it("is given up as any other, also at a terminal", async () => {
    const amount = { amount: 0, currency: "EUR" };
    await payments.start({ paymentId: id, amount, method: "terminal" });
    expect(await payments.void(id)).toMatchObject({ ok: true, value: { state: "voided" } });
  });

  it("asks no gateway", async () => {
    const amount = { amount: 0, currency: "EUR" };
    expect(await payments.start({ paymentId: id, amount })).toMatchObject({ value: { state: "authorized" } });
    expect(await payments.capture(id, 0)).toMatchObject({ ok: true, value: { state: "captured", captured: 0 } });
    expect(await payments.refund(id, `rf_${id}_1`, 0)).toMatchObject({ ok: true, value: { refunded: 0 } });
    const { rowCount } = await shop.pool.query("select 1 from mock_gateway.payment where reference = $1", [id]);
    expect(rowCount).toBe(0);
  });
});
