import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { until } from "../../../platform/testing/until.ts";
import { useTill, valueOf } from "../testing/till.ts";

const till = useTill();
const { open, start, intent, send } = till;

/** The refunds of the test's payment at Stripe. */
const made = () => till.stripe.refunds.filter(({ payment_intent }) => payment_intent === intent().id);
/** Nothing is under way. */
const idle = () =>
  until(async () => {
    const { rowCount } = await till.shop.pool.query("select from payments.payment where id = $1 and due_at is null", [
      till.id,
    ]);
    return rowCount === 1 || undefined;
  }, `${till.id} is left alone`);

describe("Stripe", () => {
  it.each([
    ["a part of the money", 700, 0],
    ["all of it", 2_400, 0],
    ["what was refused since, for whatever reason,", 700, 1],
  ])(
    "gives back %s once, though its answer was lost and it is asked again when it has forgotten that",
    async (_what, amount, refusals) => {
      await start("pm_card_visa");
      await till.payments.capture(till.id);
      till.stripe.faults.push("lost", "lost", "lost");
      expect(await till.payments.refund(till.id, `rf_${till.id}`, amount)).toMatchObject({
        ok: false,
        code: "UNAVAILABLE",
      });
      await till.payments.kill();
      till.stripe.faults.length = 0;
      await till.shop.pool.query("update payments.refund set refusals = $1 where id = $2", [refusals, `rf_${till.id}`]);
      till.stripeClock.shift(25 * 60 * 60_000);
      try {
        await open();
        await until(
          async () => valueOf(await till.payments.read(till.id)).refunded === amount || undefined,
          "refunded",
        );
        expect(intent().charge).toMatchObject({ amount_captured: 2_400, amount_refunded: amount });
      } finally {
        till.stripeClock.shift(-25 * 60 * 60_000);
      }
    },
  );

  it("gives back anew what the bank has sent back to it", async () => {
    await start("pm_card_visa");
    await till.payments.capture(till.id);
    const order = {
      object: "refund",
      amount: 700,
      payment_intent: intent().id,
      metadata: { refundId: `rf_${till.id}` },
    } as const;
    till.stripe.refunds.push({ ...order, id: "re_failed", status: "failed" });
    expect(valueOf(await till.payments.refund(till.id, `rf_${till.id}`, 700))).toMatchObject({ refunded: 700 });
    expect(intent().charge).toMatchObject({ amount_refunded: 700 });
  });

  it.each([
    // As where its balance is short of the one and not of the other.
    ["refuses", () => void (intent().charge!.amount_refunded = 2_000)],
    ["cannot do, and only says so again", () => void till.stripe.faults.push("broken")],
  ])("does not keep a refund waiting for an earlier one of the payment that it %s", async (_what, fail) => {
    await start("pm_card_visa");
    await till.payments.capture(till.id);
    fail();
    expect(await till.payments.refund(till.id, `rf_${till.id}`, 700)).toMatchObject({ ok: false, code: "UNAVAILABLE" });
    expect(valueOf(await till.payments.refund(till.id, `rf_${till.id}_b`, 300))).toMatchObject({ refunded: 300 });
    intent().charge!.amount_refunded = 300;
    await till.shop.pool.query("update payments.refund set refusals = refusals + 1 where id = $1", [`rf_${till.id}`]);
    await idle();
    expect(made().map(({ amount }) => amount)).toEqual([300, 700]);
  });

  describe("whose bank needs days for a refund", () => {
    /** News of the test before may still be on its way. */
    const told = () =>
      till.payments.events.filter(({ type, subject }) => type === "payment.refund" && subject === `bk_${till.id}`);
    const refunded = (amount: number) =>
      until(
        async () => valueOf(await till.payments.read(till.id)).refunded === amount || undefined,
        `${amount} refunded`,
      );
    const ask = (part = "", amount = 700) => till.payments.refund(till.id, `rf_${till.id}${part}`, amount);

    beforeEach(async () => {
      till.stripe.refundsAre = "pending";
      await start("pm_card_visa");
      await till.payments.capture(till.id);
      expect(await ask()).toMatchObject({ ok: false, code: "UNAVAILABLE" });
    });
    afterEach(() => {
      till.stripe.refundsAre = "succeeded";
    });

    it("tells of it once the bank has paid", async () => {
      expect(valueOf(await till.payments.read(till.id, true))).toMatchObject({ refunded: 0 });
      expect(await ask()).toMatchObject({ ok: false, code: "UNAVAILABLE" });
      expect((await send(till.stripe.endRefund(made()[0]!.id, "succeeded"))).status).toBe(204);
      await refunded(700);
      expect(valueOf(await ask())).toMatchObject({ refunded: 700 });
      await until(() => told().length === 1 || undefined, "told");
      expect(made()).toHaveLength(1);
    });

    it("does not keep another refund of the payment waiting", async () => {
      till.stripe.refundsAre = "succeeded";
      expect(valueOf(await ask("_b", 300))).toMatchObject({ refunded: 300 });
      expect(made().map(({ status }) => status)).toEqual(["pending", "succeeded"]);
    });

    it("asks for it anew when the bank has sent it back weeks later, though nobody says so", async () => {
      const days = 24 * 60 * 60_000;
      till.payments.clock.shift(9 * days);
      try {
        await till.payments.service.reconcile();
        const age = await till.metrics.getSingleMetric("usher_payments_open_refund_seconds")?.get();
        expect(age?.values[0]?.value).toBeGreaterThanOrEqual((9 * days) / 1_000);
        // Who asks again and again does not make it ask the gateway as often.
        await until(async () => {
          const { length } = till.stripe.requests;
          await ask();
          return till.stripe.requests.length === length || undefined;
        }, "left alone");
        till.stripe.refundsAre = "succeeded";
        till.stripe.endRefund(made()[0]!.id, "failed");
        till.payments.clock.shift(days);
        await refunded(700);
      } finally {
        till.payments.clock.shift(-10 * days);
      }
      expect(made().map(({ status }) => status)).toEqual(["failed", "succeeded"]);
      expect(till.stripe.keys.slice(-2)).toEqual([`rf_${till.id}`, `rf_${till.id}-1`]);
    });

    it("asks anew for one that was sent back while another was under way", async () => {
      await send(till.stripe.endRefund(made()[0]!.id, "succeeded"));
      await refunded(700);
      expect(await ask("_b", 300)).toMatchObject({ ok: false, code: "UNAVAILABLE" });
      await send(till.stripe.endRefund(made()[0]!.id, "failed"));
      till.stripe.refundsAre = "succeeded";
      const [first, second] = made();
      till.stripe.endRefund(second!.id, "succeeded"); // Nobody says so: it is found by looking.
      till.payments.clock.shift(60 * 60_000);
      try {
        await until(() => made()[2], "made anew");
        await idle();
      } finally {
        till.payments.clock.shift(-60 * 60_000);
      }
      expect(made().map(({ id: refund, status, amount }) => [refund === first!.id, status, amount])).toEqual([
        [true, "failed", 700],
        [false, "succeeded", 300],
        [false, "succeeded", 700],
      ]);
      expect(intent().charge).toMatchObject({ amount_refunded: 1_000 });
      await until(() => told().length === 2 || undefined, "told twice");
    });

    it("asks anew for one of an old payment that was sent back, though nobody says so, and looks at it once a day", async () => {
      await send(till.stripe.endRefund(made()[0]!.id, "succeeded"));
      await refunded(700);
      await idle();
      const day = 24 * 60 * 60_000;
      till.payments.clock.shift(8 * day);
      try {
        const reads = () =>
          till.stripe.requests.filter((request) => request === `GET /v1/payment_intents/${intent().id}`);
        await till.payments.service.reconcile();
        const before = reads().length;
        till.stripe.refundsAre = "succeeded";
        till.stripe.endRefund(made()[0]!.id, "failed");
        await till.payments.service.reconcile();
        expect(reads()).toHaveLength(before);
        till.payments.clock.shift(day + 1);
        try {
          const { differences } = await till.payments.service.reconcile();
          expect(differences).toContainEqual(expect.objectContaining({ paymentId: till.id }));
          await until(() => made()[1], "made anew");
          await idle();
        } finally {
          till.payments.clock.shift(-day - 1);
        }
      } finally {
        till.payments.clock.shift(-8 * day);
      }
      expect(made().map(({ status, amount }) => [status, amount])).toEqual([
        ["failed", 700],
        ["succeeded", 700],
      ]);
    });

    it("is not asked for what it has done when a hundred attempts of another have failed since", async () => {
      const [first] = made();
      await send(till.stripe.endRefund(first!.id, "succeeded"));
      await refunded(700);
      await idle();
      for (let at = 0; at < 100; at++) {
        till.stripe.refunds.push({
          ...first!,
          id: `re_failed_${at}`,
          metadata: { refundId: "rf_other" },
          status: "failed",
        });
      }
      // As when less has gone back than was told of, and long after Stripe has forgotten its key.
      const days = 2 * 24 * 60 * 60_000;
      till.payments.clock.shift(days);
      try {
        await till.shop.pool.query(
          "update payments.refund set state = 'open', again_at = now() where payment_id = $1",
          [till.id],
        );
        await till.shop.pool.query("update payments.payment set due_at = now() where id = $1", [till.id]);
        await idle();
      } finally {
        till.payments.clock.shift(-days);
      }
      expect(till.stripe.refunds.filter(({ metadata }) => metadata["refundId"] === `rf_${till.id}`)).toHaveLength(1);
      expect(intent().charge).toMatchObject({ amount_refunded: 700 });
    });

    it.each(["its webhook says so", "only the comparison of the books does"])(
      "asks for it anew when it was sent back after it was paid, and %s, but tells of it once",
      async (how) => {
        await send(till.stripe.endRefund(made()[0]!.id, "succeeded"));
        await refunded(700);
        await idle();
        till.stripe.refundsAre = "succeeded";
        const event = till.stripe.endRefund(made()[0]!.id, "failed");
        if (how === "its webhook says so") await send(event);
        else {
          const { differences } = await till.payments.service.reconcile();
          expect(differences).toContainEqual(expect.objectContaining({ paymentId: till.id }));
        }
        await until(() => made()[1], "made anew");
        expect(made().map(({ status, amount }) => [status, amount])).toEqual([
          ["failed", 700],
          ["succeeded", 700],
        ]);
        await idle();
        expect(valueOf(await till.payments.read(till.id, true))).toMatchObject({ refunded: 700 });
        expect(await till.payments.service.reconcile()).toMatchObject({
          differences: expect.not.arrayContaining([expect.objectContaining({ paymentId: till.id })]),
        });
        expect(told()).toHaveLength(1);
      },
    );
  });

  it("gives money back anew that was taken despite a void and sent back, though only the comparison of the books says so", async () => {
    await start("pm_card_visa");
    const { amount } = intent();
    Object.assign(intent(), { status: "succeeded", amount_received: amount });
    Object.assign(intent().charge!, { amount_captured: amount });
    till.stripe.refundsAre = "pending";
    const hour = 60 * 60_000;
    await till.payments.void(till.id);
    till.payments.clock.shift(hour);
    try {
      await till.payments.becomes(till.id, "voided");
      await idle();
      till.stripe.refundsAre = "succeeded";
      till.stripe.endRefund(made()[0]!.id, "failed");
      await till.payments.service.reconcile();
      await until(() => made()[1], "made anew");
      await idle();
    } finally {
      till.stripe.refundsAre = "succeeded";
      till.payments.clock.shift(-hour);
    }
    expect(made().map(({ status, amount: back }) => [status, back])).toEqual([
      ["failed", amount],
      ["succeeded", amount],
    ]);
  });
});
