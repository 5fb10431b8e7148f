import { afterAll, beforeAll, beforeEach } from "vitest";
import { ShiftedClock } from "../../../platform/clock/testing.ts";
import { createMetrics, type Registry } from "../../../platform/metrics/index.ts";
import type { Payment, ServiceAnswer } from "../../../proto/services/index.ts";
import { type Process, type Shop, testShop } from "./shop.ts";
import { StripeServer } from "./stripe-server.ts";

export const KEY = "sk_test_usher";
const WEBHOOK_SECRET = "whsec_of_stripe";

type Intent = StripeServer["intents"] extends Map<string, infer Each> ? Each : never;

/** Where one pays by Stripe: a shop, a process of it, and a server that speaks Stripe's API. */
export interface Till {
  readonly stripe: StripeServer;
  readonly stripeClock: ShiftedClock;
  readonly shop: Shop;
  readonly payments: Process;
  /** That process's. */
  readonly metrics: Registry;
  /** The test's payment. */
  id: string;
  /** Another process takes the place of the one before. */
  readonly open: () => Promise<void>;
  /** Begins the test's payment. */
  readonly start: (token: string | null) => Promise<ServiceAnswer<Payment>>;
  /** What Stripe has of the test's payment. */
  readonly intent: () => Intent;
  /** Sends a webhook. */
  readonly send: (event: { body: string; headers: Record<string, string> }) => Promise<Response>;
}

/** A till for the tests of a file, and a payment for each of them. */
export function useTill(): Till {
  const stripeClock = new ShiftedClock();
  const stripe = new StripeServer({ secretKey: KEY, webhookSecret: WEBHOOK_SECRET, now: () => stripeClock.now() });
  let shop: Shop;
  let payments: Process;
  let metrics: Registry;
  let count = 0;

  const till: Till = {
    stripe,
    stripeClock,
    get shop() {
      return shop;
    },
    get payments() {
      return payments;
    },
    get metrics() {
      return metrics;
    },
    id: "",
    async open() {
      metrics = createMetrics("test", { ofProcess: false });
      payments = await shop.open({
        metrics,
        config: {
          dataDir: shop.dataDir,
          mockPayments: true,
          stripeApiUrl: stripe.url,
          stripeSecretKey: KEY,
          stripeWebhookSecret: WEBHOOK_SECRET,
        },
      });
    },
    start: (token) => payments.start({ paymentId: till.id, method: "stripe", token }),
    intent() {
      const found = [...stripe.intents.values()].find(({ metadata }) => metadata["paymentId"] === till.id);
      if (found === undefined) throw new Error(`Stripe has nothing of ${till.id}`);
      return found;
    },
    send: ({ body, headers }) =>
      fetch(`${payments.url}/api/v1/payments/webhooks/stripe`, { method: "POST", body, headers }),
  };

  beforeAll(async () => {
    await stripe.start();
    shop = await testShop();
    await till.open();
  });
  beforeEach(() => {
    till.id = `pay_${(count += 1)}`;
    stripe.keys.length = 0;
  });
  afterAll(async () => {
    await shop.close();
    await stripe.stop();
  });
  return till;
}

export const valueOf = (answer: ServiceAnswer<Payment>): Payment => {
  if (!answer.ok) throw new Error(answer.message);
  return answer.value;
};
