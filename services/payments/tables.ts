/** The tables of the schema `payments`, as Kysely needs them. */
import { type Generated, type JSONColumnType, type Selectable, sql } from "kysely";
import type { Fixed } from "../../platform/postgres/index.ts";
import type { Payment, PaymentMethod, PaymentState } from "../../proto/services/index.ts";

export const PAYMENTS_SCHEMA = "payments";

export interface PaymentsTables {
  payment: PaymentTable;
  refund: RefundTable;
  /** Webhooks that were taken, by the gateway's id of each. */
  webhook: { gateway: Fixed<string>; id: Fixed<string>; received_at: Fixed<Date> };
}

export interface PaymentTable {
  id: Fixed<string>;
  booking_id: Fixed<string>;
  user_id: Fixed<string>;
  method: Fixed<PaymentMethod>;
  /** Minor units. */
  amount: Fixed<number>;
  currency: Fixed<string>;
  description: Fixed<string>;
  pay_by: Fixed<Date>;
  /** The buyer's; forgotten once the gateway has it. */
  token: string | null;
  gateway_id: string | null;
  next: JSONColumnType<NonNullable<Payment["next"]>> | null;
  state: PaymentState;
  reason: string | null;
  captured: Generated<number>;
  /** When that was; null also of what was taken before this was written down. */
  captured_at: Generated<Date | null>;
  refunded: Generated<number>;
  /** Minor units that are to be taken, from when bookings said so. */
  capture_wanted: number | null;
  /** Why bookings gave it up. */
  void_reason: string | null;
  /** Whatever the gateway has reserved or taken is still to be given back. */
  undo: Generated<boolean>;
  /** How often the gateway has not taken it, or not given it back, and would only say so again: each time is a new request, with a new key. */
  refusals: Generated<number>;
  /** Steps begun since the last that went well. */
  attempts: Generated<number>;
  /** When the next step is due; null: nothing is open. */
  due_at: Date | null;
  created_at: Fixed<Date>;
}

export interface RefundTable {
  id: Fixed<string>;
  payment_id: Fixed<string>;
  amount: Fixed<number>;
  reason: Fixed<string>;
  state: "open" | "done";
  refusals: Generated<number>;
  /** When it was told of as done, as `captured_at`. */
  done_at: Generated<Date | null>;
  /** When the gateway had less given back than was told of, so that it was opened again; it is not told of twice. */
  again_at: Generated<Date | null>;
  /** When its gateway was last asked whether it is still done, after its payment was too old for the comparison of lists. */
  looked_at: Generated<Date | null>;
  created_at: Fixed<Date>;
}

export type PaymentRow = Selectable<PaymentTable>;
/** As it was when it was read: whoever has written it since has given it another `revision`, which is PostgreSQL's `xmin`. */
export type SeenPayment = PaymentRow & { readonly revision: string };
export const REVISION = sql<string>`payment.xmin::text`.as("revision");
/** Nobody has written it since. */
export const isUnchanged = (revision: string) => sql<boolean>`payment.xmin = ${revision}::xid`;
export type RefundRow = Selectable<RefundTable>;
