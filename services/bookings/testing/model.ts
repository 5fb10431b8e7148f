/** A booking amid a toy engine and a toy payments service, both of which keep their word, over lines that do not. */
import type { ErrorCode } from "../../../proto/index.ts";
import type { Payment } from "../../../proto/services/index.ts";
import { type Booking, type Fact, type Step, subjectOf, type Told, totalOf } from "../saga/booking.ts";
import { decide } from "../saga/decide.ts";
import type { Rules } from "../saga/decisions/moment.ts";

export const NOW = Date.UTC(2026, 10, 21, 12);
export const PAY_MS = 60_000;
export const GRACE_MS = 120_000;

export type Turn =
  | { readonly do: "step"; readonly fate: "done" | "lost" | "late" | "unreached" }
  | { readonly do: "deliver" | "pay" | "hint" | "showtime-cancelled" | "buyer-deleted" | "thief" }
  | { readonly do: "gateway"; readonly state: "authorized" | "failed" }
  /** `pause`: the engine was away for so long, and gives that back to who holds seats. */
  | { readonly do: "wait" | "pause"; readonly ms: number }
  | { readonly do: "cancel"; readonly seats: readonly number[] | undefined };

export const aBooking = (): Booking => ({
  id: "bk_1",
  secret: "s",
  userId: "ada",
  desk: false,
  showtimeId: "st_1",
  title: "Metropolis",
  holdId: "st_1.1",
  status: "pending",
  reason: null,
  acceptOtherSeats: false,
  payBy: NOW + PAY_MS,
  payment: null,
  failedPayments: 0,
  refunded: 0,
  refunds: [],
  cancellations: [],
  cancelledBy: null,
  cancelled: [],
  seats: [1, 2, 3].map((seat) => ({
    seat,
    label: `A${seat}`,
    category: "standard",
    type: "adult",
    price: { amount: 1e3, currency: "EUR" },
  })),
  steps: [{ do: "pin" }],
  tries: 0,
  dueAt: NOW,
  createdAt: NOW,
});

interface ToyPayment {
  payment: Payment;
  givenUp: boolean;
  readonly refunds: Set<string>;
}

export class Model {
  /** Undefined once it was dropped. */
  booking: Booking | undefined;
  now = NOW;
  /** Whether there ever was money. */
  wasReserved = false;
  onChange: (before: Booking, after: Booking, told: readonly Told[]) => void = () => {};
  onRefused: (booking: Booking, fact: Fact, code: ErrorCode) => void = () => {};
  readonly #rules: Rules;
  /** Answers that are still on their way. */
  readonly #late: Fact[] = [];
  readonly #payments = new Map<string, ToyPayment>();
  /** Who has each seat; `hold` and `pin` until a deadline. */
  readonly #seats = new Map<number, "hold" | "pin" | "booked" | "other">();
  #holdEndsAt = NOW + PAY_MS;
  #wasCancelled = false;
  #requests = 0;

  constructor(booking: Booking, rules: Rules) {
    this.booking = booking;
    this.#rules = rules;
    for (const { seat } of booking.seats) this.#seats.set(seat, "hold");
  }

  get money(): number {
    return [...this.#payments.values()].reduce((sum, { payment }) => sum + payment.captured - payment.refunded, 0);
  }

  get reserved(): boolean {
    return [...this.#payments.values()].some(({ payment }) => payment.state === "authorized");
  }

  /** Minor units that were taken, and went back. */
  get givenBack(): number {
    return [...this.#payments.values()].reduce((sum, { payment }) => sum + payment.refunded, 0);
  }

  get bookedSeats(): number[] {
    return [...this.#seats].flatMap(([seat, state]) => (state === "booked" ? [seat] : []));
  }

  /** Kept for a payment. */
  get pinnedSeats(): number[] {
    return [...this.#seats].flatMap(([seat, state]) => (state === "pin" ? [seat] : []));
  }

  take(turn: Turn): void {
    if (this.booking === undefined) return;
    switch (turn.do) {
      case "step":
        return this.#step(turn.fate);
      case "deliver":
        return this.#tell(this.#late.shift());
      case "pay":
        return this.#tell({ type: "pay", paymentId: `pay_${++this.#requests}`, method: "mock", token: "t" });
      case "hint":
        return this.#tell(this.#look());
      case "showtime-cancelled":
      case "buyer-deleted":
        return this.#tell({ type: turn.do });
      case "cancel":
        return this.#tell({
          type: "cancel",
          id: `rf_${++this.#requests}`,
          by: "ada",
          seats: turn.seats,
          until: Infinity,
        });
      case "gateway":
        for (const toy of this.#payments.values()) this.#decide(toy, turn.state);
        return undefined;
      case "wait":
        return this.#wait(turn.ms);
      case "pause":
        if (this.now < this.#holdEndsAt) this.#holdEndsAt += turn.ms;
        return undefined;
      case "thief":
        // Somebody else takes what is free.
        for (const { seat } of this.booking.seats) if (!this.#seats.has(seat)) this.#seats.set(seat, "other");
    }
  }

  /** Everybody answers from now on, and time goes by, until there is nothing left to do. */
  settle(): void {
    while (this.#late.length > 0) this.#tell(this.#late.shift());
    for (let rounds = 0; this.booking !== undefined && this.booking.dueAt !== null; rounds++) {
      if (rounds > 200) throw new Error(`it never ends: ${JSON.stringify(this.booking)}`);
      this.#wait(Math.max(0, this.booking.dueAt - this.now));
      this.#step("done");
      for (const toy of this.#payments.values()) this.#decide(toy, "authorized");
    }
  }

  #step(fate: "done" | "lost" | "late" | "unreached"): void {
    const [step] = this.booking?.steps ?? [];
    if (this.booking === undefined) return;
    const unanswered: Fact = step ? { type: "unanswered", step: step.do } : { type: "due", leftMs: undefined };
    if (fate === "unreached") return this.#tell(unanswered);
    const fact = step ? this.#do(this.booking, step) : this.#timeLeft();
    if (fate === "late") this.#late.push(fact);
    else this.#tell(fate === "lost" ? unanswered : fact);
  }

  #timeLeft(): Fact {
    return { type: "due", leftMs: this.pinnedSeats.length > 0 ? this.#holdEndsAt - this.now : 0 };
  }

  #tell(fact: Fact | undefined): void {
    if (this.booking === undefined || fact === undefined) return;
    const before = this.booking;
    const decision = decide(before, fact, this.now, this.#rules);
    if (decision.type === "refused") return this.onRefused(before, fact, decision.code);
    this.booking = decision.type === "dropped" ? undefined : decision.booking;
    if (decision.type === "next") this.onChange(before, decision.booking, decision.told);
  }

  #do(booking: Booking, step: Step): Fact {
    const seats = booking.seats.map(({ seat }) => seat);
    const refused = (code: "HOLD_EXPIRED" | "SEAT_TAKEN" | "NOT_FOUND" | "BOOKING_NOT_FOUND" | "NOT_ENOUGH_SEATS") =>
      ({ type: "refused", step: step.do, about: subjectOf(booking), code, message: code }) as const;
    switch (step.do) {
      case "pin":
        if (this.#wasCancelled || !seats.every((seat) => ["hold", "pin"].includes(this.#seats.get(seat) ?? "")))
          return refused("HOLD_EXPIRED");
        for (const seat of seats) this.#seats.set(seat, "pin");
        this.#holdEndsAt = this.now + PAY_MS;
        return { type: "pinned", seats, expiresInMs: PAY_MS };
      case "start": {
        const { id } = booking.payment ?? { id: "none" };
        if (!this.#payments.has(id)) {
          const amount = totalOf(booking.seats);
          const payment: Payment = {
            paymentId: id,
            bookingId: booking.id,
            method: "mock",
            amount,
            state: "pending",
            captured: 0,
            refunded: 0,
            reason: null,
            next: null,
          };
          this.#payments.set(id, { payment, givenUp: false, refunds: new Set() });
        }
        return this.#look() ?? refused("NOT_FOUND");
      }
      case "watch":
        return this.#look() ?? refused("NOT_FOUND");
      case "confirm": {
        if (this.#wasCancelled) return refused("BOOKING_NOT_FOUND");
        if (seats.some((seat) => this.#seats.get(seat) === "other")) return refused("SEAT_TAKEN");
        for (const seat of seats) this.#seats.set(seat, "booked");
        return { type: "confirmed", holdId: booking.holdId };
      }
      case "reseat": {
        if ([11, 12, 13].some((seat) => this.#seats.get(seat) === "other")) return refused("NOT_ENOUGH_SEATS");
        const others = booking.seats.map((seat, at) => ({ ...seat, seat: 11 + at }));
        return { type: "reseated", holdId: "st_1.2", seats: others };
      }
      case "capture": {
        const toy = this.#toy();
        if (toy?.payment.state === "authorized") {
          if (!seats.every((seat) => this.#seats.get(seat) === "booked")) throw new Error("money without a seat");
          toy.payment = { ...toy.payment, state: "captured", captured: totalOf(booking.seats).amount };
        }
        return this.#look() ?? refused("NOT_FOUND");
      }
      case "release": {
        const given = step.seats ?? [...this.#seats.keys()];
        if (step.seats === undefined) this.#wasCancelled = true;
        for (const seat of given) if (this.#seats.get(seat) !== "other") this.#seats.delete(seat);
        return { type: "released", id: step.id };
      }
      case "void": {
        const toy = this.#toy();
        if (toy === undefined) return refused("NOT_FOUND");
        toy.givenUp = true;
        if (toy.payment.state === "authorized") toy.payment = { ...toy.payment, state: "voided" };
        return { type: "payment", payment: toy.payment };
      }
      case "refund": {
        const toy = this.#toy();
        if (toy === undefined) throw new Error("a refund of nothing");
        if (!toy.refunds.has(step.id)) {
          toy.refunds.add(step.id);
          toy.payment = { ...toy.payment, refunded: toy.payment.refunded + step.amount };
          if (toy.payment.refunded > toy.payment.captured) throw new Error("more given back than was taken");
        }
        return { type: "refunded", id: step.id, amount: step.amount };
      }
    }
  }

  #toy(): ToyPayment | undefined {
    return this.#payments.get(this.booking?.payment?.id ?? "none");
  }

  #look(): Fact | undefined {
    const toy = this.#toy();
    return toy && { type: "payment", payment: toy.payment };
  }

  #decide(toy: ToyPayment, state: "authorized" | "failed"): void {
    if (toy.payment.state !== "pending") return;
    toy.payment = { ...toy.payment, state: toy.givenUp && state === "authorized" ? "voided" : state };
    this.wasReserved ||= toy.payment.state === "authorized";
  }

  #wait(ms: number): void {
    this.now += ms;
    if (this.now < this.#holdEndsAt) return;
    for (const [seat, state] of this.#seats) if (state === "hold" || state === "pin") this.#seats.delete(seat);
  }
}
