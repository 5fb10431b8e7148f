import { describe, expect, it } from "vitest";
import { systemClock } from "../../../platform/clock/index.ts";
import { until } from "../../../platform/testing/until.ts";
import { StripeGateway } from "./stripe-gateway.ts";
import { PRICE } from "../testing/shop.ts";
import { KEY, useTill, valueOf } from "../testing/till.ts";

const till = useTill();
const { open, start, intent, send } = till;

describe("Stripe", () => {
  it("authorizes a card at once, takes the money later, and gives it back in parts", async () => {
    expect(await start("pm_card_visa")).toMatchObject({ ok: true, value: { state: "authorized", next: null } });
    expect(intent()).toMatchObject({
      amount: 2400,
      currency: "eur",
      status: "requires_capture",
      metadata: { paymentId: till.id, bookingId: `bk_${till.id}` },
    });
    expect(valueOf(await till.payments.capture(till.id))).toMatchObject({ state: "captured", captured: 2_400 });
    expect(valueOf(await till.payments.refund(till.id, `rf_${till.id}_a`, 900))).toMatchObject({ refunded: 900 });
    expect(valueOf(await till.payments.refund(till.id, `rf_${till.id}_b`, 1_500))).toMatchObject({ refunded: 2_400 });
    expect(till.stripe.keys).toEqual([till.id, `${till.id}-capture`, `rf_${till.id}_a`, `rf_${till.id}_b`]);
    expect(intent().charge).toMatchObject({ amount_captured: 2_400, amount_refunded: 2_400 });
  });

  it("takes and gives back as much of a currency that has decimals for it alone", async () => {
    const amount = { amount: 1_900, currency: "ISK" };
    const started = await till.payments.start({ paymentId: till.id, method: "stripe", token: "pm_card_visa", amount });
    expect(valueOf(started)).toMatchObject({ state: "authorized", amount });
    expect(intent()).toMatchObject({ amount: 190_000, currency: "isk" });
    expect(valueOf(await till.payments.capture(till.id, 1_900))).toMatchObject({ state: "captured", captured: 1_900 });
    expect(valueOf(await till.payments.refund(till.id, `rf_${till.id}_a`, 900))).toMatchObject({ refunded: 900 });
    expect(intent().charge).toMatchObject({ amount_captured: 190_000, amount_refunded: 90_000 });
  });

  it.each([
    ["pm_card_chargeDeclined", "Your card was declined."],
    ["tok_chargeDeclined", "Your card was declined."],
    ["pm_card_chargeDeclinedInsufficientFunds", "Your card has insufficient funds."],
    ["pm_card_chargeDeclinedExpiredCard", "Your card has expired."],
  ])("declines %s, for good: the intent is canceled", async (token, reason) => {
    expect(valueOf(await start(token))).toMatchObject({ state: "failed", reason, next: null });
    expect(intent().status).toBe("canceled");
  });

  it("refuses a card that does not exist, without an intent", async () => {
    expect(valueOf(await start("pm_nobody"))).toMatchObject({
      state: "failed",
      reason: "No such PaymentMethod: 'pm_nobody'",
    });
  });

  it("lets the buyer's browser go on with the client secret, and hears of it by webhook", async () => {
    const { next, state } = valueOf(await start(null));
    expect({ next, state }).toEqual({ next: { clientSecret: intent().client_secret }, state: "pending" });
    till.stripe.confirmByBuyer(intent().id, "pm_card_chargeDeclined"); // The buyer may try another card on the same intent.
    expect(valueOf(await till.payments.read(till.id, true))).toMatchObject({ state: "pending", next });
    till.stripe.confirmByBuyer(intent().id, "pm_card_visa");
    expect(
      (await send(till.stripe.event("payment_intent.amount_capturable_updated", till.stripe.shown(intent().id))))
        .status,
    ).toBe(204);
    expect(await till.payments.becomes(till.id, "authorized")).toMatchObject({ next: null });
  });

  it("asks the buyer's bank where it wants to be asked", async () => {
    expect(valueOf(await start("pm_card_threeDSecure2Required"))).toMatchObject({
      state: "pending",
      next: { clientSecret: intent().client_secret },
    });
    till.stripe.confirmByBuyer(intent().id, "pm_card_visa");
    await till.payments.becomes(till.id, "authorized"); // Found by polling.
  });

  it("cancels what was given up, before and after it was authorized", async () => {
    await start("pm_card_visa");
    expect(valueOf(await till.payments.void(till.id))).toMatchObject({ state: "voided", reason: "Too late." });
    expect(intent().status).toBe("canceled");
    till.id = `${till.id}_b`;
    await start(null);
    expect(valueOf(await till.payments.void(till.id))).toMatchObject({ state: "voided", next: null });
    expect(intent().status).toBe("canceled");
  });

  it("is asked again with the same key when its answer was lost", async () => {
    till.stripe.faults.push("lost");
    await start("pm_card_visa");
    await till.payments.becomes(till.id, "authorized");
    till.stripe.faults.push("lost");
    await till.payments.capture(till.id);
    await till.payments.becomes(till.id, "captured");
    till.stripe.faults.push("lost");
    await till.payments.refund(till.id, `rf_${till.id}`, 700);
    await until(async () => valueOf(await till.payments.read(till.id)).refunded === 700 || undefined, "refunded");
    expect(till.stripe.keys).toEqual([
      till.id,
      till.id,
      `${till.id}-capture`,
      `${till.id}-capture`,
      `rf_${till.id}`,
      `rf_${till.id}`,
    ]);
    expect(till.stripe.refunds.filter(({ payment_intent }) => payment_intent === intent().id)).toHaveLength(1);
  });

  it("authorizes once what was lost more than a day ago, when it has forgotten that it was asked", async () => {
    till.stripe.faults.push("lost", "lost", "lost");
    expect(valueOf(await start("pm_card_visa"))).toMatchObject({ state: "pending" });
    await till.payments.kill();
    till.stripe.faults.length = 0;
    await till.shop.pool.query(
      "update payments.payment set created_at = created_at - interval '25 hours' where id = $1",
      [till.id],
    );
    till.stripeClock.shift(25 * 60 * 60_000);
    try {
      await open();
      await till.payments.becomes(till.id, "authorized");
      expect(
        [...till.stripe.intents.values()].filter(({ metadata }) => metadata["paymentId"] === till.id),
      ).toHaveLength(1);
    } finally {
      till.stripeClock.shift(-25 * 60 * 60_000);
    }
  });

  it("is asked what it has done when it broke after the work, and only says so again", async () => {
    await start("pm_card_visa");
    till.stripe.faults.push("broken-after");
    expect(valueOf(await till.payments.capture(till.id))).toMatchObject({ state: "captured", captured: 2_400 });
    till.stripe.faults.push("broken-after");
    await till.payments.refund(till.id, `rf_${till.id}`, 700);
    await until(async () => valueOf(await till.payments.read(till.id)).refunded === 700 || undefined, "refunded");
    expect(till.stripe.keys).toEqual([till.id, `${till.id}-capture`, `rf_${till.id}`]);
    expect(intent().charge).toMatchObject({ amount_captured: 2_400, amount_refunded: 700 });
  });

  it("is asked with another key when it broke before the work, and only says so again", async () => {
    await start("pm_card_visa");
    till.stripe.faults.push("broken");
    expect(await till.payments.capture(till.id)).toMatchObject({ ok: false, code: "UNAVAILABLE" });
    await till.payments.becomes(till.id, "captured");
    expect(till.stripe.keys).toEqual([till.id, `${till.id}-capture`, `${till.id}-capture-1`]);

    till.id = `${till.id}_b`;
    till.stripe.keys.length = 0;
    await start("pm_card_visa");
    till.stripe.faults.push("broken");
    await till.payments.void(till.id);
    await till.payments.becomes(till.id, "voided");
    expect(till.stripe.keys).toEqual([till.id, `${till.id}-undo`, `${till.id}-undo-1`]);
    expect(intent().status).toBe("canceled");
  });

  it("is asked again when it fails or is too busy", async () => {
    till.stripe.faults.push("error", "busy");
    expect(valueOf(await start("pm_card_visa"))).toMatchObject({ state: "pending" });
    await till.payments.becomes(till.id, "authorized");
  });

  it("is counted as unavailable while it gives no answer, and no longer", async () => {
    const count = async (outcome: string): Promise<number> => {
      const asked = await till.metrics.getSingleMetric("usher_payments_gateway_requests_total")?.get();
      const found = asked?.values.find(({ labels }) => labels["method"] === "stripe" && labels["outcome"] === outcome);
      if (found === undefined) throw new Error("not counted from 0");
      return found.value;
    };
    const [unavailable, answered] = [await count("unavailable"), await count("answered")];
    till.stripe.faults.push("error", "busy");
    await start("pm_card_visa");
    await till.payments.becomes(till.id, "authorized");
    expect(await count("unavailable")).toBe(unavailable + 2);
    expect(await count("answered")).toBe(answered + 1);
  });

  it("gives up a capture that it will never do", async () => {
    await start("pm_card_visa");
    intent().status = "canceled"; // As Stripe does with authorizations after seven days.
    expect(await till.payments.capture(till.id)).toMatchObject({ ok: false, code: "CONFLICT" });
    expect(valueOf(await till.payments.read(till.id))).toMatchObject({ state: "voided", captured: 0 });
  });

  it("lists what was begun in a time, from one second on and before another", async () => {
    await start("pm_card_visa");
    const made = intent();
    const gateway = new StripeGateway({ secretKey: KEY, apiUrl: till.stripe.url, clock: systemClock });
    const at = (seconds: number) => new Date((made.created + seconds) * 1000);
    const has = async (from: Date, until?: Date): Promise<boolean> => {
      for await (const { gatewayId } of gateway.list(from, until)) if (gatewayId === made.id) return true;
      return false;
    };
    expect([await has(at(0)), await has(at(0), at(1)), await has(at(1))]).toEqual([true, true, false]);
    expect(await has(at(-9), at(0))).toBe(false);
  });

  it("is compared with our books over as many pages as there are", async () => {
    const before = await till.payments.service.reconcile();
    const { amount, currency } = PRICE;
    for (let index = 0; index < 230; index++) {
      till.stripe.intents.set(`pi_other_${index}`, {
        id: `pi_other_${index}`,
        amount,
        currency: currency.toLowerCase(),
        created: Math.floor(systemClock.now() / 1e3),
        description: null,
        metadata: index % 2 ? {} : { paymentId: `pay_other_${index}`, bookingId: `bk_other_${index}` },
        client_secret: "x",
        status: "succeeded",
        amount_received: 0,
        last_payment_error: null,
        charge: null,
      });
    }
    const stolen = till.stripe.intents.get("pi_other_228")!;
    stolen.amount_received = 77;
    const { compared, differences } = await till.payments.service.reconcile();
    expect(compared).toBe(before.compared + 115);
    expect(differences).toEqual([
      ...before.differences,
      {
        paymentId: "pay_other_228",
        method: "stripe",
        gatewayId: "pi_other_228",
        bookingId: "bk_other_228",
        ours: null,
        gateways: { state: "captured", kept: { amount: 77, currency: "EUR" } },
      },
    ]);
  });
});
