/**
 * The saga as a pure state machine: what a fact makes of a booking, and which steps are to follow. It knows no clock, no bus and no
 * database; `saga.ts` brings the facts and does the steps.
 *
 *     pin → pending → start → watch → confirm → capture → confirmed → release → refund → cancelled
 *                        ↘ expired → watch (grace) → confirm, or void → refunded, if there was money
 *
 * Seat before money: `capture` only ever follows `confirm`. A fact about a step that is not the first one any more is old news,
 * and changes nothing: the plan has changed meanwhile, and what was done is undone by the steps that it got.
 */
import type { Payment } from "../../../proto/services/index.ts";
import {
  BACK_OFF_FIRST_MS,
  BACK_OFF_LAST_MS,
  GIVEN_UP_FIRST_MS,
  GIVEN_UP_KEPT_MS,
  GIVEN_UP_LAST_MS,
} from "../limits.ts";
import { type Booking, type Decision, type Fact, type Step, subjectOf, type Told, totalOf } from "./booking.ts";

export interface Rules {
  /** How long after `payBy` the money may still come, in milliseconds. */
  readonly graceMs: number;
}

type FactOf<Type extends Fact["type"]> = Extract<Fact, { type: Type }>;

/** Captures that neither went through nor failed, before the sale is given up. */
const CAPTURES_MAX = 20;

const WHY = {
  declined: "The payment was declined.",
  unpaid: "It was not paid in time.",
  tooLate: "The payment came too late; the money goes back.",
  seatsGone: "The payment came when the seats were gone; the money goes back.",
  wrongAmount: "The payment was not of the right amount; the money goes back.",
  notCaptured: "The payment could not be completed; nothing was taken.",
  holdChanged: "The hold was changed while it was being booked.",
  cancelled: "Cancelled on the buyer's wish.",
  showtimeCancelled: "The showtime was cancelled.",
} as const;

/** Deterministic: the same booking, fact and instant give the same decision. */
export function decide(booking: Booking, fact: Fact, now: number, rules: Rules): Decision {
  const [step] = booking.steps;

  switch (fact.type) {
    case "pinned":
      if (step?.do !== "pin") return stay();
      if (!sameSeats(booking, fact.seats)) return fail(WHY.holdChanged, [release()]);
      return go({ payBy: now + fact.expiresInMs, steps: [] }, { type: "booking.created" });

    case "pay":
      return pay(fact);

    case "not-begun":
      return step?.do === "start" ? unpaid(null, null) : stay();

    case "payment":
      return fact.payment.paymentId === booking.payment?.id ? payment(booking.payment, fact.payment) : stay();

    case "confirmed":
      if (step?.do === "confirm") return fact.holdId === booking.holdId ? done() : stay();
      return isOver() ? releaseToo() : stay();

    case "reseated":
      if (step?.do !== "reseat") return stay();
      return go({ holdId: fact.holdId, seats: fact.seats, acceptOtherSeats: false, steps: booking.steps.slice(1) });

    case "released":
      return step?.do === "release" && step.id === fact.id ? done() : stay();

    case "refunded": {
      if (step?.do !== "refund" || step.id !== fact.id) return stay();
      const refunded = { ...totalOf(booking.seats), amount: fact.amount };
      const status = fact.id === ownRefund() ? "refunded" : booking.status;
      const after = { status, refunded: booking.refunded + fact.amount, steps: booking.steps.slice(1) };
      return go(after, { type: "booking.refunded", refunded });
    }

    case "refused":
      return step?.do === fact.step && fact.about === subjectOf(booking) ? refused(fact) : stay();

    case "unanswered":
      if (step?.do !== fact.step) return stay();
      if (step.do === "start" && now >= booking.payBy) return expire([{ do: "void" }]);
      return step.do === "watch" ? keepWatching() : tryAgain();

    case "cancel":
      return cancel(fact);

    case "showtime-cancelled":
      return showtimeCancelled();

    case "due":
      return booking.status === "pending" && step === undefined && now >= booking.payBy ? expire([]) : stay();
  }

  function pay({ paymentId, method, token }: FactOf<"pay">): Decision {
    if (booking.payment?.id === paymentId) return stay();
    if (booking.status !== "pending") return refuse(`The booking is ${booking.status}.`);
    if (step !== undefined) return refuse("The booking is not ready to be paid yet.");
    if (now >= booking.payBy) return refuse("The time to pay is over.");
    const begun = { id: paymentId, method, state: "pending", next: null, givenUp: false } as const;
    return go({ status: "paying", reason: null, payment: begun, steps: [{ do: "start", token }] });
  }

  /** What `payments` says of the payment, asked or told by itself. */
  function payment(before: NonNullable<Booking["payment"]>, said: Payment): Decision {
    // An answer that is late does not take back what was seen.
    const state = said.state === "pending" ? before.state : said.state;
    const attempt = { ...before, state, next: said.state === "pending" ? said.next : null };
    const asking = step?.do === "start" || step?.do === "watch";
    switch (said.state) {
      case "pending":
        if (asking) return keepWatching(attempt);
        if (step?.do === "void") return watchOver({ ...attempt, givenUp: true });
        return step?.do === "capture" ? captureAgain() : stay();

      case "authorized":
        if ((asking || isIdle()) && isWanted()) {
          return isRight(said) ? buy(attempt) : giveUp(WHY.wrongAmount, attempt);
        }
        if (asking && !isGivenUp()) return giveUp(WHY.tooLate, attempt);
        if (step?.do === "capture") return captureAgain();
        if (step?.do === "void") return tryAgain(attempt);
        return isOver() ? voidToo(attempt) : stay();

      case "captured":
        if (step?.do === "capture" && said.captured >= totalOf(booking.seats).amount) {
          const after = { ...attempt, next: null };
          return go({ status: "confirmed", reason: null, payment: after, steps: [] }, { type: "booking.confirmed" });
        }
        if (step?.do === "capture") return captureAgain();
        if (asking && isWanted()) return buy(attempt);
        return isOver() ? giveBack(attempt, said.captured - said.refunded) : stay();

      case "failed":
      case "voided":
        if (step?.do === "capture") return fail(WHY.notCaptured, [release()], attempt);
        if (booking.status === "paying" && asking) return unpaid(said.reason ?? WHY.declined, attempt);
        if (!asking && step?.do !== "void") return stay();
        // Where no money was seen, none has gone back.
        if (said.state === "failed" || before.state === "pending" || booking.status === "cancelled") {
          return done({ payment: attempt });
        }
        return go(
          { status: "refunded", refunded: said.amount.amount, payment: attempt, steps: booking.steps.slice(1) },
          { type: "booking.refunded", refunded: said.amount },
        );
    }
  }

  function refused({ step: refusedStep, code, message }: FactOf<"refused">): Decision {
    switch (refusedStep) {
      case "pin":
        return { type: "dropped", code, message };
      case "start":
      case "watch":
        return booking.status === "paying" ? unpaid(message, null) : done();
      case "confirm": {
        const [category, ...others] = new Set(booking.seats.map((seat) => seat.category));
        const otherSeats = code === "SEAT_TAKEN" && booking.acceptOtherSeats && others.length === 0;
        if (!otherSeats || category === undefined) return giveUp(WHY.seatsGone);
        return go({ steps: [{ do: "reseat" }, { do: "confirm" }, { do: "capture" }] });
      }
      case "reseat":
        return giveUp(WHY.seatsGone);
      case "capture":
        return fail(WHY.notCaptured, [release(), { do: "void" }]);
      case "release":
        return done(); // The engine has no such booking, or the seats are not its any more.
      case "void":
        return code === "NOT_FOUND" ? done() : tryAgain(); // It was never begun.
      case "refund":
        return tryAgain(); // Money that is owed stays owed.
    }
  }

  function cancel({ id, seats: wished, until }: FactOf<"cancel">): Decision {
    if (booking.cancellations.includes(id)) return stay();
    const cancellations = [...booking.cancellations, id];
    const all = booking.seats.map(({ seat }) => seat);
    const others = wished?.filter((seat) => !all.includes(seat)) ?? [];
    if (isOver()) return refuse(`The booking is ${booking.status}.`);
    if (others.length > 0) {
      return { type: "refused", code: "NOT_FOUND", message: "Seats are not of this booking.", seats: others };
    }
    const whole = wished === undefined || wished.length === all.length;

    if (booking.status !== "confirmed") {
      if (!whole) return refuse("A booking that is not paid yet can only be cancelled whole.");
      const steps: Step[] = [release(), ...(booking.status === "paying" ? ([{ do: "void" }] as const) : [])];
      const told = { type: "booking.cancelled", cancelledSeats: all } as const;
      return go({ status: "cancelled", reason: WHY.cancelled, cancellations, steps }, told);
    }
    if (until === null) return refuse("The booking has just been paid. To cancel it nevertheless, ask once more.");
    if (now >= until) {
      return { type: "refused", code: "CANCELLATION_CLOSED", message: "It is too late to cancel this booking." };
    }
    const given = whole ? all : wished;
    const told = { type: "booking.cancelled", cancelledSeats: given } as const;
    const steps = undo(id, id, given);
    if (whole) return go({ status: "cancelled", reason: WHY.cancelled, cancellations, steps }, told);
    const seats = booking.seats.filter(({ seat }) => !given.includes(seat));
    return go({ seats, cancellations, steps }, told);
  }

  function showtimeCancelled(): Decision {
    const seats = booking.seats.map(({ seat }) => seat);
    switch (booking.status) {
      case "pending":
        if (step?.do === "pin") return { type: "dropped", code: "SALE_CLOSED", message: WHY.showtimeCancelled };
        return fail(WHY.showtimeCancelled, [release()]);
      case "paying":
        return fail(WHY.showtimeCancelled, [release(), { do: "void" }]);
      case "confirmed":
        return go(
          { status: "cancelled", reason: WHY.showtimeCancelled, steps: undo("showtime", ownRefund(), seats) },
          { type: "booking.cancelled", cancelledSeats: seats },
        );
      case "expired":
        return step === undefined || isGivenUp() ? stay() : giveUp(WHY.showtimeCancelled);
      case "cancelled":
      case "refunded":
      case "failed":
        return stay();
    }
  }

  /** The payment is still open: look again, until it is too late. */
  function keepWatching(attempt = booking.payment): Decision {
    if (booking.status === "paying") {
      return now < booking.payBy ? watchOver(attempt) : expire([{ do: "watch" }], WHY.unpaid, attempt);
    }
    if (isGivenUp()) return now < booking.payBy + GIVEN_UP_KEPT_MS ? watchOver(attempt) : done();
    return now < booking.payBy + rules.graceMs ? watchOver(attempt) : giveUp(WHY.unpaid, attempt);
  }

  function watchOver(attempt: Booking["payment"]): Decision {
    const tries = step?.do === "watch" ? booking.tries + 1 : 0;
    return go({ payment: attempt, steps: [{ do: "watch" }], tries });
  }

  function buy(attempt: Booking["payment"]): Decision {
    const status = booking.status === "pending" ? "paying" : booking.status;
    return go({ status, payment: attempt, steps: [{ do: "confirm" }, { do: "capture" }] });
  }

  /** No money came of this payment: another may be tried while there is time. */
  function unpaid(reason: string | null, attempt: Booking["payment"]): Decision {
    if (now >= booking.payBy) return expire([], reason ?? WHY.unpaid, attempt);
    return go({ status: "pending", reason, payment: attempt, steps: [] });
  }

  function expire(steps: readonly Step[], reason: string = WHY.unpaid, attempt = booking.payment): Decision {
    return go({ status: "expired", reason, payment: attempt, steps }, { type: "booking.expired" });
  }

  function fail(reason: string, steps: readonly Step[], attempt = booking.payment): Decision {
    return go({ status: "failed", reason, payment: attempt, steps }, { type: "booking.failed" });
  }

  /** The sale cannot be kept: whatever money there is goes back, and then it is `refunded`. */
  function giveUp(reason: string, attempt = booking.payment): Decision {
    const steps: Step[] = [release(), { do: "void" }];
    const givenUp = attempt && { ...attempt, givenUp: true };
    if (booking.status === "expired") return go({ reason, payment: givenUp, steps });
    return fail(reason, steps, givenUp);
  }

  /** Seats that nobody wants any more were booked after all: the engine remembers only so many that were cancelled. */
  function releaseToo(): Decision {
    const id = "late"; // Another than that of the release before, whose answer the engine may remember still.
    const isSettled = booking.steps.some(
      (later) => later.do === "capture" || (later.do === "release" && later.id === id),
    );
    return isSettled ? stay() : go({ steps: [{ do: "release", id }, ...booking.steps] });
  }

  /** Money that nobody wants any more has been authorized after all. */
  function voidToo(attempt: Booking["payment"]): Decision {
    if (booking.steps.some((later) => later.do === "void")) return stay();
    return go({ payment: attempt, steps: [...booking.steps.filter((later) => later.do !== "watch"), { do: "void" }] });
  }

  /** Money that nobody wants any more was taken. */
  function giveBack(attempt: Booking["payment"], amount: number): Decision {
    if (booking.steps.some((later) => later.do === "refund")) return stay();
    const rest = booking.steps.filter((later) => later.do !== "watch" && later.do !== "void");
    const id = booking.status === "cancelled" ? (booking.cancellations.at(-1) ?? ownRefund()) : ownRefund();
    return go({ payment: attempt, steps: amount > 0 ? [...rest, { do: "refund", id, amount }] : rest });
  }

  /** Back to free seats and a full purse. The seats wait for no refund, which may take long; one that is under way is asked for again. */
  function undo(id: string, refund: string, given: readonly number[]): Step[] {
    const { amount } = totalOf(booking.seats.filter(({ seat }) => given.includes(seat)));
    const releases = booking.steps.filter((earlier) => earlier.do === "release");
    const others = booking.steps.filter((earlier) => earlier.do !== "release");
    const steps: Step[] = [
      ...releases,
      { do: "release", id, ...(given.length < booking.seats.length && { seats: given }) },
      ...others,
    ];
    return amount > 0 ? [...steps, { do: "refund", id: refund, amount }] : steps;
  }

  function captureAgain(): Decision {
    return booking.tries < CAPTURES_MAX ? tryAgain() : fail(WHY.notCaptured, [release(), { do: "void" }]);
  }

  function tryAgain(attempt = booking.payment): Decision {
    return go({ payment: attempt, tries: booking.tries + 1 });
  }

  /** The first step is done. */
  function done(changes: Partial<Booking> = {}): Decision {
    return go({ ...changes, steps: booking.steps.slice(1) });
  }

  function go(changes: Partial<Booking>, ...told: Told[]): Decision {
    const next = { ...booking, tries: 0, ...changes };
    return { type: "next", booking: { ...next, dueAt: dueAtOf(next, now, rules) }, told };
  }

  function stay(): Decision {
    return { type: "next", booking, told: [] };
  }

  function refuse(message: string): Decision {
    return { type: "refused", code: "BOOKING_STATE", message };
  }

  function release(): Step {
    return { do: "release", id: "all" };
  }

  /** One for the whole booking: a refund that nobody asked for. */
  function ownRefund(): string {
    return `rf_${booking.id.slice(3)}`;
  }

  function isOver(): boolean {
    return !["pending", "paying", "confirmed"].includes(booking.status);
  }

  function isGivenUp(): boolean {
    return booking.payment?.givenUp === true;
  }

  /** A payment that had failed may still go well: some gateways let the buyer try another card on it. */
  function isIdle(): boolean {
    return booking.status === "pending" && step === undefined;
  }

  function isWanted(): boolean {
    if (booking.status === "paying") return true;
    if (booking.status === "pending") return now < booking.payBy;
    return booking.status === "expired" && !isGivenUp() && now < booking.payBy + rules.graceMs;
  }

  function isRight({ amount }: Payment): boolean {
    const total = totalOf(booking.seats);
    return amount.amount === total.amount && amount.currency === total.currency;
  }
}

/** When somebody must look at the booking: at once for a step that was not tried yet, else later and later. */
function dueAtOf(booking: Booking, now: number, { graceMs }: Rules): number | null {
  const [step] = booking.steps;
  if (step === undefined) return booking.status === "pending" ? booking.payBy : null;
  if (step.do !== "watch") return booking.tries === 0 ? now : now + backOff(booking.tries - 1);
  if (booking.payment?.givenUp === true) return now + backOff(booking.tries, GIVEN_UP_FIRST_MS, GIVEN_UP_LAST_MS);
  const deadline = booking.status === "paying" ? booking.payBy : booking.payBy + graceMs;
  return Math.max(now, Math.min(now + backOff(booking.tries), deadline));
}

const backOff = (tries: number, first = BACK_OFF_FIRST_MS, last = BACK_OFF_LAST_MS): number =>
  Math.min(first * 2 ** Math.min(tries, 10), last);

function sameSeats(booking: Booking, seats: readonly number[]): boolean {
  return seats.length === booking.seats.length && booking.seats.every(({ seat }) => seats.includes(seat));
}
