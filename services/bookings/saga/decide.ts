/**
 * The saga as a pure state machine: what a fact makes of a booking, and which steps are to follow. It knows no clock, no bus and no
 * database; `saga.ts` brings the facts and does the steps. What takes more than a line to decide is in `decisions/`.
 *
 *     pin → pending → start → watch → confirm → capture → confirmed → release → refund → cancelled
 *                        ↘ expired → watch (grace) → confirm, or void → refunded, if there was money
 *
 * Seat before money: `capture` only ever follows `confirm`. A fact about a step that is not the first one any more is old news,
 * and changes nothing: the plan has changed meanwhile, and what was done is undone by the steps that it got.
 */
import { sameSeats } from "../same-seats.ts";
import { type Booking, type Decision, type Fact, type FactOf, subjectOf, totalOf } from "./booking.ts";
import { buyerDeleted, cancel, showtimeCancelled } from "./decisions/cancellation.ts";
import { Moment, RELEASE_ALL, type Rules } from "./decisions/moment.ts";
import { pay, paymentTold, unpaid } from "./decisions/payment.ts";
import { WHY } from "./decisions/reasons.ts";

/** Deterministic: the same booking, fact and instant give the same decision. */
export function decide(booking: Booking, fact: Fact, now: number, rules: Rules): Decision {
  const moment = new Moment(booking, now, rules);
  const { step } = moment;

  switch (fact.type) {
    case "pinned":
      return step?.do === "pin" ? pinned(moment, fact) : moment.stay();

    case "pay":
      return pay(moment, fact);

    case "not-begun":
      return step?.do === "start" ? unpaid(moment, null, null) : moment.stay();

    case "payment":
      return paymentTold(moment, fact.payment);

    case "confirmed":
      if (step?.do === "confirm") return fact.holdId === booking.holdId ? moment.done() : moment.stay();
      return moment.isOver ? releaseToo(moment) : moment.stay();

    case "reseated":
      if (step?.do !== "reseat") return moment.stay();
      return moment.done({ holdId: fact.holdId, seats: fact.seats, acceptOtherSeats: false });

    case "released":
      return step?.do === "release" && step.id === fact.id ? moment.done() : moment.stay();

    case "refunded":
      return step?.do === "refund" && step.id === fact.id ? refunded(moment, fact) : moment.stay();

    case "refused":
      return step?.do === fact.step && fact.about === subjectOf(booking) ? refused(moment, fact) : moment.stay();

    case "unanswered":
      if (step?.do !== fact.step) return moment.stay();
      // A terminal's money is there already: whatever becomes of it, payments has to hear of it first.
      if (step.do === "start" && moment.isLate && booking.payment?.method !== "terminal")
        return moment.expire([RELEASE_ALL, { do: "void" }]);
      if (step.do === "watch") return moment.keepWatching();
      return fact.isHeard ? moment.tryAgain() : moment.tryUnheard();

    case "cancel":
      return cancel(moment, fact);

    case "showtime-cancelled":
      return showtimeCancelled(moment);

    case "buyer-deleted":
      return buyerDeleted(moment);

    case "due":
      return moment.isIdle && moment.isLate ? timeIsUp(moment, fact) : moment.stay();
  }
}

function pinned(moment: Moment, { seats, expiresInMs }: FactOf<"pinned">): Decision {
  const { booking, now } = moment;
  const booked = booking.seats.map(({ seat }) => seat);
  if (!sameSeats(booked, seats)) return moment.fail(WHY.holdChanged, [RELEASE_ALL]);
  return moment.go({ payBy: now + expiresInMs, steps: [] }, { type: "booking.created" });
}

/** By our clock. The engine gives back the time that it was away: the buyer has it too, and the seats wait for nobody whose booking is over. */
function timeIsUp(moment: Moment, { leftMs }: FactOf<"due">): Decision {
  if (leftMs === undefined) return moment.tryAgain();
  return leftMs > 0 ? moment.go({ payBy: moment.now + leftMs }) : moment.expire([]);
}

function refunded(moment: Moment, { id, amount, doneAt }: FactOf<"refunded">): Decision {
  const { booking, ownRefund } = moment;
  const status = id === ownRefund ? "refunded" : booking.status;
  const refunds = doneAt === undefined ? booking.refunds : [...booking.refunds, { id, amount, doneAt }];
  return moment.go(
    { status, refunded: booking.refunded + amount, refunds, steps: booking.steps.slice(1) },
    { type: "booking.refunded", refunded: { ...totalOf(booking.seats), amount } },
  );
}

/** The first step cannot be done. */
function refused(moment: Moment, { step, code, message }: FactOf<"refused">): Decision {
  const { booking } = moment;
  switch (step) {
    case "pin":
      return { type: "dropped", code, message };
    case "start":
    case "watch":
      if (booking.status !== "paying") return moment.stopWaiting(moment.unbegun);
      return unpaid(moment, code === "PAYMENT_METHOD_UNAVAILABLE" ? null : message, null); // Nobody was asked for money.
    case "confirm": {
      const [category, ...others] = new Set(booking.seats.map((seat) => seat.category));
      const otherSeats = code === "SEAT_TAKEN" && booking.acceptOtherSeats && others.length === 0;
      if (!otherSeats || category === undefined)
        return moment.giveUp(code === "SALE_CLOSED" ? WHY.tooLate : WHY.seatsGone);
      return moment.go({ steps: [{ do: "reseat" }, { do: "confirm" }, { do: "capture" }] });
    }
    case "reseat":
      return moment.giveUp(WHY.seatsGone);
    case "capture":
      return moment.fail(WHY.notCaptured, [RELEASE_ALL, { do: "void" }]);
    case "release":
      return moment.done(); // The engine has no such booking, or the seats are not its any more.
    case "void":
      return code === "NOT_FOUND" ? moment.done({ payment: moment.unbegun }) : moment.tryAgain();
    case "refund":
      return moment.tryAgain(); // Money that is owed stays owed.
  }
}

/** Seats that nobody wants any more were booked after all: the engine remembers only so many that were cancelled. */
function releaseToo(moment: Moment): Decision {
  const { steps } = moment.booking;
  const id = "late"; // Another than that of the release before, whose answer the engine may remember still.
  const isSettled = steps.some((later) => later.do === "capture" || (later.do === "release" && later.id === id));
  return isSettled ? moment.stay() : moment.go({ steps: [{ do: "release", id }, ...steps] });
}
