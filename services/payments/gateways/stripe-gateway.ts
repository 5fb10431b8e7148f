import { Stripe } from "stripe";
import type { Clock } from "../../../platform/clock/index.ts";
import { CLOCKS_APART_MAX_MS, GATEWAY_TIMEOUT_MS, KEY_TRUSTED_MS } from "../limits.ts";
import {
  type GatewayOrder,
  type GatewayRecord,
  GatewayRefused,
  GatewayUnavailable,
  type KnownPayment,
  type ListedGateway,
  RefundUnderWay,
} from "./gateway.ts";

const PAGE = 100;
/** A refund shows at the charge. */
const WITH_CHARGE = { expand: ["latest_charge"] };

interface Options {
  readonly secretKey: string;
  /** Such as `https://api.stripe.com`. */
  readonly apiUrl: string;
  readonly clock: Clock;
}

/**
 * PaymentIntents with manual capture. With a token (`pm_...` or `tok_...`) the intent is confirmed at once; without one, or when
 * the bank wants to see the buyer first, the buyer's browser goes on with the client secret.
 */
export class StripeGateway implements ListedGateway {
  readonly #stripe: Stripe;
  readonly #clock: Clock;

  constructor({ secretKey, apiUrl, clock }: Options) {
    this.#clock = clock;
    const { protocol, hostname, port } = new URL(apiUrl);
    this.#stripe = new Stripe(secretKey, {
      host: hostname,
      protocol: protocol === "http:" ? "http" : "https",
      port: port === "" ? (protocol === "http:" ? 80 : 443) : Number(port),
      timeout: GATEWAY_TIMEOUT_MS,
      maxNetworkRetries: 0, // We ask again ourselves, and after a crash too.
      telemetry: false,
    });
  }

  /** An intent outlives its key, see `refund`: where that may be forgotten, it is looked first whether it was made. */
  async start({ paymentId, bookingId, amount, description, token, orderedAt }: GatewayOrder): Promise<GatewayRecord> {
    if (this.#clock.now() - orderedAt.getTime() > KEY_TRUSTED_MS) {
      const made = await this.#intentOf(paymentId, orderedAt);
      if (made !== undefined) return this.#read(made.id);
    }
    const card = token === null ? undefined : cardOf(token);
    const order: Stripe.PaymentIntentCreateParams = {
      amount: amount.amount * unitOf(amount.currency),
      currency: amount.currency.toLowerCase(),
      capture_method: "manual",
      description,
      metadata: { paymentId, bookingId, confirmed: card === undefined ? "by-buyer" : "at-once" },
      automatic_payment_methods: { enabled: true, allow_redirects: card === undefined ? "always" : "never" },
      ...(card && { ...card, confirm: true }),
    };
    try {
      return await this.#record(await this.#stripe.paymentIntents.create(order, { idempotencyKey: paymentId }));
    } catch (error) {
      // A card that is declined at once: the intent comes with the error.
      if (error instanceof Stripe.errors.StripeCardError && error.payment_intent !== undefined) {
        return this.#read(error.payment_intent.id);
      }
      throw translated(error);
    }
  }

  read({ gatewayId }: KnownPayment): Promise<GatewayRecord> {
    return this.#read(gatewayId);
  }

  capture({ gatewayId, amount: { currency } }: KnownPayment, amount: number, key: string): Promise<GatewayRecord> {
    const order = { amount_to_capture: amount * unitOf(currency), ...WITH_CHARGE };
    return this.#ask((stripe) => stripe.paymentIntents.capture(gatewayId, order, { idempotencyKey: key }));
  }

  void({ gatewayId }: KnownPayment, key: string): Promise<GatewayRecord> {
    return this.#ask((stripe) => stripe.paymentIntents.cancel(gatewayId, WITH_CHARGE, { idempotencyKey: key }));
  }

  /**
   * Keys are forgotten after a day (https://docs.stripe.com/api/idempotent_requests), refunds never: so it is looked first whether it was made.
   * It has succeeded at once or days later, and may fail even after that (https://docs.stripe.com/refunds#failed-refunds).
   */
  async refund(
    { paymentId, gatewayId, amount: { currency } }: KnownPayment,
    amount: number,
    key: string,
    id: string,
  ): Promise<GatewayRecord> {
    const metadata = { paymentId, refundId: id, key };
    const order = { payment_intent: gatewayId, amount: amount * unitOf(currency), metadata };
    const made =
      (await this.#refundOf(gatewayId, id, key)) ??
      (await translating(() => this.#stripe.refunds.create(order, { idempotencyKey: key })));
    if (hasFailed(made)) throw new GatewayRefused(`Stripe could not refund it: ${made.failure_reason ?? made.status}.`);
    if (made.status !== "succeeded") throw new RefundUnderWay(`Stripe's refund ${made.id} is ${made.status}.`);
    return this.#read(gatewayId);
  }

  /** One that has not failed, or else that of this very key: it would only be given again. */
  async #refundOf(gatewayId: string, id: string, key: string): Promise<Stripe.Refund | undefined> {
    return translating(async () => {
      let ofThisKey: Stripe.Refund | undefined;
      for await (const refund of this.#stripe.refunds.list({ payment_intent: gatewayId, limit: PAGE })) {
        const { refundId, key: itsKey } = refund.metadata ?? {};
        if (refundId !== id) continue;
        if (!hasFailed(refund)) return refund;
        if (itsKey === key) ofThisKey = refund;
      }
      return ofThisKey;
    });
  }

  async *list(since: Date, until?: Date): AsyncIterable<GatewayRecord> {
    const intents = this.#stripe.paymentIntents.list({
      created: { gte: Math.floor(since.getTime() / 1000), ...(until && { lt: Math.floor(until.getTime() / 1000) }) },
      limit: PAGE,
      expand: ["data.latest_charge"],
    });
    try {
      for await (const intent of intents) {
        if (intent.metadata["paymentId"] !== undefined) yield recordOf(intent);
      }
    } catch (error) {
      throw translated(error);
    }
  }

  async #intentOf(paymentId: string, orderedAt: Date): Promise<Stripe.PaymentIntent | undefined> {
    const created = { gte: Math.floor((orderedAt.getTime() - CLOCKS_APART_MAX_MS) / 1000) };
    return translating(async () => {
      for await (const intent of this.#stripe.paymentIntents.list({ created, limit: PAGE })) {
        if (intent.metadata["paymentId"] === paymentId) return intent;
      }
      return undefined;
    });
  }

  #read(id: string): Promise<GatewayRecord> {
    return this.#ask((stripe) => stripe.paymentIntents.retrieve(id, WITH_CHARGE));
  }

  #ask(request: (stripe: Stripe) => Promise<Stripe.PaymentIntent>): Promise<GatewayRecord> {
    return translating(async () => this.#record(await request(this.#stripe)));
  }

  /** An intent that was declined could be confirmed again with its client secret: it is `failed` only once it is canceled. */
  async #record(intent: Stripe.PaymentIntent): Promise<GatewayRecord> {
    const declined =
      intent.status === "requires_payment_method" &&
      intent.last_payment_error !== null &&
      intent.metadata["confirmed"] === "at-once";
    if (!declined) return recordOf(intent);
    const idempotencyKey = `${intent.id}-declined`;
    return recordOf(await this.#stripe.paymentIntents.cancel(intent.id, WITH_CHARGE, { idempotencyKey }));
  }
}

const hasFailed = ({ status }: Stripe.Refund): boolean => status === "failed" || status === "canceled";

const cardOf = (token: string) =>
  token.startsWith("tok_")
    ? { payment_method_data: { type: "card" as const, card: { token } } }
    : { payment_method: token };

function recordOf(intent: Stripe.PaymentIntent): GatewayRecord {
  const { id, metadata, amount, currency, amount_received: captured, latest_charge: charge } = intent;
  const state = stateOf(intent);
  const unit = unitOf(currency.toUpperCase());
  const waits = intent.status === "requires_payment_method" || intent.status === "requires_action";
  return {
    paymentId: metadata["paymentId"] ?? "",
    bookingId: metadata["bookingId"],
    gatewayId: id,
    state,
    amount: { amount: amount / unit, currency: currency.toUpperCase() },
    captured: state === "captured" ? captured / unit : 0,
    refunded: typeof charge === "object" && charge !== null ? refundedOf(charge, state) / unit : 0,
    reason: state === "failed" ? (intent.last_payment_error?.message ?? "The card was declined.") : null,
    next: waits && intent.client_secret !== null ? { clientSecret: intent.client_secret } : null,
  };
}

/** Stripe books the part of an authorization that was not captured as refunded, too. */
const refundedOf = (charge: Stripe.Charge, state: GatewayRecord["state"]): number =>
  state === "captured" ? Math.max(0, charge.amount_refunded - (charge.amount - charge.amount_captured)) : 0;

/**
 * Stripe's units in one of ours: to it these currencies have two decimals still, always 00 (https://docs.stripe.com/currencies#special-cases),
 * and by ISO 4217 none.
 */
export const unitOf = (currency: string): number => (currency === "ISK" || currency === "UGX" ? 100 : 1);

function stateOf({ status, last_payment_error: error }: Stripe.PaymentIntent): GatewayRecord["state"] {
  switch (status) {
    case "requires_capture":
      return "authorized";
    case "succeeded":
      return "captured";
    case "canceled":
      return error === null ? "voided" : "failed";
    default:
      return "pending";
  }
}

async function translating<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw translated(error);
  }
}

/**
 * https://docs.stripe.com/api/errors: a 400, 402 or 404 is a no; all else says nothing of what was done. A 500 is kept under its key for a
 * day (https://docs.stripe.com/api/idempotent_requests).
 */
function translated(error: unknown): unknown {
  const { errors } = Stripe;
  if (error instanceof errors.StripeCardError || error instanceof errors.StripeInvalidRequestError) {
    return new GatewayRefused(error.message, { cause: error });
  }
  if (error instanceof errors.StripeError) {
    return new GatewayUnavailable(error.message, { isKept: (error.statusCode ?? 0) >= 500, cause: error });
  }
  return error;
}
