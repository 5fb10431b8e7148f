import type { Pool } from "pg";
import { type Bus, serving, type Subscription } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import type { Config } from "../../platform/config/index.ts";
import { type EventStream, Outbox } from "../../platform/events/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import type { Registry } from "../../platform/metrics/index.ts";
import { Poller } from "../../platform/poller/index.ts";
import { createDatabase } from "../../platform/postgres/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import type { Reconciliation } from "../../proto/rest/index.ts";
import {
  CAPTURE_PAYMENT,
  PAYMENT_METHODS,
  type PaymentMethod,
  READ_PAYMENT,
  REFUND_PAYMENT,
  START_PAYMENT,
  VOID_PAYMENT,
} from "../../proto/services/index.ts";
import type { Routes } from "../../platform/http/index.ts";
import { Agenda } from "./book/agenda.ts";
import { PaymentBook } from "./book/payment-book.ts";
import { mockGatewaySecret } from "./gateways/gateway-secret.ts";
import type { Gateway, ListedGateway } from "./gateways/gateway.ts";
import { MockGateway } from "./gateways/mock-gateway.ts";
import { OwnBooks } from "./gateways/own-books.ts";
import { StripeGateway } from "./gateways/stripe-gateway.ts";
import { INBOX_PRUNE_EVERY_MS, RECONCILE_EVERY_MS } from "./limits.ts";
import { Payments } from "./payments.ts";
import { Reconciler } from "./reconciliation/reconciler.ts";
import { reconciliationRoutes } from "./reconciliation/routes.ts";
import { PAYMENTS_SCHEMA, type PaymentsTables } from "./tables.ts";
import { webhookRoutes } from "./webhooks/routes.ts";
import { WebhookInbox } from "./webhooks/webhook-inbox.ts";
import { WebhookKey } from "./webhooks/webhook-key.ts";
import { mockVerifier, stripeVerifier } from "./webhooks/webhook-verifier.ts";
import { DueWork } from "./work/due-work.ts";
import { Stepper } from "./work/stepper.ts";

export interface PaymentsOptions {
  /** Its database's schema `payments` is to be migrated before `start` is called. */
  readonly pool: Pool;
  readonly bus: Bus;
  readonly stream: EventStream;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly config: Pick<
    Config,
    "dataDir" | "mockPayments" | "mockGatewaySecret" | "stripeApiUrl" | "stripeSecretKey" | "stripeWebhookSecret"
  >;
  /** Where the mock gateway serves; asked at each call. */
  mockGatewayUrl(): string;
}

export interface PaymentsService {
  /** Under `/api/v1`. */
  readonly routes: Routes;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Compares our books with the gateways', as it does by itself now and then. */
  reconcile(): Promise<Reconciliation>;
}

/** Moves money when bookings says so, and knows what has become of it. */
export function createPaymentsService(options: PaymentsOptions): PaymentsService {
  const { pool, bus, stream, clock, random, log, config, metrics } = options;
  const db = createDatabase<PaymentsTables>(pool).withSchema(PAYMENTS_SCHEMA);
  const outbox = new Outbox({
    pool,
    bus,
    stream,
    clock,
    random,
    log,
    schema: PAYMENTS_SCHEMA,
    source: "/usher/payments",
  });
  let secret: string | undefined;
  const mockSecret = () => (secret ??= mockGatewaySecret(config, random));
  let webhookKey: WebhookKey | undefined;
  const listed = new Map<PaymentMethod, ListedGateway>([
    ["mock", new MockGateway({ url: options.mockGatewayUrl, secret: mockSecret, clock })],
  ]);
  if (config.stripeSecretKey !== undefined) {
    listed.set("stripe", new StripeGateway({ secretKey: config.stripeSecretKey, apiUrl: config.stripeApiUrl, clock }));
    if (config.stripeWebhookSecret === undefined)
      log.warn("webhooks of Stripe are refused, and its payments found by asking: set STRIPE_WEBHOOK_SECRET too");
  }
  const gateways = new Map<PaymentMethod, Gateway>([...listed, ["terminal", new OwnBooks()]]);
  const book = new PaymentBook({ db, outbox, clock });
  const agenda = new Agenda({ db, clock });
  const stepper = new Stepper({ book, agenda, gateways, bus, log, metrics });
  const methods = new Set(gateways.keys());
  // What was paid through it before can still be given back.
  if (!config.mockPayments) methods.delete("mock");
  else if (config.stripeSecretKey !== undefined) {
    log.warn("tickets can be had for nothing through the mock gateway: set MOCK_PAYMENTS=false where they cost money");
  }
  const payments = new Payments({ book, methods, stepper, clock });
  const inbox = new WebhookInbox({ db, clock });
  const reconciler = new Reconciler({ pool, db, gateways: listed, clock, log, metrics });

  const working = PAYMENT_METHODS.map((method) => new DueWork({ method, agenda, stepper, clock, log }));
  const reconciling = new Poller({
    what: "the reconciliation of payments",
    everyMs: RECONCILE_EVERY_MS,
    clock,
    log,
    async work() {
      await reconciler.reconcileForAll();
      return false;
    },
  });
  const pruning = new Poller({
    what: "deleting old webhooks of gateways",
    everyMs: INBOX_PRUNE_EVERY_MS,
    clock,
    log,
    work: () => inbox.prune(),
  });
  const verifiers = {
    mock: mockVerifier(() => (webhookKey ??= new WebhookKey(mockSecret()))),
    stripe: config.stripeWebhookSecret === undefined ? () => undefined : stripeVerifier(config.stripeWebhookSecret),
  };
  const reconcile = () => reconciler.reconcile();
  const served: Subscription[] = [];

  return {
    async routes(app) {
      await app.register(
        webhookRoutes({ inbox, verifiers, clock, log, look: (payment) => payments.lookBehind(payment) }),
      );
      await app.register(reconciliationRoutes(reconcile));
    },
    reconcile,

    async start() {
      mockSecret();
      await agenda.releaseAll();
      outbox.start();
      const serve = serving(bus, log, "payments");
      served.push(
        serve(START_PAYMENT, (wish) => payments.start(wish)),
        serve(READ_PAYMENT, ({ paymentId, refresh }) => payments.read(paymentId, { refresh })),
        serve(CAPTURE_PAYMENT, ({ paymentId, amount }) => payments.capture(paymentId, amount)),
        serve(VOID_PAYMENT, ({ paymentId, reason }) => payments.void(paymentId, reason)),
        serve(REFUND_PAYMENT, ({ paymentId, refundId, amount, reason }) =>
          payments.refund(paymentId, refundId, amount, reason),
        ),
      );
      for (const each of working) each.start();
      reconciling.start();
      pruning.start();
    },

    async stop() {
      for (const subscription of served.splice(0)) subscription.close();
      reconciler.leaveOff();
      await Promise.all([...working.map((each) => each.stop()), reconciling.stop(), pruning.stop()]);
      reconciler.stop();
      await payments.idle();
      await outbox.stop();
    },
  };
}
