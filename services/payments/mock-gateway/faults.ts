import { type Static, Type } from "typebox";
import { closed } from "../../../proto/rest/index.ts";

/** What goes wrong on demand, until it is told to stop: for tests, and for whoever wants to see the shop bear it. */
export const Faults = Type.Object(
  {
    /** What happens to answers: a 500, another body than promised, none after the work is done, or one after `delayMs`. */
    answers: Type.Optional(
      Type.Union([Type.Literal("error"), Type.Literal("nonsense"), Type.Literal("lost"), Type.Literal("slow")]),
    ),
    delayMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 600_000 })),
    /** Added to every amount that it tells. */
    lieBy: Type.Optional(Type.Integer()),
    /** Tells this currency in place of the true one. */
    lieCurrency: Type.Optional(Type.String({ pattern: "^[A-Z]{3}$" })),
    /** Every webhook is sent at least so often. */
    webhookCopies: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    /** Each waits a random time up to this, so that they overtake each other. */
    shuffleWebhooksMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
  },
  closed,
);
export type Faults = Static<typeof Faults>;
