/**
 * `pending`: seats pinned, not paid. `paying`: a payment is under way. `confirmed`: paid, seats booked. `cancelled`: given back by the buyer,
 * whatever was paid refunded. `refunded`: the sale could not be kept, the money went back. `expired`: not paid in time. `failed`: could not be sold.
 */
export const BOOKING_STATUSES = [
  "pending",
  "paying",
  "confirmed",
  "cancelled",
  "refunded",
  "expired",
  "failed",
] as const;
export type BookingStatus = (typeof BOOKING_STATUSES)[number];
