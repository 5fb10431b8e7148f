/** Every bound of the core, so that no showtime's state grows without end. */
export const CORE_LIMITS = {
  seatsMax: 65_536,
  categoriesMax: 255,
  categoryIdLengthMax: 64,
  /** Holder records of one showtime: those with seats, or with a hold clock that still runs. Past it new holders hear `BUSY`. */
  holdersMax: 1_000_000,
  /** What a `BUSY` holder waits before asking again. */
  busyRetryMs: 1_000,
  /** Records looked at, after every event, for having nothing left to remember. */
  holdersSweptPerEvent: 2,
  /** First answers kept for repeats of their requests: so many, and for so long. */
  answersMax: 65_536,
  answerAgeMs: 10 * 60_000,
  answersSweptPerEvent: 2,
  /** Answers compared before a request is called new: nobody gains by choosing request ids that collide. */
  answersComparedMax: 64,
  /** Row parts, over all wishes, whose nearest group is remembered; past it all are looked for anew. */
  partGroupsMax: 32_768,
  /** Expired holds remembered, to tell "too late" from "never was". */
  expiredHoldsMax: 16_384,
  /** How often a holder may move the end of a hold, in sales that open now; `HOLD_MAX_SECONDS` bounds it as well. */
  extensionsMax: 5,
  /** From the end of a showtime and its sale until it is archived; cancelling a booking gives no seat back from then on. */
  archiveAfterMs: 24 * 3_600_000,
  /** Cancelled bookings remembered, so that a late confirm does not bring one back. */
  cancelledBookingsMax: 16_384,
} as const;
