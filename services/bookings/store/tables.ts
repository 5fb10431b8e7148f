/** The tables of the schema `bookings`, as Kysely needs them. */
import type { ColumnType, JSONColumnType } from "kysely";
import type { Fixed } from "../../../platform/postgres/index.ts";
import type { BookingStatus } from "../../../proto/services/index.ts";
import type { BookedSeat, CancelledSeat, PaymentAttempt, Refund, Step } from "../saga/booking.ts";

export const BOOKINGS_SCHEMA = "bookings";

export interface BookingsTables {
  booking: BookingTable;
  cancelled_showtime: { showtime_id: string };
}

/** The saga's state; see `saga/booking.ts`. */
export interface BookingTable {
  id: string;
  /** A default makes those of bookings from before. */
  secret: Fixed<string>;
  user_id: string;
  desk: Fixed<boolean>;
  showtime_id: string;
  title: string;
  hold_id: string;
  status: BookingStatus;
  reason: string | null;
  seats: JSONColumnType<BookedSeat[]>;
  cancelled_by: string | null;
  cancelled: JSONColumnType<CancelledSeat[]>;
  accept_other_seats: boolean;
  pay_by: Date;
  payment: JSONColumnType<PaymentAttempt> | null;
  failed_payments: number;
  /** Minor units; a `bigint` is read as text. */
  refunded: ColumnType<string, number, number>;
  refunds: JSONColumnType<Refund[]>;
  cancellations: string[];
  steps: JSONColumnType<Step[]>;
  tries: number;
  due_at: Date | null;
  /** Seats or money are on their way back: see `isUndoing`. */
  undoing: boolean;
  /** Whoever advances the booking has it to itself until then. */
  lease_until: Date | null;
  /** Its showtime was cancelled, which is yet to be dealt with. */
  called_off: boolean;
  /** Counts the writes: one that rests on an older version is refused. */
  version: number;
  created_at: Fixed<Date>;
  /** When the buyer last saw a change. */
  updated_at: Date;
}
