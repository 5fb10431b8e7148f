/**
 * The port to whoever moves the money. Adapters: the mock gateway, Stripe, and our own books, where there is none.
 *
 * Semantics: money is authorized first, and taken (captured) or given back (voided) later. Every method may be repeated: the key
 * makes it happen once. Each answers with the gateway's own record, the one thing that is believed.
 */
import type { Money } from "../../../proto/rest/index.ts";
import type { Payment, PaymentState } from "../../../proto/services/index.ts";
import type { PaymentRow } from "../tables.ts";

export interface GatewayOrder {
  readonly paymentId: string;
  readonly bookingId: string;
  readonly amount: Money;
  readonly description: string;
  readonly token: string | null;
  readonly payBy: Date;
  /** When it was ordered first: it may have been asked for ever since. */
  readonly orderedAt: Date;
}

/** A payment that the gateway has, as far as we know: for those without a memory of their own. */
export interface KnownPayment {
  readonly paymentId: string;
  readonly gatewayId: string;
  readonly amount: Money;
  readonly state: PaymentState;
  readonly captured: number;
  readonly refunded: number;
}

export const knownOf = (
  row: Pick<PaymentRow, "id" | "amount" | "currency" | "state" | "captured" | "refunded">,
  gatewayId: string,
): KnownPayment => ({
  paymentId: row.id,
  gatewayId,
  amount: { amount: row.amount, currency: row.currency },
  state: row.state,
  captured: row.captured,
  refunded: row.refunded,
});

/** What the gateway says of a payment. `failed` and `voided` are for good. */
export interface GatewayRecord extends KnownPayment {
  /** Of those that are told which booking a payment is for. */
  readonly bookingId?: string | undefined;
  readonly reason: string | null;
  readonly next: Payment["next"];
}

/** @throws GatewayRefused | GatewayUnavailable */
export interface Gateway {
  /** The key is the payment's id. */
  start(order: GatewayOrder): Promise<GatewayRecord>;
  read(payment: KnownPayment): Promise<GatewayRecord>;
  /** The rest of what was authorized is given back. */
  capture(payment: KnownPayment, amount: number, key: string): Promise<GatewayRecord>;
  void(payment: KnownPayment, key: string): Promise<GatewayRecord>;
  /** `id` stays the same when a refusal makes a new key necessary: a gateway that forgets its keys can tell by it what was made. @throws RefundUnderWay */
  refund(payment: KnownPayment, amount: number, key: string, id: string): Promise<GatewayRecord>;
}

/** One that says what it has, so that ours is compared with it. */
export interface ListedGateway extends Gateway {
  /** All that were started since, and before `until` if it is given; ours only. */
  list(since: Date, until?: Date): AsyncIterable<GatewayRecord>;
}

/** The gateway has said no, and done nothing. The message is for people. */
export class GatewayRefused extends Error {
  override readonly name = "GatewayRefused";
}

/** It was made, and may still fail: what has become of it is known when the same is asked again. */
export class RefundUnderWay extends Error {
  override readonly name = "RefundUnderWay";
}

/** No answer, or none that makes sense: whether it was done is known when the same is asked again with the same key. */
export class GatewayUnavailable extends Error {
  override readonly name = "GatewayUnavailable";
  /** The same key gets the same answer again, whatever was done: that only its record tells. */
  readonly isKept: boolean;

  constructor(message: string, { isKept = false, cause }: { isKept?: boolean; cause?: unknown } = {}) {
    super(message, { cause });
    this.isKept = isKept;
  }
}
