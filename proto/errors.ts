/**
 * One catalogue of every refusal a client can get, over WebSocket and over REST alike.
 * `retryable`: the same request, with the same `rid` or Idempotency-Key, may succeed later without the user doing anything else.
 */
export const ERRORS = {
  BAD_MESSAGE: {
    status: 400,
    retryable: false,
    meaning: "The message or body does not parse, or a field has the wrong type or range.",
  },
  UNAUTHORIZED: { status: 401, retryable: false, meaning: "No valid token: sign in, or refresh the token." },
  FORBIDDEN: { status: 403, retryable: false, meaning: "The token is valid, but its role may not do this." },
  NOT_FOUND: { status: 404, retryable: false, meaning: "No such showtime, seat, category or resource." },
  SEAT_TAKEN: {
    status: 409,
    retryable: false,
    meaning: "One or more of the seats are not free; `seats` names them. Nothing was held.",
  },
  NOT_ENOUGH_SEATS: {
    status: 409,
    retryable: false,
    meaning: "Best available found no seats that fit the wish. Nothing was held.",
  },
  ORPHAN_SEAT: {
    status: 409,
    retryable: false,
    meaning: "The choice would leave a single seat that nobody can buy with company; `seats` names it.",
  },
  ACCESSIBLE_ONLY: {
    status: 409,
    retryable: false,
    meaning: "The seats are kept for wheelchair users and their companions; `seats` names them.",
  },
  LIMIT_REACHED: {
    status: 409,
    retryable: false,
    meaning: "More seats, extensions, watched showtimes or other things than one may have.",
  },
  HOLD_NOT_FOUND: { status: 404, retryable: false, meaning: "No such hold of yours: never made, released, or booked." },
  HOLD_EXPIRED: { status: 410, retryable: false, meaning: "The hold ran out of time and its seats were given back." },
  HOLD_PINNED: { status: 409, retryable: false, meaning: "The hold is being paid for and cannot be changed." },
  BOOKING_NOT_FOUND: { status: 404, retryable: false, meaning: "No such booking." },
  BOOKING_STATE: {
    status: 409,
    retryable: false,
    meaning: "The booking's status does not allow this: it is over, paid already, or a payment is under way.",
  },
  CANCELLATION_CLOSED: {
    status: 409,
    retryable: false,
    meaning: "It is too late to cancel; the showtime says until when.",
  },
  PAYMENT_METHOD_UNAVAILABLE: { status: 422, retryable: false, meaning: "This payment method is not set up here." },
  BAD_SIGNATURE: { status: 400, retryable: false, meaning: "The webhook is not signed by the gateway, or too old." },
  ALREADY_USED: {
    status: 409,
    retryable: false,
    meaning: "The ticket was let in before: `checkedInAt` says when, or `seats` which.",
  },
  BAD_TICKET: { status: 422, retryable: false, meaning: "Not a ticket of ours, a void one, or not for this time." },
  SALE_CLOSED: {
    status: 409,
    retryable: false,
    meaning: "The showtime is not on sale: not yet, no longer, or cancelled.",
  },
  CONFLICT: { status: 409, retryable: false, meaning: "The resource has changed, or one like it exists already." },
  IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    retryable: false,
    meaning: "The Idempotency-Key was used before with another request.",
  },
  IN_PROGRESS: {
    status: 409,
    retryable: true,
    meaning: "The first request with this Idempotency-Key is still running.",
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    retryable: false,
    meaning: "The resource knows no such method; the `Allow` header names those it knows.",
  },
  TOO_LARGE: { status: 413, retryable: false, meaning: "The body is larger than this call takes." },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retryable: false, meaning: "The body must be application/json." },
  RATE_LIMITED: { status: 429, retryable: true, meaning: "Too many requests: wait `retryInMs`." },
  BUSY: { status: 503, retryable: true, meaning: "A queue is full: wait `retryInMs`. Nothing was done." },
  UNAVAILABLE: {
    status: 503,
    retryable: true,
    meaning:
      "The seat's owner cannot be reached or cannot write just now. Whether it was done is known when the same `rid` or, over REST, the same Idempotency-Key is sent again.",
  },
  INTERNAL: {
    status: 500,
    retryable: false,
    meaning: "A defect of ours; the log has it under the problem's `requestId`.",
  },
} as const satisfies Record<string, { status: number; retryable: boolean; meaning: string }>;

export type ErrorCode = keyof typeof ERRORS;

export const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(ERRORS, text);
