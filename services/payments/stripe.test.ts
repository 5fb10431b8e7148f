import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../platform/clock/index.ts";
import { createMetrics, type Registry } from "../../platform/metrics/index.ts";
import { until } from "../../platform/testing/until.ts";
import type { Payment, ServiceAnswer } from "../../proto/services/index.ts";
import { StripeGateway } from "./gateways/stripe-gateway.ts";
import { type Process, PRICE, type Shop, testShop } from "./testing/shop.ts";
import { ShiftedClock } from "../../platform/clock/testing.ts";
import { StripeServer } from "./testing/stripe-server.ts";

const KEY = "sk_test_usher";
const WEBHOOK_SECRET = "whsec_of_stripe";

const stripeClock = new ShiftedClock();
let shop: Shop;
let stripe: StripeServer;
let payments: Process;
let metrics: Registry;
let count = 0;
let id: string;

beforeAll(async () => {
  stripe = new StripeServer({ secretKey: KEY, webhookSecret: WEBHOOK_SECRET, now: () => stripeClock.now() });
  await stripe.start();
  shop = await testShop();
  payments = await open();
});
beforeEach(() => {
  id = `pay_${(count += 1)}`;
  stripe.keys.length = 0;
});
afterAll(async () => {
  await shop.close();
  await stripe.stop();
});

const open = (): Promise<Process> => {
  metrics = createMetrics("test");
  return shop.open({
    metrics,
    config: {
      dataDir: shop.dataDir,
      mockPayments: true,
      stripeApiUrl: stripe.url,
      stripeSecretKey: KEY,
      stripeWebhookSecret: WEBHOOK_SECRET,
    },
  });
};
const start = (token: string | null) => payments.start({ paymentId: id, method: "stripe", token });
const intent = () => [...stripe.intents.values()].find(({ metadata }) => metadata["paymentId"] === id)!;
const valueOf = (answer: ServiceAnswer<Payment>): Payment => {
  if (!answer.ok) throw new Error(answer.message);
  return answer.value;
};
const send = ({ body, headers }: { body: string; headers: Record<string, string> }) =>
  fetch(`${payments.url}/api/v1/payments/webhooks/stripe`, { method: "POST", body, headers });

describe("Stripe", () => {
  it("authorizes a card at once, takes the money later, and gives it back in parts", async () => {
    expect(await start("pm_card_visa")).toMatchObject({ ok: true, value: { state: "authorized", next: null } });
    expect(intent()).toMatchObject({
      amount: 2400,
      currency: "eur",
      status: "requires_capture",
      metadata: { paymentId: id, bookingId: `bk_${id}` },
    });
    expect(valueOf(await payments.capture(id))).toMatchObject({ state: "captured", captured: 2_400 });
    expect(valueOf(await payments.refund(id, `rf_${id}_a`, 900))).toMatchObject({ refunded: 900 });
    expect(valueOf(await payments.refund(id, `rf_${id}_b`, 1_500))).toMatchObject({ refunded: 2_400 });
    expect(stripe.keys).toEqual([id, `${id}-capture`, `rf_${id}_a`, `rf_${id}_b`]);
    expect(intent().charge).toMatchObject({ amount_captured: 2_400, amount_refunded: 2_400 });
  });

  it("takes and gives back as much of a currency that has decimals for it alone", async () => {
    const amount = { amount: 1_900, currency: "ISK" };
    const started = await payments.start({ paymentId: id, method: "stripe", token: "pm_card_visa", amount });
    expect(valueOf(started)).toMatchObject({ state: "authorized", amount });
    expect(intent()).toMatchObject({ amount: 190_000, currency: "isk" });
    expect(valueOf(await payments.capture(id, 1_900))).toMatchObject({ state: "captured", captured: 1_900 });
    expect(valueOf(await payments.refund(id, `rf_${id}_a`, 900))).toMatchObject({ refunded: 900 });
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
    stripe.confirmByBuyer(intent().id, "pm_card_chargeDeclined"); // The buyer may try another card on the same intent.
    expect(valueOf(await payments.read(id, true))).toMatchObject({ state: "pending", next });
    stripe.confirmByBuyer(intent().id, "pm_card_visa");
    expect(
      (await send(stripe.event("payment_intent.amount_capturable_updated", stripe.shown(intent().id)))).status,
    ).toBe(204);
    expect(await payments.becomes(id, "authorized")).toMatchObject({ next: null });
  });

  it("asks the buyer's bank where it wants to be asked", async () => {
    expect(valueOf(await start("pm_card_threeDSecure2Required"))).toMatchObject({
      state: "pending",
      next: { clientSecret: intent().client_secret },
    });
    stripe.confirmByBuyer(intent().id, "pm_card_visa");
    await payments.becomes(id, "authorized"); // Found by polling.
  });

  it("cancels what was given up, before and after it was authorized", async () => {
    await start("pm_card_visa");
    expect(valueOf(await payments.void(id))).toMatchObject({ state: "voided", reason: "Too late." });
    expect(intent().status).toBe("canceled");
    id = `${id}_b`;
    await start(null);
    expect(valueOf(await payments.void(id))).toMatchObject({ state: "voided", next: null });
    expect(intent().status).toBe("canceled");
  });

  it("is asked again with the same key when its answer was lost", async () => {
    stripe.faults.push("lost");
    await start("pm_card_visa");
    await payments.becomes(id, "authorized");
    stripe.faults.push("lost");
    await payments.capture(id);
    await payments.becomes(id, "captured");
    stripe.faults.push("lost");
    await payments.refund(id, `rf_${id}`, 700);
    await until(async () => valueOf(await payments.read(id)).refunded === 700 || undefined, "refunded");
    expect(stripe.keys).toEqual([id, id, `${id}-capture`, `${id}-capture`, `rf_${id}`, `rf_${id}`]);
    expect(stripe.refunds.filter(({ payment_intent }) => payment_intent === intent().id)).toHaveLength(1);
  });

  it.each([
    ["a part of the money", 700, 0],
    ["all of it", 2_400, 0],
    ["what was refused since, for whatever reason,", 700, 1],
  ])(
    "gives back %s once, though its answer was lost and it is asked again when it has forgotten that",
    async (_what, amount, refusals) => {
      await start("pm_card_visa");
      await payments.capture(id);
      stripe.faults.push("lost", "lost", "lost");
      expect(await payments.refund(id, `rf_${id}`, amount)).toMatchObject({ ok: false, code: "UNAVAILABLE" });
      await payments.kill();
      stripe.faults.length = 0;
      await shop.pool.query("update payments.refund set refusals = $1 where id = $2", [refusals, `rf_${id}`]);
      stripeClock.shift(25 * 60 * 60_000);
      try {
        payments = await open();
        await until(async () => valueOf(await payments.read(id)).refunded === amount || undefined, "refunded");
        expect(intent().charge).toMatchObject({ amount_captured: 2_400, amount_refunded: amount });
      } finally {
        stripeClock.shift(-25 * 60 * 60_000);
      }
    },
  );

  it("authorizes once what was lost more than a day ago, when it has forgotten that it was asked", async () => {
    stripe.faults.push("lost", "lost", "lost");
    expect(valueOf(await start("pm_card_visa"))).toMatchObject({ state: "pending" });
    await payments.kill();
    stripe.faults.length = 0;
    await shop.pool.query("update payments.payment set created_at = created_at - interval '25 hours' where id = $1", [
      id,
    ]);
    stripeClock.shift(25 * 60 * 60_000);
    try {
      payments = await open();
      await payments.becomes(id, "authorized");
      expect([...stripe.intents.values()].filter(({ metadata }) => metadata["paymentId"] === id)).toHaveLength(1);
    } finally {
      stripeClock.shift(-25 * 60 * 60_000);
    }
  });

  it("gives back anew what the bank has sent back to it", async () => {
    await start("pm_card_visa");
    await payments.capture(id);
    const order = {
      object: "refund",
      amount: 700,
      payment_intent: intent().id,
      metadata: { refundId: `rf_${id}` },
    } as const;
    stripe.refunds.push({ ...order, id: "re_failed", status: "failed" });
    expect(valueOf(await payments.refund(id, `rf_${id}`, 700))).toMatchObject({ refunded: 700 });
    expect(intent().charge).toMatchObject({ amount_refunded: 700 });
  });

  /** Nothing is under way. */
  const idle = () =>
    until(async () => {
      const { rowCount } = await shop.pool.query("select from payments.payment where id = $1 and due_at is null", [id]);
      return rowCount === 1 || undefined;
    }, `${id} is left alone`);

  describe("whose bank needs days for a refund", () => {
    const made = () => stripe.refunds.filter(({ payment_intent }) => payment_intent === intent().id);
    /** News of the test before may still be on its way. */
    const told = () =>
      payments.events.filter(({ type, subject }) => type === "payment.refund" && subject === `bk_${id}`);
    const refunded = (amount: number) =>
      until(async () => valueOf(await payments.read(id)).refunded === amount || undefined, `${amount} refunded`);
    const ask = (part = "", amount = 700) => payments.refund(id, `rf_${id}${part}`, amount);

    beforeEach(async () => {
      stripe.refundsAre = "pending";
      await start("pm_card_visa");
      await payments.capture(id);
      expect(await ask()).toMatchObject({ ok: false, code: "UNAVAILABLE" });
    });
    afterEach(() => {
      stripe.refundsAre = "succeeded";
    });

    it("tells of it once the bank has paid", async () => {
      expect(valueOf(await payments.read(id, true))).toMatchObject({ refunded: 0 });
      expect(await ask()).toMatchObject({ ok: false, code: "UNAVAILABLE" });
      expect((await send(stripe.endRefund(made()[0]!.id, "succeeded"))).status).toBe(204);
      await refunded(700);
      expect(valueOf(await ask())).toMatchObject({ refunded: 700 });
      await until(() => told().length === 1 || undefined, "told");
      expect(made()).toHaveLength(1);
    });

    it("does not keep another refund of the payment waiting", async () => {
      stripe.refundsAre = "succeeded";
      expect(valueOf(await ask("_b", 300))).toMatchObject({ refunded: 300 });
      expect(made().map(({ status }) => status)).toEqual(["pending", "succeeded"]);
    });

    it("asks for it anew when the bank has sent it back weeks later, though nobody says so", async () => {
      const days = 24 * 60 * 60_000;
      payments.clock.shift(9 * days);
      try {
        await payments.service.reconcile();
        const age = await metrics.getSingleMetric("usher_payments_open_refund_seconds")?.get();
        expect(age?.values[0]?.value).toBeGreaterThanOrEqual((9 * days) / 1_000);
        // Who asks again and again does not make it ask the gateway as often.
        await until(async () => {
          const { length } = stripe.requests;
          await ask();
          return stripe.requests.length === length || undefined;
        }, "left alone");
        stripe.refundsAre = "succeeded";
        stripe.endRefund(made()[0]!.id, "failed");
        payments.clock.shift(days);
        await refunded(700);
      } finally {
        payments.clock.shift(-10 * days);
      }
      expect(made().map(({ status }) => status)).toEqual(["failed", "succeeded"]);
      expect(stripe.keys.slice(-2)).toEqual([`rf_${id}`, `rf_${id}-1`]);
    });

    it("asks anew for one that was sent back while another was under way", async () => {
      await send(stripe.endRefund(made()[0]!.id, "succeeded"));
      await refunded(700);
      expect(await ask("_b", 300)).toMatchObject({ ok: false, code: "UNAVAILABLE" });
      await send(stripe.endRefund(made()[0]!.id, "failed"));
      stripe.refundsAre = "succeeded";
      const [first, second] = made();
      stripe.endRefund(second!.id, "succeeded"); // Nobody says so: it is found by looking.
      payments.clock.shift(60 * 60_000);
      try {
        await until(() => made()[2], "made anew");
        await idle();
      } finally {
        payments.clock.shift(-60 * 60_000);
      }
      expect(made().map(({ id: refund, status, amount }) => [refund === first!.id, status, amount])).toEqual([
        [true, "failed", 700],
        [false, "succeeded", 300],
        [false, "succeeded", 700],
      ]);
      expect(intent().charge).toMatchObject({ amount_refunded: 1_000 });
      expect(told()).toHaveLength(2);
    });

    it("asks anew for one of an old payment that was sent back, though nobody says so, and looks at it once a day", async () => {
      await send(stripe.endRefund(made()[0]!.id, "succeeded"));
      await refunded(700);
      await idle();
      const day = 24 * 60 * 60_000;
      payments.clock.shift(8 * day);
      try {
        const reads = () => stripe.requests.filter((request) => request === `GET /v1/payment_intents/${intent().id}`);
        await payments.service.reconcile();
        const before = reads().length;
        stripe.refundsAre = "succeeded";
        stripe.endRefund(made()[0]!.id, "failed");
        await payments.service.reconcile();
        expect(reads()).toHaveLength(before);
        payments.clock.shift(day + 1);
        try {
          const { differences } = await payments.service.reconcile();
          expect(differences).toContainEqual(expect.objectContaining({ paymentId: id }));
          await until(() => made()[1], "made anew");
          await idle();
        } finally {
          payments.clock.shift(-day - 1);
        }
      } finally {
        payments.clock.shift(-8 * day);
      }
      expect(made().map(({ status, amount }) => [status, amount])).toEqual([
        ["failed", 700],
        ["succeeded", 700],
      ]);
    });

    it("is not asked for what it has done when a hundred attempts of another have failed since", async () => {
      const [first] = made();
      await send(stripe.endRefund(first!.id, "succeeded"));
      await refunded(700);
      await idle();
      for (let at = 0; at < 100; at++) {
        stripe.refunds.push({ ...first!, id: `re_failed_${at}`, metadata: { refundId: "rf_other" }, status: "failed" });
      }
      // As when less has gone back than was told of, and long after Stripe has forgotten its key.
      const days = 2 * 24 * 60 * 60_000;
      payments.clock.shift(days);
      try {
        await shop.pool.query("update payments.refund set state = 'open', again_at = now() where payment_id = $1", [
          id,
        ]);
        await shop.pool.query("update payments.payment set due_at = now() where id = $1", [id]);
        await idle();
      } finally {
        payments.clock.shift(-days);
      }
      expect(stripe.refunds.filter(({ metadata }) => metadata["refundId"] === `rf_${id}`)).toHaveLength(1);
      expect(intent().charge).toMatchObject({ amount_refunded: 700 });
    });

    it.each(["its webhook says so", "only the comparison of the books does"])(
      "asks for it anew when it was sent back after it was paid, and %s, but tells of it once",
      async (how) => {
        await send(stripe.endRefund(made()[0]!.id, "succeeded"));
        await refunded(700);
        await idle();
        stripe.refundsAre = "succeeded";
        const event = stripe.endRefund(made()[0]!.id, "failed");
        if (how === "its webhook says so") await send(event);
        else {
          const { differences } = await payments.service.reconcile();
          expect(differences).toContainEqual(expect.objectContaining({ paymentId: id }));
        }
        await until(() => made()[1], "made anew");
        expect(made().map(({ status, amount }) => [status, amount])).toEqual([
          ["failed", 700],
          ["succeeded", 700],
        ]);
        await idle();
        expect(valueOf(await payments.read(id, true))).toMatchObject({ refunded: 700 });
        expect(await payments.service.reconcile()).toMatchObject({
          differences: expect.not.arrayContaining([expect.objectContaining({ paymentId: id })]),
        });
        expect(told()).toHaveLength(1);
      },
    );
  });

  it("is asked what it has done when it broke after the work, and only says so again", async () => {
    await start("pm_card_visa");
    stripe.faults.push("broken-after");
    expect(valueOf(await payments.capture(id))).toMatchObject({ state: "captured", captured: 2_400 });
    stripe.faults.push("broken-after");
    await payments.refund(id, `rf_${id}`, 700);
    await until(async () => valueOf(await payments.read(id)).refunded === 700 || undefined, "refunded");
    expect(stripe.keys).toEqual([id, `${id}-capture`, `rf_${id}`]);
    expect(intent().charge).toMatchObject({ amount_captured: 2_400, amount_refunded: 700 });
  });

  it("is asked with another key when it broke before the work, and only says so again", async () => {
    await start("pm_card_visa");
    stripe.faults.push("broken");
    expect(await payments.capture(id)).toMatchObject({ ok: false, code: "UNAVAILABLE" });
    await payments.becomes(id, "captured");
    expect(stripe.keys).toEqual([id, `${id}-capture`, `${id}-capture-1`]);

    id = `${id}_b`;
    stripe.keys.length = 0;
    await start("pm_card_visa");
    stripe.faults.push("broken");
    await payments.void(id);
    await payments.becomes(id, "voided");
    expect(stripe.keys).toEqual([id, `${id}-undo`, `${id}-undo-1`]);
    expect(intent().status).toBe("canceled");
  });

  it("gives money back anew that was taken despite a void and sent back, though only the comparison of the books says so", async () => {
    await start("pm_card_visa");
    const { amount } = intent();
    Object.assign(intent(), { status: "succeeded", amount_received: amount });
    Object.assign(intent().charge!, { amount_captured: amount });
    stripe.refundsAre = "pending";
    const made = () => stripe.refunds.filter(({ payment_intent }) => payment_intent === intent().id);
    const hour = 60 * 60_000;
    await payments.void(id);
    payments.clock.shift(hour);
    try {
      await payments.becomes(id, "voided");
      await idle();
      stripe.refundsAre = "succeeded";
      stripe.endRefund(made()[0]!.id, "failed");
      await payments.service.reconcile();
      await until(() => made()[1], "made anew");
      await idle();
    } finally {
      stripe.refundsAre = "succeeded";
      payments.clock.shift(-hour);
    }
    expect(made().map(({ status, amount: back }) => [status, back])).toEqual([
      ["failed", amount],
      ["succeeded", amount],
    ]);
  });

  it("is asked again when it fails or is too busy", async () => {
    stripe.faults.push("error", "busy");
    expect(valueOf(await start("pm_card_visa"))).toMatchObject({ state: "pending" });
    await payments.becomes(id, "authorized");
  });

  it("gives up a capture that it will never do", async () => {
    await start("pm_card_visa");
    intent().status = "canceled"; // As Stripe does with authorizations after seven days.
    expect(await payments.capture(id)).toMatchObject({ ok: false, code: "CONFLICT" });
    expect(valueOf(await payments.read(id))).toMatchObject({ state: "voided", captured: 0 });
  });

  it("lists what was begun in a time, from one second on and before another", async () => {
    await start("pm_card_visa");
    const made = intent();
    const gateway = new StripeGateway({ secretKey: KEY, apiUrl: stripe.url, clock: systemClock });
    const at = (seconds: number) => new Date((made.created + seconds) * 1000);
    const has = async (from: Date, until?: Date): Promise<boolean> => {
      for await (const { gatewayId } of gateway.list(from, until)) if (gatewayId === made.id) return true;
      return false;
    };
    expect([await has(at(0)), await has(at(0), at(1)), await has(at(1))]).toEqual([true, true, false]);
    expect(await has(at(-9), at(0))).toBe(false);
  });

  it("is compared with our books over as many pages as there are", async () => {
    const before = await payments.service.reconcile();
    const { amount, currency } = PRICE;
    for (let index = 0; index < 230; index++) {
      stripe.intents.set(`pi_other_${index}`, {
        id: `pi_other_${index}`,
        amount,
        currency: currency.toLowerCase(),
        created: Math.floor(systemClock.now() / 1e3),
        description: null,
        metadata: index % 2 ? {} : { paymentId: `pay_other_${index}` },
        client_secret: "x",
        status: "succeeded",
        amount_received: 0,
        last_payment_error: null,
        charge: null,
      });
    }
    const stolen = stripe.intents.get("pi_other_228")!;
    stolen.amount_received = 77;
    const { compared, differences } = await payments.service.reconcile();
    expect(compared).toBe(before.compared + 115);
    expect(differences).toEqual([
      ...before.differences,
      {
        paymentId: "pay_other_228",
        method: "stripe",
        gatewayId: "pi_other_228",
        ours: null,
        gateways: { state: "captured", kept: { amount: 77, currency: "EUR" } },
      },
    ]);
  });
});

describe("Stripe's webhooks", () => {
  const event = () => stripe.event("payment_intent.created", { object: "payment_intent", id: "pi_1", metadata: {} });

  it("are taken once, and again without effect", async () => {
    const once = event();
    expect([(await send(once)).status, (await send(once)).status, (await send(once)).status]).toEqual([204, 204, 204]);
  });

  it("of other kinds are taken and passed over", async () => {
    expect((await send(stripe.event("customer.created", { object: "customer", id: "cus_1" }))).status).toBe(204);
  });

  it("are refused with another secret, an old or a future time, a lax one, or none", async () => {
    const { body, headers } = event();
    const signature = headers["stripe-signature"]!;
    const refused = [
      new StripeServer({ secretKey: KEY, webhookSecret: "whsec_another", now: () => systemClock.now() }).event("x", {}),
      stripe.event("x", {}, systemClock.now() - 301_000),
      stripe.event("x", {}, systemClock.now() + 302_000),
      { body, headers: {} },
      { body, headers: { "stripe-signature": signature.replace(",", "x,") } },
      { body, headers: { "stripe-signature": signature.replace("v1=", "v0=") } },
      { body: `\ufeff${body}`, headers },
      { body: `${body} `, headers },
      { body: "", headers },
    ];
    for (const each of refused) {
      const response = await send(each);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ code: "BAD_SIGNATURE" });
    }
  });

  it("about a payment that is not what they say change nothing", async () => {
    await start("pm_card_chargeDeclined");
    const lie = { ...stripe.shown(intent().id), status: "requires_capture", amount: 1, metadata: { paymentId: id } };
    expect((await send(stripe.event("payment_intent.amount_capturable_updated", lie))).status).toBe(204);
    expect(valueOf(await payments.read(id, true))).toMatchObject({ state: "failed" });
  });
});
