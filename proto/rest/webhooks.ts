/** Webhooks for integrators: which address is told of which events, and how the telling went. */
import { Type, type Static } from "typebox";
import { closed } from "../closed.ts";
import { EVENT_NAMES } from "../events.ts";
import { Id, Page, PageQuery, Timestamp } from "./common.ts";

const EventTypes = Type.Array(Type.Enum([...EVENT_NAMES]), {
  minItems: 1,
  maxItems: EVENT_NAMES.length,
  uniqueItems: true,
  description: "The types of events that it is told of.",
  examples: [["booking.confirmed", "booking.cancelled"]],
});

const WebhookUrl = Type.String({
  minLength: 1,
  maxLength: 2_000,
  pattern: String.raw`^https?://[^\s\p{Cc}\p{Cs}]+$`,
  description:
    "https, without user and fragment; no private, loopback or link-local address, unless the server allows it.",
  examples: ["https://integrator.example/hooks/usher"],
});

const Description = Type.Union([
  Type.String({ maxLength: 200, pattern: String.raw`^[^\p{Cc}\p{Cs}]*$`, examples: ["Accounting"] }),
  Type.Null({ description: "None, as when it is left out." }),
]);

const webhookExample = {
  url: "https://integrator.example/hooks/usher",
  types: ["booking.confirmed", "booking.cancelled"],
  description: "Accounting",
};

export const RegisterWebhookBody = Type.Object(
  { url: WebhookUrl, types: EventTypes, description: Type.Optional(Description) },
  { ...closed, examples: [webhookExample] },
);
export type RegisterWebhookBody = Static<typeof RegisterWebhookBody>;

export const ChangeWebhookBody = Type.Object(
  {
    url: WebhookUrl,
    types: EventTypes,
    description: Type.Optional(Description),
    enabled: Type.Optional(
      Type.Boolean({
        description: "false pauses it. true, which it is when left out, also ends a disabling by failures.",
      }),
    ),
  },
  { ...closed, examples: [{ ...webhookExample, enabled: true }] },
);
export type ChangeWebhookBody = Static<typeof ChangeWebhookBody>;

const webhook = {
  id: Id,
  url: Type.String(),
  types: Type.Array(Type.String()),
  description: Type.Union([Type.String(), Type.Null()]),
  enabled: Type.Boolean(),
  disabledReason: Type.Union([Type.String(), Type.Null()], {
    description: "Why it is told nothing; null while it is.",
  }),
  failingSince: Type.Union([Timestamp, Type.Null()], {
    description: "When the first delivery since the last good one failed. After three days it is disabled.",
  }),
  createdAt: Timestamp,
  updatedAt: Timestamp,
};
export const Webhook = Type.Object(webhook);
export type Webhook = Static<typeof Webhook>;
export const WebhookPage = Page(Webhook);

const Secret = Type.String({
  description: "For the Standard Webhooks signature, shown this once: `whsec_` and the key in base64.",
});
export const WebhookRegistered = Type.Object({ ...webhook, secret: Secret });
export type WebhookRegistered = Static<typeof WebhookRegistered>;

export const WebhookSecret = Type.Object({
  secret: Secret,
  previousUntil: Type.Union([Timestamp, Type.Null()], {
    description: "Until then deliveries are signed with the previous secret too.",
  }),
});
export type WebhookSecret = Static<typeof WebhookSecret>;

const DeliveryStatus = Type.Enum(["pending", "delivered", "failed"], {
  description: "pending: not yet, `nextAttemptAt` says when; failed: given up.",
});

export const WebhookDelivery = Type.Object({
  id: Id,
  eventId: Type.String({ description: "Sent as `webhook-id`: the same in every attempt." }),
  type: Type.String(),
  status: DeliveryStatus,
  attempts: Type.Integer(),
  createdAt: Timestamp,
  lastAttemptAt: Type.Union([Timestamp, Type.Null()]),
  nextAttemptAt: Type.Union([Timestamp, Type.Null()]),
  statusCode: Type.Union([Type.Integer(), Type.Null()], { description: "Of the last attempt, if it was answered." }),
  error: Type.Union([Type.String(), Type.Null()], { description: "Why the last attempt failed." }),
  response: Type.Union([Type.String(), Type.Null()], { description: "The beginning of the last answer's body." }),
});
export type WebhookDelivery = Static<typeof WebhookDelivery>;
export const WebhookDeliveryPage = Page(WebhookDelivery);

export const WebhookDeliveryQuery = Type.Object({ ...PageQuery.properties, status: Type.Optional(DeliveryStatus) });
export type WebhookDeliveryQuery = Static<typeof WebhookDeliveryQuery>;

export const WebhookDeliveryParams = Type.Object({ id: Id, delivery: Id });
