import { describe, expect, it } from "vitest";
import { systemClock } from "../../../platform/clock/index.ts";
import { StripeServer } from "../testing/stripe-server.ts";
import { KEY, useTill, valueOf } from "../testing/till.ts";

const till = useTill();
const { start, intent, send } = till;

describe("Stripe's webhooks", () => {
  const event = () =>
    till.stripe.event("payment_intent.created", { object: "payment_intent", id: "pi_1", metadata: {} });

  it("are taken once, and again without effect", async () => {
    const once = event();
    expect([(await send(once)).status, (await send(once)).status, (await send(once)).status]).toEqual([204, 204, 204]);
  });

  it("of other kinds are taken and passed over", async () => {
    expect((await send(till.stripe.event("customer.created", { object: "customer", id: "cus_1" }))).status).toBe(204);
  });

  it("are refused with another secret, an old or a future time, a lax one, or none", async () => {
    const { body, headers } = event();
    const signature = headers["stripe-signature"]!;
    const refused = [
      new StripeServer({ secretKey: KEY, webhookSecret: "whsec_another", now: () => systemClock.now() }).event("x", {}),
      till.stripe.event("x", {}, systemClock.now() - 301_000),
      till.stripe.event("x", {}, systemClock.now() + 302_000),
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
    const lie = {
      ...till.stripe.shown(intent().id),
      status: "requires_capture",
      amount: 1,
      metadata: { paymentId: till.id },
    };
    expect((await send(till.stripe.event("payment_intent.amount_capturable_updated", lie))).status).toBe(204);
    expect(valueOf(await till.payments.read(till.id, true))).toMatchObject({ state: "failed" });
  });
});
