import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PAYMENT_STATES } from "../../../proto/services/index.ts";
import type { GatewayRecord } from "../gateways/gateway.ts";
import { settle } from "./settlement.ts";
import type { PaymentRow } from "../tables.ts";

const AMOUNT = 1_000;

const row: PaymentRow = {
  id: "pay_1",
  booking_id: "bk_1",
  user_id: "u_1",
  method: "mock",
  amount: AMOUNT,
  currency: "EUR",
  description: "",
  pay_by: new Date(0),
  token: null,
  gateway_id: "mp_1",
  next: null,
  state: "pending",
  reason: null,
  captured: 0,
  captured_at: null,
  refunded: 0,
  capture_wanted: null,
  void_reason: null,
  undo: false,
  refusals: 0,
  attempts: 0,
  due_at: null,
  created_at: new Date(0),
};
const record: GatewayRecord = {
  paymentId: "pay_1",
  gatewayId: "mp_1",
  state: "authorized",
  amount: { amount: AMOUNT, currency: "EUR" },
  captured: 0,
  refunded: 0,
  reason: null,
  next: null,
};

const states = fc.constantFrom(...PAYMENT_STATES);
const rows = fc
  .record({ state: states, void_reason: fc.constantFrom(null, "given up"), undo: fc.boolean() })
  .map((changes): PaymentRow => ({ ...row, ...changes, captured: changes.state === "captured" ? AMOUNT : 0 }));
const records = fc
  .record({
    state: states,
    captured: fc.constantFrom(0, 400, AMOUNT),
    amount: fc.constantFrom(AMOUNT, AMOUNT - 1, AMOUNT + 1),
  })
  .map(({ state, captured, amount }): GatewayRecord => ({
    ...record,
    state,
    amount: { amount, currency: "EUR" },
    captured: state === "captured" ? captured : 0,
  }));

describe("what a gateway's record makes of a payment", () => {
  it.each([
    ["another payment's", { paymentId: "pay_2" }],
    ["another of the gateway's", { gatewayId: "mp_2" }],
    ["a cent less", { amount: { amount: AMOUNT - 1, currency: "EUR" } }],
    ["another currency", { amount: { amount: AMOUNT, currency: "USD" } }],
    ["more taken than there is", { state: "captured", captured: AMOUNT + 1 } as const],
  ])("%s is not believed", (_what, changes) => {
    expect(settle(row, { ...record, ...changes })).toMatchObject({ state: "failed", undo: true, mismatch: true });
    expect(settle({ ...row, state: "captured", captured: AMOUNT }, { ...record, ...changes })).toMatchObject({
      state: "captured",
      captured: AMOUNT,
      undo: false,
      mismatch: true,
    });
  });

  it("never goes back, never takes what was given up, and leaves no money at the gateway unasked for", () => {
    const rank = { pending: 0, authorized: 1, captured: 2, failed: 2, voided: 2 };
    fc.assert(
      fc.property(rows, records, (before, told) => {
        const after = settle(before, told);
        expect(rank[after.state]).toBeGreaterThanOrEqual(rank[before.state]);
        if (rank[before.state] === 2) expect(after.state).toBe(before.state);
        if (before.state !== "captured" && after.state === "captured") {
          expect(before.void_reason).toBeNull();
          expect(told).toMatchObject({ state: "captured", amount: { amount: AMOUNT } });
        }
        if (before.state !== "authorized" && after.state === "authorized") {
          expect(before.void_reason).toBeNull();
          expect(told).toMatchObject({ state: "authorized", amount: { amount: AMOUNT } });
        }
        const holds = told.state === "authorized" || told.captured > 0;
        const given = after.state === "failed" || after.state === "voided";
        if (given && holds && !after.mismatch) expect(after.undo).toBe(true);
        if (given && (told.state === "voided" || told.state === "failed")) expect(after.undo).toBe(false);
        expect({ ...settle({ ...before, ...after }, told), mismatch: after.mismatch }).toEqual(after);
      }),
    );
  });
});
