/** Seats are given back: by the buyer, or because there will be no show, or no buyer any more. */
import { derivedId } from "../../ids.ts";
import {
  type BookedSeat,
  type Booking,
  type Decision,
  type FactOf,
  isTerminalsMoney,
  type Step,
  totalOf,
} from "../booking.ts";
import { type Moment, refuse, RELEASE_ALL } from "./moment.ts";
import { WHY } from "./reasons.ts";

/** On the wish of the buyer, or of the cinema's people: all seats, or those named. */
export function cancel(moment: Moment, { id, by, seats: wished, until }: FactOf<"cancel">): Decision {
  const { booking } = moment;
  if (booking.cancellations.includes(id)) return moment.stay();
  const cancellations = [...booking.cancellations, id];
  const given = booking.seats.filter(({ seat }) => wished?.includes(seat) ?? true);
  const others = wished?.filter((seat) => given.every((each) => each.seat !== seat)) ?? [];
  if (moment.isOver) return refuse(`The booking is ${booking.status}.`);
  if (others.length > 0) {
    return { type: "refused", code: "NOT_FOUND", message: "Seats are not of this booking.", seats: others };
  }
  const cancelledBy = by === booking.userId ? null : by;
  const reason = cancelledBy === null ? WHY.cancelled : WHY.cancelledByCinema;
  const whole = given.length === booking.seats.length;

  if (booking.status !== "confirmed") {
    if (!whole) return refuse("A booking that is not paid yet can only be cancelled whole.");
    return cancelUnpaid(moment, { reason, cancelledBy, cancellations });
  }
  if (until === null) return refuse("The booking has just been paid. To cancel it nevertheless, ask once more.");
  if (moment.now >= until) {
    return { type: "refused", code: "CANCELLATION_CLOSED", message: "It is too late to cancel this booking." };
  }
  const told = {
    type: "booking.cancelled",
    cancelled: given,
    by: cancelledBy,
    paid: totalOf(given).amount > 0,
  } as const;
  const steps = undo(booking, id, id, given);
  if (whole) return moment.go({ status: "cancelled", reason, cancelledBy, cancellations, steps }, told);
  const seats = booking.seats.filter((each) => !given.includes(each));
  const cancelled = [...booking.cancelled, ...given.map((seat) => ({ ...seat, refundId: id, cancelledBy }))];
  return moment.go({ seats, cancelled, cancellations, steps }, told);
}

export function showtimeCancelled(moment: Moment): Decision {
  const { booking, step } = moment;
  const { seats } = booking;
  switch (booking.status) {
    case "pending":
      if (step?.do === "pin") return { type: "dropped", code: "SALE_CLOSED", message: WHY.showtimeCancelled };
      return moment.fail(WHY.showtimeCancelled, [RELEASE_ALL]);
    case "paying":
      return moment.fail(WHY.showtimeCancelled, [RELEASE_ALL, { do: "void" }]);
    case "confirmed":
      return moment.go(
        {
          status: "cancelled",
          reason: WHY.showtimeCancelled,
          steps: undo(booking, "showtime", moment.ownRefund, seats),
        },
        { type: "booking.cancelled", cancelled: seats, paid: totalOf(seats).amount > 0 },
      );
    case "expired":
      return waitNoMore(moment, WHY.showtimeCancelled);
    case "cancelled":
    case "refunded":
    case "failed":
      return moment.stay();
  }
}

/** Nobody could be shown the tickets any more. What is confirmed stays sold. */
export function buyerDeleted(moment: Moment): Decision {
  const { id, status, cancellations } = moment.booking;
  if (status === "pending" || status === "paying") {
    // Under an id of its own, money that was taken all the same goes back as for any other cancellation.
    const cancellation = derivedId("rf_", id, "buyer-deleted");
    return cancelUnpaid(moment, { reason: WHY.buyerDeleted, cancellations: [...cancellations, cancellation] });
  }
  return status === "expired" ? waitNoMore(moment, WHY.buyerDeleted) : moment.stay();
}

function cancelUnpaid(
  moment: Moment,
  changes: Partial<Pick<Booking, "reason" | "cancelledBy" | "cancellations">>,
): Decision {
  const { booking } = moment;
  const isPaying = booking.status === "paying";
  const steps: Step[] = [RELEASE_ALL, ...(isPaying ? ([{ do: "void" }] as const) : [])];
  const told = {
    type: "booking.cancelled",
    cancelled: booking.seats,
    by: changes.cancelledBy ?? null,
    paid: isPaying && isTerminalsMoney(booking),
  } as const;
  return moment.go({ status: "cancelled", ...changes, steps }, told);
}

/** Money that still came would not be welcome any more. */
const waitNoMore = (moment: Moment, reason: string): Decision =>
  moment.step === undefined || moment.isGivenUp ? moment.stay() : moment.giveUp(reason);

/** Back to free seats and a full purse. The seats wait for no refund, which may take long; one that is under way is asked for again. */
function undo(booking: Booking, id: string, refund: string, given: readonly BookedSeat[]): Step[] {
  const { amount } = totalOf(given);
  const releases = booking.steps.filter((earlier) => earlier.do === "release");
  const others = booking.steps.filter((earlier) => earlier.do !== "release");
  const steps: Step[] = [
    ...releases,
    { do: "release", id, ...(given.length < booking.seats.length && { seats: given.map(({ seat }) => seat) }) },
    ...others,
  ];
  return amount > 0 ? [...steps, { do: "refund", id: refund, amount }] : steps;
}
