import { LATE_MS, SLOW_MS } from "./limits.ts";

/** How the gateway will treat a payment. */
export interface Plan {
  readonly verdict: "authorized" | "failed";
  readonly decideAt: Date;
  /** How often the webhook of the decision is sent. */
  readonly webhookCopies: number;
  readonly reason: string | null;
}

interface Token {
  /** On the button of the payment page. */
  readonly label: string;
  readonly verdict?: "failed";
  /** From now, or, for those that come late, from the end of the time to pay. */
  readonly delayMs?: number;
  readonly late?: true;
  readonly webhookCopies?: number;
}

/** What a buyer's token makes the gateway do. */
export const TOKENS: Readonly<Record<string, Token>> = {
  tok_ok: { label: "Pay" },
  tok_declined: { label: "Pay with a card that is declined", verdict: "failed" },
  tok_slow: { label: "Pay slowly (10 s)", delayMs: SLOW_MS },
  tok_late: { label: "Pay too late", delayMs: LATE_MS, late: true },
  tok_duplicate: { label: "Pay, and tell the shop three times", webhookCopies: 3 },
  tok_no_webhook: { label: "Pay, and do not tell the shop", webhookCopies: 0 },
};

/** A token that nobody knows is declined, as a card that nobody knows would be. */
export function planOf(name: string, payBy: Date, now: number): Plan {
  const token = Object.hasOwn(TOKENS, name) ? TOKENS[name] : undefined;
  const verdict = token === undefined ? "failed" : (token.verdict ?? "authorized");
  const from = token?.late ? Math.max(payBy.getTime(), now) : now;
  return {
    verdict,
    decideAt: new Date(from + (token?.delayMs ?? 0)),
    webhookCopies: token?.webhookCopies ?? 1,
    reason: verdict === "authorized" ? null : token === undefined ? "The card is not known." : "The card was declined.",
  };
}
