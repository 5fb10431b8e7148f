import { POLL_MAX_MS, POLL_MIN_MS, RETRY_MAX_MS, RETRY_MS } from "./limits.ts";
import type { PaymentRow, RefundRow } from "./tables.ts";

/** What is to be done next with the gateway. */
export type Step =
  | { readonly type: "start" }
  | { readonly type: "read"; readonly gatewayId: string }
  | { readonly type: "undo"; readonly gatewayId: string }
  | { readonly type: "capture"; readonly gatewayId: string; readonly amount: number }
  | { readonly type: "refund"; readonly gatewayId: string; readonly refund: RefundRow };

/** Pure. Undefined: nothing is open. A payment of which no gateway has told us may be with one: it is started, with the same key, before all else. */
export function stepOf(row: PaymentRow, openRefunds: readonly RefundRow[]): Step | undefined {
  const { state, gateway_id: gatewayId, undo, capture_wanted: amount } = row;
  if (gatewayId === null) return state === "pending" ? { type: "start" } : undefined;
  if (undo) return { type: "undo", gatewayId };
  if (state === "pending") return { type: "read", gatewayId };
  if (state === "authorized" && amount !== null) return { type: "capture", gatewayId, amount };
  const [refund] = openRefunds;
  return refund === undefined ? undefined : { type: "refund", gatewayId, refund };
}

/** When a step that went well is followed by the next; null: never. */
export function dueAfter(row: PaymentRow, openRefunds: readonly RefundRow[], now: number): Date | null {
  const step = stepOf(row, openRefunds);
  if (step === undefined) return null;
  if (step.type !== "read") return new Date(now + RETRY_MS);
  const age = now - row.created_at.getTime();
  return new Date(now + Math.min(Math.max(age / 10, POLL_MIN_MS), POLL_MAX_MS));
}

/** When a step that failed is tried again. */
export const retryAfter = (attempts: number, now: number): Date =>
  new Date(now + Math.min(RETRY_MS * 2 ** Math.min(attempts, 16), RETRY_MAX_MS));
