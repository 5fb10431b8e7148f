import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import { Stripe } from "stripe";
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { parsedJson } from "../../../platform/json/index.ts";
import { WEBHOOK_TOLERANCE_MS } from "../limits.ts";
import type { WebhookKey } from "./webhook-key.ts";

/** What a webhook is believed: that there is something to look at. */
export interface Notice {
  /** The webhook's, by which a repetition is known. */
  readonly id: string;
  /** The payment it is about, if it is about one of ours. */
  readonly payment?: { readonly paymentId: string; readonly gatewayId: string };
}

/** @returns undefined when the gateway has not signed it, or not just now */
export type WebhookVerifier = (headers: IncomingHttpHeaders, body: Buffer, now: number) => Notice | undefined;

const Id = Type.String({ pattern: "^[A-Za-z0-9_-]{1,64}$" });
const MockEvent = Compile(Type.Object({ data: Type.Object({ id: Id, reference: Id }) }));

export const mockVerifier =
  (key: () => WebhookKey): WebhookVerifier =>
  (headers, bytes, now) => {
    const body = textOf(bytes);
    const id = body === undefined ? undefined : key().verify(headers, body, now);
    if (body === undefined || id === undefined) return undefined;
    const event = parsedJson(body);
    if (!MockEvent.Check(event)) return { id };
    return { id, payment: { paymentId: event.data.reference, gatewayId: event.data.id } };
  };

const Intent = Type.Object({
  object: Type.Literal("payment_intent"),
  id: Id,
  metadata: Type.Object({ paymentId: Id }),
});
/** Those that we have made name the payment. */
const Refund = Type.Object({
  object: Type.Literal("refund"),
  payment_intent: Id,
  metadata: Type.Object({ paymentId: Id }),
});
const Signed = Compile(Type.Object({ id: Id }));
const StripeEvent = Compile(Type.Object({ data: Type.Object({ object: Type.Union([Intent, Refund]) }) }));

export const stripeVerifier =
  (secret: string): WebhookVerifier =>
  (headers, bytes, now) => {
    const signature = headers["stripe-signature"];
    const body = textOf(bytes);
    if (typeof signature !== "string" || body === undefined) return undefined;
    // Stripe's verifier lets times pass that lie ahead, and reads `1700000000x` as one.
    const at = /^t=(\d{1,12}),/.exec(signature)?.[1];
    if (at === undefined || Number(at) * 1000 - now > WEBHOOK_TOLERANCE_MS) return undefined;
    const event = verified(body, signature, secret, now);
    if (event === undefined || !Signed.Check(event)) return undefined;
    if (!StripeEvent.Check(event)) return { id: event.id };
    const about: Static<typeof Intent> | Static<typeof Refund> = event.data.object;
    const gatewayId = about.object === "refund" ? about.payment_intent : about.id;
    return { id: event.id, payment: { paymentId: about.metadata.paymentId, gatewayId } };
  };

function verified(body: string, signature: string, secret: string, now: number): Stripe.Event | undefined {
  try {
    return Stripe.webhooks.constructEvent(body, signature, secret, WEBHOOK_TOLERANCE_MS / 1000, undefined, now);
  } catch {
    return undefined; // It throws many kinds of errors, for headers that nobody sends by mistake.
  }
}

/** Exactly what was signed: bytes that are no UTF-8 would be read as others. */
const textOf = (bytes: Buffer): string | undefined => (isUtf8(bytes) ? bytes.toString("utf8") : undefined);
