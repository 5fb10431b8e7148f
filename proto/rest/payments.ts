/** The gateways' webhooks, and what the reconciler has found. */
import { Type, type Static } from "typebox";
import { Id, Money, Timestamp } from "./common.ts";

/** Standard Webhooks, as the mock gateway sends them. */
export const MockWebhookHeaders = Type.Object({
  "webhook-id": Type.String({ description: "The same when it is sent again." }),
  "webhook-timestamp": Type.String({ description: "Seconds since 1970; at most five minutes from our clock." }),
  "webhook-signature": Type.String({ description: "`v1,` and the base64 HMAC-SHA256 of `id.timestamp.body`." }),
});

export const MockWebhook = Type.Object({
  type: Type.String(),
  timestamp: Timestamp,
  data: Type.Object({ id: Type.String(), reference: Type.String({ description: "Our id of the payment." }) }),
});

export const StripeWebhookHeaders = Type.Object({
  "stripe-signature": Type.String({ description: "As Stripe signs events." }),
});

export const StripeWebhook = Type.Object(
  {
    id: Type.String(),
    type: Type.String(),
    data: Type.Object({ object: Type.Object({}, { additionalProperties: true }) }),
  },
  { additionalProperties: true, description: "A Stripe event." },
);

const Side = Type.Union([Type.Object({ state: Type.String(), kept: Money }), Type.Null()], {
  description: "`kept`: captured less refunded. null: this side knows no such payment.",
});

export const PaymentDifference = Type.Object({
  paymentId: Id,
  method: Type.String(),
  gatewayId: Type.Union([Type.String(), Type.Null()]),
  bookingId: Type.Union([Type.String(), Type.Null()], {
    description: "By our books or, where these have lost the payment, by Stripe's metadata. null: neither says.",
  }),
  ours: Side,
  gateways: Side,
});
export type PaymentDifference = Static<typeof PaymentDifference>;

export const Reconciliation = Type.Object({
  at: Timestamp,
  since: Timestamp,
  compared: Type.Integer({ description: "Payments that were looked at." }),
  unreachable: Type.Array(Type.String(), { description: "Gateways that could not be asked." }),
  differences: Type.Array(PaymentDifference),
  truncated: Type.Boolean({
    description: "There may be more differences than are named: settle these, and ask again.",
  }),
});
export type Reconciliation = Static<typeof Reconciliation>;
