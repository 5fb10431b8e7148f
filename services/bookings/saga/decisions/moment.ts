import { doubledMs } from "../../../../platform/back-off/index.ts";
import {
  BACK_OFF_FIRST_MS,
  BACK_OFF_LAST_MS,
  GIVEN_UP_FIRST_MS,
  GIVEN_UP_KEPT_MS,
  GIVEN_UP_LAST_MS,
  REFUND_TRIES_OFTEN,
} from "../../limits.ts";
import type { Booking, Decision, Step, Told } from "../booking.ts";
import { WHY } from "./reasons.ts";

export interface Rules {
  /** How long after `payBy` the money may still come, in milliseconds. */
  readonly graceMs: number;
}

/** All seats that the booking still has. */
export const RELEASE_ALL = { do: "release", id: "all" } as const satisfies Step;

/** A booking at an instant: what can be said of it, and the decisions that it can come to. */
export class Moment {
  readonly booking: Booking;
  readonly now: number;
  /** The step that is being done. */
  readonly step: Step | undefined;
  readonly #rules: Rules;

  constructor(booking: Booking, now: number, rules: Rules) {
    this.booking = booking;
    this.now = now;
    this.step = booking.steps[0];
    this.#rules = rules;
  }

  get isOver(): boolean {
    return !["pending", "paying", "confirmed"].includes(this.booking.status);
  }

  get isGivenUp(): boolean {
    return this.booking.payment?.givenUp === true;
  }

  /** It waits for the buyer to pay. */
  get isIdle(): boolean {
    return this.booking.status === "pending" && this.step === undefined;
  }

  /** The time to pay is over. */
  get isLate(): boolean {
    return this.now >= this.booking.payBy;
  }

  /** Money that comes is still welcome; what was seen to come in time may be read late. */
  get isWanted(): boolean {
    const { status } = this.booking;
    if (status === "paying" && this.step?.do !== "start") return true;
    const mayBuy = status === "pending" || status === "paying" || status === "expired";
    return mayBuy && !this.isGivenUp && this.now < this.booking.payBy + this.#rules.graceMs;
  }

  /** The id of a refund that nobody asked for: there is one for the whole booking. */
  get ownRefund(): string {
    return `rf_${this.booking.id.slice(3)}`;
  }

  /** The payment as one that never came to be, as far as anybody knows. By its id it is known again, should it be begun late. */
  get unbegun(): Booking["payment"] {
    const { payment } = this.booking;
    return payment && { ...payment, state: "failed", next: null };
  }

  /** @param told of it, in this order */
  go(changes: Partial<Booking>, ...told: Told[]): Decision {
    const next = { ...this.booking, tries: 0, ...changes };
    return { type: "next", booking: { ...next, dueAt: dueAtOf(next, this.now, this.#rules) }, told };
  }

  stay(): Decision {
    return { type: "next", booking: this.booking, told: [] };
  }

  /** The first step is done. */
  done(changes: Partial<Booking> = {}): Decision {
    return this.go({ ...changes, steps: this.booking.steps.slice(1) });
  }

  /** Who was to be asked cannot be reached: tried again soon, for of what was never asked for no news will come. */
  tryUnheard(): Decision {
    return this.tryAgain(undefined, Math.min(this.booking.tries + 1, REFUND_TRIES_OFTEN));
  }

  /** A refund may take days: it goes behind the others, which are not to wait for it. */
  tryAgain(attempt = this.booking.payment, tries = this.booking.tries + 1): Decision {
    const [first, ...rest] = this.booking.steps;
    const end = rest.findLastIndex((later) => later.do === "refund") + 1;
    const steps = first?.do === "refund" ? rest.toSpliced(end, 0, first) : this.booking.steps;
    return this.go({ payment: attempt, steps, tries });
  }

  expire(steps: readonly Step[], reason: string = WHY.unpaid, attempt = this.booking.payment): Decision {
    return this.go({ status: "expired", reason, payment: attempt, steps }, { type: "booking.expired" });
  }

  fail(reason: string, steps: readonly Step[], attempt = this.booking.payment): Decision {
    return this.go({ status: "failed", reason, payment: attempt, steps }, { type: "booking.failed" });
  }

  /** The sale cannot be kept: whatever money there is goes back, and then it is `refunded`. */
  giveUp(reason: string, attempt = this.booking.payment): Decision {
    const steps = [RELEASE_ALL, { do: "void" }] as const;
    const givenUp = attempt && { ...attempt, givenUp: true };
    if (this.booking.status === "expired") return this.go({ reason, payment: givenUp, steps });
    return this.fail(reason, steps, givenUp);
  }

  /** The payment that was waited for beyond the time to pay has failed: the seats are free now, even if the engine gave their time back. */
  stopWaiting(attempt = this.booking.payment): Decision {
    if (this.isGivenUp) return this.done({ payment: attempt }); // They were free before.
    return this.go({ payment: attempt, steps: [RELEASE_ALL] });
  }

  /** The payment is still open: look again, until it is too late. */
  keepWatching(attempt = this.booking.payment): Decision {
    if (this.now < watchedUntil(this.booking, this.#rules)) return this.watch(attempt);
    if (this.booking.status === "paying") return this.expire([{ do: "watch" }], WHY.unpaid, attempt);
    return this.isGivenUp ? this.done({ payment: this.unbegun }) : this.giveUp(WHY.unpaid, attempt);
  }

  watch(attempt: Booking["payment"]): Decision {
    const tries = this.step?.do === "watch" ? this.booking.tries + 1 : 0;
    return this.go({ payment: attempt, steps: [{ do: "watch" }], tries });
  }
}

export const refuse = (message: string): Decision => ({ type: "refused", code: "BOOKING_STATE", message });

/** Until when its payment is waited for as things are: the buyer's time, the grace, or the gateway's. */
export function watchedUntil({ status, payBy, payment }: Booking, { graceMs }: Rules): number {
  if (status === "paying") return payBy;
  return payBy + (payment?.givenUp === true ? GIVEN_UP_KEPT_MS : graceMs);
}

/** When somebody must look at the booking: at once for what was not tried yet, else later and later. */
function dueAtOf(booking: Booking, now: number, rules: Rules): number | null {
  const [step] = booking.steps;
  if (step === undefined && booking.status !== "pending") return null;
  if (step?.do !== "watch") {
    const further = booking.tries - REFUND_TRIES_OFTEN;
    if (step?.do === "refund" && further > 0) return now + backOff(further - 1, GIVEN_UP_FIRST_MS, GIVEN_UP_LAST_MS);
    if (booking.tries > 0) return now + backOff(booking.tries - 1);
    return step === undefined ? booking.payBy : now;
  }
  if (booking.payment?.givenUp === true) return now + backOff(booking.tries, GIVEN_UP_FIRST_MS, GIVEN_UP_LAST_MS);
  return Math.max(now, Math.min(now + backOff(booking.tries), watchedUntil(booking, rules)));
}

const backOff = (tries: number, first = BACK_OFF_FIRST_MS, last = BACK_OFF_LAST_MS): number =>
  doubledMs(first, tries, last);
