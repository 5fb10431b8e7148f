import { doubledMs } from "../../../platform/back-off/index.ts";
import {
  POLL_MAX_MS,
  POLL_MIN_MS,
  REFUND_POLL_MAX_MS,
  RETRY_MAX_MS,
  RETRY_MS,
  TOLD_AGAIN_MAX_MS,
  TOLD_AGAIN_MIN_MS,
} from "../limits.ts";
import type { PaymentRow, RefundRow } from "../tables.ts";

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

/** Money is reserved, and nobody has said what is to become of it: they may not have heard. */
export const isUnclaimed = ({ state, undo, capture_wanted: amount }: PaymentRow): boolean =>
  state === "authorized" && !undo && amount === null;

/** When a step that went well is followed by the next, or by another look that is told of; null: never. */
export function dueAfter(row: PaymentRow, openRefunds: readonly RefundRow[], now: number): Date | null {
  const step = stepOf(row, openRefunds);
  const age = now - row.created_at.getTime();
  const after = (ms: number, min: number, max: number) => new Date(now + Math.min(Math.max(ms, min), max));
  if (step === undefined) return isUnclaimed(row) ? after(age, TOLD_AGAIN_MIN_MS, TOLD_AGAIN_MAX_MS) : null;
  return step.type === "read" ? after(age / 10, POLL_MIN_MS, POLL_MAX_MS) : new Date(now + RETRY_MS);
}

/** When a step that failed is tried again. */
export const retryAfter = (attempts: number, now: number): Date =>
  new Date(now + doubledMs(RETRY_MS, attempts, RETRY_MAX_MS));

/** When what was asked for at that time, and is under way at its gateway, is looked at again. */
export const pollAfter = (askedAt: Date, now: number): Date =>
  new Date(now + Math.min(Math.max((now - askedAt.getTime()) / 10, POLL_MIN_MS), REFUND_POLL_MAX_MS));
