import { describe, expect, it } from "vitest";
import { id, payments, shop, useOneShop } from "./testing/one-shop.ts";

useOneShop();

describe("Stripe", () => {
  it("is not there without a key", async () => {
    expect(await payments.start({ paymentId: id, method: "stripe" })).toMatchObject({
      ok: false,
      code: "PAYMENT_METHOD_UNAVAILABLE",
    });
    expect(await payments.read(id)).toMatchObject({ ok: false, code: "NOT_FOUND" });
  });
});

describe("where MOCK_PAYMENTS is false", () => {
  it("nobody pays with play money, and what was paid before can still be given back", async () => {
    await payments.start({ paymentId: id });
    await payments.becomes(id, "authorized");
    await payments.capture(id);
    const earnest = await shop.open({
      config: { dataDir: shop.dataDir, mockPayments: false, stripeApiUrl: "https://stripe.invalid" },
    });
    expect(await earnest.start({ paymentId: `${id}_free` })).toMatchObject({
      ok: false,
      code: "PAYMENT_METHOD_UNAVAILABLE",
    });
    expect(await earnest.refund(id, `rf_${id}`, 2_400)).toMatchObject({ ok: true, value: { refunded: 2_400 } });
    await earnest.kill();
  });
});
