/**
 * What happened, for whoever wants to know: CloudEvents 1.0 as JSON. Each comes at least once, in order for each booking,
 * with an id to tell a repetition by.
 */
import type { Money } from "./money.ts";
import type { TicketType } from "./services/index.ts";

/** `type` of each event, which is its subject on the stream, and what its `data` holds. */
export interface EventData {
  "booking.created": BookingFacts;
  "booking.confirmed": BookingFacts;
  "booking.cancelled": BookingFacts & CancelledFacts;
  "booking.refunded": BookingFacts & { readonly refunded: Money };
  "booking.expired": BookingFacts;
  "booking.failed": BookingFacts;
  "payment.success": PaymentFacts;
  "payment.failed": PaymentFacts;
  "payment.refund": PaymentFacts & { readonly refundId: string; readonly refund: Money };
  "ticket.issued": TicketFacts;
  "showtime.changed": ShowtimeFacts;
  "showtime.cancelled": ShowtimeFacts;
  "user.deleted": { readonly userId: string };
}

export type EventName = keyof EventData;

export const EVENT_NAMES = [
  "booking.created",
  "booking.confirmed",
  "booking.cancelled",
  "booking.refunded",
  "booking.expired",
  "booking.failed",
  "payment.success",
  "payment.failed",
  "payment.refund",
  "ticket.issued",
  "showtime.changed",
  "showtime.cancelled",
  "user.deleted",
] as const satisfies readonly EventName[];

export interface BookingFacts {
  readonly bookingId: string;
  /** The later of a booking's events has the greater one, whatever `time` says, which is a process's clock; earlier versions did not say. */
  readonly version?: number;
  readonly userId: string;
  readonly showtimeId: string;
  readonly status: string;
  /** Why it is in that status, a sentence for the buyer; `null` where there is nothing to say. */
  readonly reason: string | null;
  /** Those that it still has, or had before all were given back. */
  readonly seats: readonly number[];
  /** Of these seats. */
  readonly total: Money;
}

export interface CancelledFacts {
  readonly cancelledSeats: readonly number[];
  /** The same with what they were sold for; earlier versions did not say. */
  readonly cancelledTickets?: readonly {
    readonly seat: number;
    readonly label: string;
    readonly type: TicketType;
    readonly price: Money;
  }[];
  /** The user who cancelled it, where that was not the buyer. */
  readonly by?: string;
  /** Whether there is money that goes back; earlier versions did not say. */
  readonly paid?: boolean;
}

export interface PaymentFacts {
  readonly paymentId: string;
  readonly bookingId: string;
  readonly method: string;
  /** What was taken; of one that failed, what was to be taken. */
  readonly amount: Money;
  /** Why it failed, for people; `null` when it did not. */
  readonly reason: string | null;
}

export interface TicketFacts {
  readonly bookingId: string;
  readonly userId: string;
  readonly showtimeId: string;
  readonly tickets: readonly { readonly ticketId: string; readonly seat: number }[];
}

export interface ShowtimeFacts {
  readonly showtimeId: string;
  readonly movieId: string;
}

/** CloudEvents 1.0, JSON format; `subject` is the id that order is kept for (the booking's, the showtime's, the user's). */
export type DomainEvent<Name extends EventName = EventName> = {
  [Each in Name]: {
    readonly specversion: "1.0";
    readonly id: string;
    /** The service that says so, such as `/usher/bookings`. */
    readonly source: string;
    readonly type: Each;
    readonly subject: string;
    /** ISO 8601, UTC. */
    readonly time: string;
    readonly datacontenttype: "application/json";
    readonly data: EventData[Each];
  };
}[Name];
