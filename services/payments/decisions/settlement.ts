import type { PaymentState } from "../../../proto/services/index.ts";
import type { GatewayRecord } from "../gateways/gateway.ts";
import { dueAfter } from "./steps.ts";
import type { PaymentRow, RefundRow } from "../tables.ts";

/** What a payment becomes when the gateway has told of it. */
export interface Settled {
  readonly state: PaymentState;
  readonly reason: string | null;
  readonly captured: number;
  /** Whatever the gateway has of the payment is to be given back. */
  readonly undo: boolean;
  /** The record cannot be of this payment: somebody should look. */
  readonly mismatch: boolean;
}

/** Why a payment is what it is, where the gateway gives no reason; mails have words for each in every language. */
export const SETTLED_WHY = {
  declined: "The payment was declined.",
  mismatch: "The gateway's record is not of this payment's amount.",
  calledOff: "The gateway has called the payment off.",
  givenBack: "The gateway has given the reservation back.",
} as const;

/**
 * Holds the gateway's record against our row, and decides. Pure. Records may come late and out of order, so one that lags behind
 * what is known already changes nothing; and one that is not about the same money is never believed.
 */
export function settle(row: PaymentRow, record: GatewayRecord): Settled {
  const { state, reason, captured, undo } = row;
  const same: Settled = { state, reason, captured, undo, mismatch: false };
  const holdsMoney = record.state === "authorized" || record.captured > record.refunded;
  const mayHold = holdsMoney || record.state === "pending";
  if (!isOf(row, record)) {
    if (state !== "pending" && state !== "authorized") return { ...same, undo: undo && mayHold, mismatch: true };
    return { ...same, state: "failed", reason: SETTLED_WHY.mismatch, undo: mayHold, mismatch: true };
  }
  if (state === "captured") return same;
  if (state === "failed" || state === "voided") {
    return { ...same, undo: holdsMoney || (undo && mayHold) };
  }
  switch (record.state) {
    case "pending":
      return same;
    case "authorized":
      return row.void_reason === null ? { ...same, state: "authorized" } : { ...same, undo: true };
    case "captured":
      return row.void_reason === null
        ? { ...same, state: "captured", captured: record.captured }
        : { ...same, state: "voided", reason: row.void_reason, undo: holdsMoney };
    case "failed":
      return { ...same, state: "failed", reason: record.reason ?? SETTLED_WHY.declined, undo: false };
    case "voided":
      return { ...same, undo: false, ...calledOff(row) };
  }
}

/** What is written of a payment of which the gateway has this record. @param refunded minor units that have gone back by now */
export function settlementOf(
  before: PaymentRow,
  record: GatewayRecord,
  refunded: number,
  openRefunds: readonly RefundRow[],
  now: number,
) {
  const { mismatch, ...settled } = settle(before, record);
  const ours = record.paymentId === before.id;
  const next = settled.state === "pending" && ours ? (record.next ?? before.next) : null;
  const changes = {
    ...settled,
    ...(settled.state === "captured" && before.state !== "captured" && { captured_at: new Date(now) }),
    refunded,
    attempts: 0,
    gateway_id: ours ? (before.gateway_id ?? record.gatewayId) : before.gateway_id,
    token: ours ? null : before.token,
    next: next && JSON.stringify(next),
  };
  return { mismatch, changes: { ...changes, due_at: dueAfter({ ...before, ...changes, next }, openRefunds, now) } };
}

/** What is told of it, if anything. */
export function outcomeOf(before: PaymentState, after: PaymentState): "payment.success" | "payment.failed" | undefined {
  if (before === after) return undefined;
  return after === "captured" ? "payment.success" : after === "failed" ? "payment.failed" : undefined;
}

/** The gateway has given back less than was told of. */
export const hasSentBack = (row: PaymentRow, { state, refunded }: GatewayRecord): boolean =>
  row.state === "captured" && state === "captured" && refunded < row.refunded;

function calledOff({ state, void_reason: reason }: PaymentRow): Pick<Settled, "state" | "reason"> {
  if (reason !== null) return { state: "voided", reason };
  return state === "pending"
    ? { state: "failed", reason: SETTLED_WHY.calledOff }
    : { state: "voided", reason: SETTLED_WHY.givenBack };
}

/** The same payment and the same money. */
function isOf(row: PaymentRow, { paymentId, gatewayId, amount, captured }: GatewayRecord): boolean {
  return (
    paymentId === row.id &&
    (row.gateway_id === null || row.gateway_id === gatewayId) &&
    amount.amount === row.amount &&
    amount.currency === row.currency &&
    captured <= row.amount
  );
}
