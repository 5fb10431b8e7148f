/** A booking as the saga knows it, and what may happen to it. */
import { isDeepStrictEqual } from "node:util";
import type { ErrorCode, EventData } from "../../../proto/index.ts";
import type { BookingStatus, Payment, PaymentMethod, PaymentState, TicketType } from "../../../proto/services/index.ts";
import type { Money } from "../../../proto/rest/index.ts";

export interface BookedSeat {
  readonly seat: number;
  readonly label: string;
  /** Id of its category. */
  readonly category: string;
  readonly type: TicketType;
  readonly price: Money;
}

/** A seat that was given back while others were kept. */
export interface CancelledSeat extends BookedSeat {
  /** By which its price goes back. */
  readonly refundId: string;
  readonly cancelledBy: string | null;
}

/** The payment begun last; one that failed makes room for the next. */
export interface PaymentAttempt {
  readonly id: string;
  readonly method: PaymentMethod;
  readonly state: PaymentState;
  readonly next: Payment["next"];
  /** Minor units that were taken, and when, ISO 8601; not known of what was taken before this was kept. */
  readonly captured?: number;
  readonly capturedAt?: string;
  /** We do not want this money any more, and have said so. */
  readonly givenUp: boolean;
}

/** Money that was taken, and has gone back. */
export interface Refund {
  readonly id: string;
  /** Minor units. */
  readonly amount: number;
  /** ISO 8601. */
  readonly doneAt: string;
}

/**
 * What is to be done next, in this order. A step is in the booking's row before it is done, and may be done twice: the ids it
 * carries, and those derived from the booking's, make it happen once.
 */
export type Step =
  /** The engine keeps the held seats for the time of the payment. */
  | { readonly do: "pin" }
  /** `payments` asks the gateway for the money. */
  | { readonly do: "start"; readonly token: string | null }
  /** What has become of the payment? */
  | { readonly do: "watch" }
  /** The engine books the seats durably; should the hold be over, if all of them are still free. */
  | { readonly do: "confirm" }
  /** As many neighbouring seats of the same category in place of those that are gone. */
  | { readonly do: "reseat" }
  /** `payments` takes the money. */
  | { readonly do: "capture" }
  /** The engine frees the seats: all, or those named. */
  | { readonly do: "release"; readonly id: string; readonly seats?: readonly number[] }
  /** `payments` gives up the payment. */
  | { readonly do: "void" }
  /** `payments` gives back so many minor units. */
  | { readonly do: "refund"; readonly id: string; readonly amount: number };

/** Instants in milliseconds since 1970. */
export interface Booking {
  readonly id: string;
  /**
   * Ours alone. The saga asks the engine in the buyer's name, and of this are made the ids of its requests: were they to be
   * guessed, the buyer could use them up, and the engine would answer the saga with what it had answered the buyer.
   */
  readonly secret: string;
  readonly userId: string;
  /** The user is a device that serves many: what it sold to others counts against no limit of its seats. */
  readonly desk: boolean;
  readonly showtimeId: string;
  /** The movie's, for the gateway's page. */
  readonly title: string;
  readonly holdId: string;
  readonly status: BookingStatus;
  /** For the buyer. */
  readonly reason: string | null;
  /** Those that are the buyer's; of a booking that is over, those that were. */
  readonly seats: readonly BookedSeat[];
  /** The user who cancelled it; null where that was its own, or nobody. */
  readonly cancelledBy: string | null;
  /** Those that were given back before, in that order: they are in `seats` no more. */
  readonly cancelled: readonly CancelledSeat[];
  readonly acceptOtherSeats: boolean;
  readonly payBy: number;
  readonly payment: PaymentAttempt | null;
  /** Payments that were declined, or refused; those of a method that is not set up are none. */
  readonly failedPayments: number;
  /** Minor units that have gone back to the buyer. */
  readonly refunded: number;
  /** Those of it that were taken before; not known of bookings from before this was kept. */
  readonly refunds: readonly Refund[];
  /** The cancellations carried out, by id, so that a repeated one changes nothing. */
  readonly cancellations: readonly string[];
  readonly steps: readonly Step[];
  /** Tries of the first step, or looks at a payment, that have settled nothing yet. */
  readonly tries: number;
  /** When somebody must look at it; null when there is nothing left to do. */
  readonly dueAt: number | null;
  readonly createdAt: number;
}

export type Fact =
  | { readonly type: "pinned"; readonly seats: readonly number[]; readonly expiresInMs: number }
  | { readonly type: "pay"; readonly paymentId: string; readonly method: PaymentMethod; readonly token: string | null }
  /** Nobody was there to be asked for the payment: it was not begun. */
  | { readonly type: "not-begun" }
  | { readonly type: "payment"; readonly payment: Payment }
  | { readonly type: "confirmed"; readonly holdId: string }
  | { readonly type: "reseated"; readonly holdId: string; readonly seats: readonly BookedSeat[] }
  | { readonly type: "released"; readonly id: string }
  | { readonly type: "refunded"; readonly id: string; readonly amount: number; readonly doneAt?: string }
  /** The step cannot be done, and asking again would not help. */
  | {
      readonly type: "refused";
      readonly step: Step["do"];
      /** See `subjectOf`. */
      readonly about: string | undefined;
      readonly code: ErrorCode;
      readonly message: string;
    }
  /** No answer: whether the step was done is not known. Heard: whoever was asked has said that it is not done yet. */
  | { readonly type: "unanswered"; readonly step: Step["do"]; readonly isHeard?: true }
  | {
      readonly type: "cancel";
      readonly id: string;
      /** The user who asks. */
      readonly by: string;
      readonly seats: readonly number[] | undefined;
      /** Until when whoever asks may cancel; null when that was not looked up, since the booking was not paid. */
      readonly until: number | null;
    }
  | { readonly type: "showtime-cancelled" }
  | { readonly type: "buyer-deleted" }
  /** It is `dueAt`, and there is no step to do. The engine keeps the seats for so long still; undefined where that was not found out. */
  | { readonly type: "due"; readonly leftMs: number | undefined };

export type FactOf<Type extends Fact["type"]> = Extract<Fact, { type: Type }>;

export interface Told {
  readonly type: Extract<keyof EventData, `booking.${string}`>;
  readonly cancelled?: readonly BookedSeat[];
  readonly by?: string | null;
  readonly paid?: boolean;
  readonly refunded?: Money;
}

export type Decision =
  | { readonly type: "next"; readonly booking: Booking; readonly told: readonly Told[] }
  /** The booking never came to be, and is forgotten. */
  | { readonly type: "dropped"; readonly code: ErrorCode; readonly message: string }
  | {
      readonly type: "refused";
      readonly code: ErrorCode;
      readonly message: string;
      readonly seats?: readonly number[];
    };

export const totalOf = (seats: readonly BookedSeat[]): Money => ({
  amount: seats.reduce((sum, { price }) => sum + price.amount, 0),
  currency: seats[0]?.price.currency ?? "XXX", // A booking always has a seat; ISO 4217's code for none.
});

/** Its payment is money that was taken before it was begun, whether or not `payments` has heard of it. */
export const isTerminalsMoney = ({ payment, seats }: Booking): boolean =>
  payment?.method === "terminal" && totalOf(seats).amount > 0;

/** As others see it. */
export const ticketOf = ({ seat, label, type, price }: BookedSeat) => ({ seat, label, type, price });

/**
 * Which hold, payment, release or refund its first step is about. There may be another step of the same name by the time that an
 * answer is written: one about something else is old news.
 */
export function subjectOf({ holdId, payment, steps: [step] }: Booking): string | undefined {
  switch (step?.do) {
    case "pin":
    case "confirm":
    case "reseat":
      return holdId;
    case "start":
    case "watch":
    case "capture":
    case "void":
      return payment?.id;
    case "release":
    case "refund":
      return step.id;
    case undefined:
      return undefined;
  }
}

/** Minor units that are on their way back. */
export const refundingOf = ({ steps }: Pick<Booking, "steps">): number =>
  steps.reduce((sum, step) => (step.do === "refund" ? sum + step.amount : sum), 0);

/** Whether seats or money are on their way back, which may take long: a gateway may refuse it for days. Nobody waits for that as a payer does. */
export const isUndoing = ({ payment, steps: [step] }: Pick<Booking, "payment" | "steps">): boolean =>
  payment?.givenUp === true || step?.do === "release" || step?.do === "void" || step?.do === "refund";

/** Whether the buyer could tell them apart: how the saga goes about its work is no news. */
export const looksAlike = (one: Booking, other: Booking): boolean => isDeepStrictEqual(seenOf(one), seenOf(other));

const seenOf = (booking: Booking) => ({
  ...booking,
  steps: undefined,
  tries: undefined,
  dueAt: undefined,
  cancellations: undefined,
  payment: booking.payment && { ...booking.payment, givenUp: undefined },
  refunding: refundingOf(booking),
});
