/** What `payments` does for bookings. Every request may be repeated: ids make it happen once. */
import type { Money } from "../money.ts";
import { type Endpoint, plainCodec, type Topic } from "../subject.ts";
import type { ServiceAnswer } from "./answer.ts";

export const PAYMENT_METHODS = ["mock", "stripe", "terminal"] as const;
export type PaymentMethod = (typeof PAYMENT_METHODS)[number];

/**
 * `pending`: the gateway has not decided. `authorized`: the money is reserved, not taken. `captured`: taken (less what was refunded).
 * `failed`: declined or given up, no money moved. `voided`: the reservation was given back before it was taken.
 */
export const PAYMENT_STATES = ["pending", "authorized", "captured", "failed", "voided"] as const;
export type PaymentState = (typeof PAYMENT_STATES)[number];

export interface Payment {
  readonly paymentId: string;
  readonly bookingId: string;
  readonly method: PaymentMethod;
  readonly state: PaymentState;
  readonly amount: Money;
  /** Minor units. */
  readonly captured: number;
  /** When it was captured, ISO 8601; left out where that is not known, as of what an earlier version did. */
  readonly capturedAt?: string;
  readonly refunded: number;
  /** In the answer to a refund: when that one was done, likewise. */
  readonly doneAt?: string;
  /** Why it failed, for people. */
  readonly reason: string | null;
  /** What the buyer does next: opens `url`, or hands `clientSecret` to Stripe's elements. */
  readonly next: { readonly url: string } | { readonly clientSecret: string } | null;
}

export interface PaymentStart {
  readonly paymentId: string;
  readonly bookingId: string;
  readonly userId: string;
  readonly method: PaymentMethod;
  /** The gateway's; with none the buyer chooses on the gateway's page. */
  readonly token: string | null;
  readonly amount: Money;
  /** When the booking's time to pay ends, ISO 8601. */
  readonly payBy: string;
  /** What the gateway shows the buyer. */
  readonly description: string;
}

const endpoint = <Question>(name: string): Endpoint<Question, ServiceAnswer<Payment>> => ({
  name: `payments.${name}`,
  question: plainCodec(),
  answer: plainCodec(),
});

/** The row is written before the gateway is asked. The same `paymentId` again answers what has become of it. */
export const START_PAYMENT = endpoint<PaymentStart>("start");
/** What is known now; `refresh` asks the gateway first. */
export const READ_PAYMENT = endpoint<{ readonly paymentId: string; readonly refresh: boolean }>("read");
/** Takes `amount` (minor units, at most what was authorized). CONFLICT when it is not authorized any more. */
export const CAPTURE_PAYMENT = endpoint<{ readonly paymentId: string; readonly amount: number }>("capture");
/**
 * Gives up a payment: voids what is authorized, and whatever the gateway authorizes later. Once captured: CONFLICT, refund instead; so it is
 * with a terminal's, whose money was taken before anybody was told: it is captured by this.
 */
export const VOID_PAYMENT = endpoint<{ readonly paymentId: string; readonly reason: string }>("void");
/** Gives back `amount` minor units of what was captured, once for each `refundId`. */
export const REFUND_PAYMENT = endpoint<{
  readonly paymentId: string;
  readonly refundId: string;
  readonly amount: number;
  readonly reason: string;
}>("refund");

/** A payment's state has changed: a hint, so that nobody waits for the next poll. */
export const PAYMENT_CHANGED: Topic<{
  readonly paymentId: string;
  readonly bookingId: string;
  readonly state: PaymentState;
}> = { name: "payments.changed", codec: plainCodec() };
