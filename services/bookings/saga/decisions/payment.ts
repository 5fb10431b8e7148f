/** The way from the buyer's wish to pay to money that was taken, and back where it must not be. */
import type { Payment } from "../../../../proto/services/index.ts";
import { CAPTURES_MAX, FAILED_PAYMENTS_MAX } from "../../limits.ts";
import { type Booking, type Decision, type FactOf, totalOf } from "../booking.ts";
import { type Moment, refuse, RELEASE_ALL } from "./moment.ts";
import { WHY } from "./reasons.ts";

type Attempt = NonNullable<Booking["payment"]>;

export function pay(moment: Moment, { paymentId, method, token }: FactOf<"pay">): Decision {
  const { booking } = moment;
  if (booking.payment?.id === paymentId) return moment.stay();
  if (booking.status !== "pending") return refuse(`The booking is ${booking.status}.`);
  if (!moment.isIdle) return refuse("The booking is not ready to be paid yet.");
  if (booking.failedPayments >= FAILED_PAYMENTS_MAX) {
    return { type: "refused", code: "LIMIT_REACHED", message: "Too many payments of this booking have failed." };
  }
  if (moment.isLate) {
    // The engine may give time back. Until it has said so, whoever has charged a card must not hear that it is over.
    const message = "Whether there is still time to pay is being found out. Nothing is lost: try again.";
    return { type: "refused", code: "UNAVAILABLE", message };
  }
  const begun = { id: paymentId, method, state: "pending", next: null, givenUp: false } as const;
  return moment.go({ status: "paying", reason: null, payment: begun, steps: [{ do: "start", token }] });
}

/** What `payments` says of the booking's payment, asked or told by itself. */
export function paymentTold(moment: Moment, said: Payment): Decision {
  const { booking, step } = moment;
  const before = booking.payment;
  if (before === null || before.id !== said.paymentId) return moment.stay();
  // An answer that is late does not take back what was seen.
  const state = said.state === "pending" ? before.state : said.state;
  const attempt = { ...before, state, next: said.state === "pending" ? said.next : null, ...takenOf(said) };
  const asking = step?.do === "start" || step?.do === "watch";
  switch (said.state) {
    case "pending":
      if (asking) return moment.keepWatching(attempt);
      if (step?.do === "void") return moment.watch({ ...attempt, givenUp: true });
      return step?.do === "capture" ? captureAgain(moment) : moment.stay();

    case "authorized":
      // A payment that had failed may still go well: some gateways let the buyer try another card on it.
      if (asking || moment.isIdle) {
        if (moment.isWanted)
          return isRight(booking, said) ? buy(moment, attempt) : moment.giveUp(WHY.wrongAmount, attempt);
        if (!moment.isGivenUp) return moment.giveUp(WHY.tooLate, attempt);
      }
      if (step?.do === "capture") return captureAgain(moment);
      if (step?.do === "void") return moment.tryAgain(attempt);
      return moment.isOver ? voidToo(moment, attempt) : moment.stay();

    case "captured":
      if (step?.do === "capture" && said.captured >= totalOf(booking.seats).amount) {
        const after = { ...attempt, next: null };
        return moment.go(
          { status: "confirmed", reason: null, payment: after, steps: [] },
          { type: "booking.confirmed" },
        );
      }
      if (step?.do === "capture") return captureAgain(moment, said.captured);
      if (asking && moment.isWanted) return buy(moment, attempt);
      if (booking.status === "paying" && asking) return moment.giveUp(WHY.tooLate, attempt);
      return moment.isOver ? giveBack(moment, attempt, said.captured - said.refunded) : moment.stay();

    case "failed":
    case "voided": {
      if (step?.do === "capture") return moment.fail(WHY.notCaptured, [RELEASE_ALL], attempt);
      if (booking.status === "paying" && asking) return unpaid(moment, said.reason ?? WHY.declined, attempt);
      if (!asking && step?.do !== "void") return moment.stay();
      // Where no money was seen, or there was none to see, none has gone back.
      const hadNone = said.state === "failed" || before.state === "pending" || said.amount.amount === 0;
      if (hadNone || booking.status === "cancelled") {
        return asking ? moment.stopWaiting(attempt) : moment.done({ payment: attempt });
      }
      return moment.go(
        { status: "refunded", refunded: said.amount.amount, payment: attempt, steps: booking.steps.slice(1) },
        { type: "booking.refunded", refunded: said.amount },
      );
    }
  }
}

/**
 * No money came of this payment: another may be tried while there is time, a few times. How much there is says the engine.
 * @param reason null when it was not even begun
 */
export function unpaid(moment: Moment, reason: string | null, attempt: Booking["payment"]): Decision {
  const failedPayments = moment.booking.failedPayments + (reason === null ? 0 : 1);
  return moment.go({ status: "pending", reason, payment: attempt, failedPayments, steps: [] });
}

const takenOf = ({ state, captured, capturedAt }: Payment) =>
  state === "captured" ? { captured, ...(capturedAt !== undefined && { capturedAt }) } : {};

function isRight({ seats }: Booking, { amount }: Payment): boolean {
  const total = totalOf(seats);
  return amount.amount === total.amount && amount.currency === total.currency;
}

function buy(moment: Moment, attempt: Attempt): Decision {
  const { status: before } = moment.booking;
  const status = before === "pending" ? "paying" : before;
  return moment.go({ status, payment: attempt, steps: [{ do: "confirm" }, { do: "capture" }] });
}

/** @param taken minor units: somebody may have captured a part of it at the gateway */
function captureAgain(moment: Moment, taken = 0): Decision {
  if (moment.booking.tries < CAPTURES_MAX) return moment.tryAgain();
  return moment.fail(taken > 0 ? WHY.takenForNothing : WHY.notCaptured, [RELEASE_ALL, { do: "void" }]);
}

/** Money that nobody wants any more has been authorized after all. */
function voidToo(moment: Moment, attempt: Attempt): Decision {
  const { steps } = moment.booking;
  if (steps.some((later) => later.do === "void")) return moment.stay();
  return moment.go({ payment: attempt, steps: [...steps.filter((later) => later.do !== "watch"), { do: "void" }] });
}

/** Money that nobody wants any more was taken. */
function giveBack(moment: Moment, attempt: Attempt, amount: number): Decision {
  const { booking, ownRefund } = moment;
  if (booking.steps.some((later) => later.do === "refund")) return moment.stay();
  const rest = booking.steps.filter((later) => later.do !== "watch" && later.do !== "void");
  const id = booking.status === "cancelled" ? (booking.cancellations.at(-1) ?? ownRefund) : ownRefund;
  if (amount <= 0) return moment.go({ payment: attempt, steps: rest });
  const reason = booking.reason === WHY.notCaptured ? WHY.takenForNothing : booking.reason;
  return moment.go({ reason, payment: attempt, steps: [...rest, { do: "refund", id, amount }] });
}
