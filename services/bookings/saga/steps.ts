import { type Bus, NoResponders } from "../../../platform/bus/index.ts";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import {
  type AnswerTo,
  bookingId,
  type Endpoint,
  ERRORS,
  holderId,
  type HoldId,
  isErrorCode,
  isRefusal,
  requestId,
  type RequestOf,
  type RequestType,
  showtimeId,
} from "../../../proto/index.ts";
import {
  CAPTURE_PAYMENT,
  type Payment,
  PAYMENT_STATES,
  type PaymentStart,
  QUOTE,
  READ_PAYMENT,
  REFUND_PAYMENT,
  type ServiceAnswer,
  START_PAYMENT,
  VOID_PAYMENT,
} from "../../../proto/services/index.ts";
import { answerTo, type Engine } from "../../../platform/engine-client/index.ts";
import { derivedId } from "../ids.ts";
import { ANSWER_WITHIN_MS } from "../limits.ts";
import { sameSeats } from "../same-seats.ts";
import { type Booking, type Fact, isTerminalsMoney, type Step, subjectOf, totalOf } from "./booking.ts";

/** What `payments` answered, or why it did not. */
type Said = { readonly type: "payment"; readonly payment: Payment } | Refused | Unanswered;
type Refused = Extract<Fact, { type: "refused" }>;
type Unanswered = Extract<Fact, { type: "unanswered" }>;

interface Attempt {
  /** The step was never asked for before, by any process. */
  readonly isFirst: boolean;
  /** What it finds decides, for it is waited for no longer. */
  readonly isLast: boolean;
}

/** The saga's hands: each step is one request to another service, under ids that make it happen once however often it is asked. */
export class Steps {
  readonly #engine: Engine;
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor({ engine, bus, clock, log }: { engine: Engine; bus: Bus; clock: Clock; log: Logger }) {
    this.#engine = engine;
    this.#bus = bus;
    this.#clock = clock;
    this.#log = log;
  }

  async do(booking: Booking, step: Step, attempt: Attempt): Promise<Fact> {
    switch (step.do) {
      case "pin":
        return this.#pin(booking, attempt);
      case "start":
        return this.#start(booking, step.token, attempt);
      case "watch":
        // `payments` asks the gateway by itself, and tells of what changes; gateways bear only so many questions.
        return this.readPayment(booking, { refresh: attempt.isLast });
      case "confirm":
        return this.#confirm(booking);
      case "reseat":
        return this.#reseat(booking);
      case "capture":
        return this.#capture(booking);
      case "release":
        return this.#release(booking, step);
      case "void":
        return this.#void(booking);
      case "refund":
        return this.#refund(booking, step);
    }
  }

  /** What has become of its payment; with `refresh` the gateway is asked first. */
  readPayment(booking: Booking, { refresh }: { refresh: boolean }): Promise<Said> {
    return this.#askPayments(booking, "watch", READ_PAYMENT, { paymentId: paymentOf(booking), refresh });
  }

  /** How long the engine keeps the pinned seats still, in milliseconds; undefined when it does not say. */
  async timeLeft(booking: Booking): Promise<number | undefined> {
    const left = await this.#leftOfPin(booking);
    if (left.type === "unanswered") return undefined;
    return left.type === "hold" ? left.expiresInMs : 0;
  }

  async #pin(booking: Booking, { isFirst }: Attempt): Promise<Fact> {
    const hold = booking.holdId as HoldId; // The engine gave it.
    const pin = { type: "pin", ...addressOf(booking, "pin"), hold, booking: bookingId(booking.id) } as const;
    const askedAt = this.#clock.monotonic();
    const reply = await this.#askEngine(booking, "pin", pin);
    if (reply.type !== "pinned") return reply;
    // This may be an earlier answer, repeated because it was lost. Its time has been running since then, at most since we asked.
    if (isFirst) return { ...reply, expiresInMs: reply.expiresInMs - Math.ceil(this.#clock.monotonic() - askedAt) };
    // Asked for by another: the engine says what is left of it.
    const left = await this.#leftOfPin(booking);
    return left.type === "hold" ? { ...reply, expiresInMs: left.expiresInMs } : left;
  }

  async #leftOfPin(booking: Booking): Promise<AnswerTo<"get-hold"> | Refused | Unanswered> {
    const { showtime, holder } = addressOf(booking, "pin");
    const askedAt = this.#clock.monotonic();
    const query = { type: "get-hold", showtime, holder, hold: booking.holdId as HoldId } as const; // The engine gave it.
    const left = await this.#askEngine(booking, "pin", query);
    if (left.type !== "hold") return left;
    return { ...left, expiresInMs: left.expiresInMs - Math.ceil(this.#clock.monotonic() - askedAt) };
  }

  async #start(booking: Booking, token: string | null, { isFirst }: Attempt): Promise<Fact> {
    try {
      return await this.#askPaymentsOrThrow(booking, "start", START_PAYMENT, startOf(booking, token));
    } catch (error) {
      // Nobody was there: when it was never asked for before, it was never begun.
      if (isFirst && error instanceof NoResponders) return { type: "not-begun" };
      return this.#unanswered(booking, "start", error);
    }
  }

  async #confirm(booking: Booking): Promise<Fact> {
    const hold = booking.holdId as HoldId; // The engine gave it.
    const seats = booking.seats.map(({ seat }) => seat);
    const reply = await this.#askEngine(booking, "confirm", {
      type: "confirm",
      ...addressOf(booking, `confirm.${hold.slice(booking.showtimeId.length + 1)}`),
      hold,
      booking: bookingId(booking.id),
      reacquire: true,
      seats,
    });
    if (reply.type !== "confirmed") return reply;
    if (sameSeats(seats, reply.seats)) return { type: "confirmed", holdId: hold };
    // The engine books under one id once: a confirm of the seats before, of which nobody heard, came about after they were refused.
    const message = "Other seats were booked than the booking has by now.";
    this.#log.error({ booking: booking.id, hold, booked: reply.seats }, message);
    return { type: "refused", step: "confirm", about: subjectOf(booking), code: "CONFLICT", message };
  }

  async #reseat(booking: Booking): Promise<Fact> {
    const [like] = booking.seats;
    const reply = await this.#askEngine(booking, "reseat", {
      type: "hold-best",
      ...addressOf(booking, "reseat"),
      desk: booking.desk,
      count: booking.seats.length,
      ...(like && { category: like.category }),
    });
    if (reply.type !== "held") return reply;
    try {
      const question = { showtimeId: booking.showtimeId, seats: reply.seats };
      const quote = await this.#bus.request(QUOTE, question, { timeoutMs: ANSWER_WITHIN_MS });
      const seats = booking.seats.flatMap((before, at) => {
        const card = quote?.seats[at];
        if (card === undefined) throw new Error(`the catalogue does not know the seats of ${reply.hold}`);
        // At the price that was paid.
        return card.category === before.category ? [{ ...before, seat: card.seat, label: card.label }] : [];
      });
      if (seats.length < booking.seats.length) return await this.#unseat(booking, reply.hold);
      return { type: "reseated", holdId: reply.hold, seats };
    } catch (error) {
      return this.#unanswered(booking, "reseat", error);
    }
  }

  /** Seats that the engine gave, and that are not worth what was paid: they are given back. */
  async #unseat(booking: Booking, hold: HoldId): Promise<Refused> {
    const release = { type: "release", ...addressOf(booking, "unseat"), hold } as const;
    await this.#askEngine(booking, "reseat", release); // Without an answer: they are free when the hold is over.
    const message = "There are no other seats of the category that was paid.";
    this.#log.error({ booking: booking.id, hold }, message);
    return { type: "refused", step: "reseat", about: subjectOf(booking), code: "NOT_ENOUGH_SEATS", message };
  }

  async #capture(booking: Booking): Promise<Fact> {
    const { amount } = totalOf(booking.seats);
    return this.#insist(booking, "capture", CAPTURE_PAYMENT, { paymentId: paymentOf(booking), amount });
  }

  async #void(booking: Booking): Promise<Fact> {
    const reason = booking.reason ?? "The booking is over.";
    const said = await this.#insist(booking, "void", VOID_PAYMENT, { paymentId: paymentOf(booking), reason });
    const isUnheard = said.type === "refused" && said.code === "NOT_FOUND";
    if (!isUnheard || !isTerminalsMoney(booking)) return said;
    // It is in the till: payments has to hear of it first, and the next void finds it.
    const told = await this.#askPayments(booking, "void", START_PAYMENT, startOf(booking, null));
    return told.type === "refused" ? said : { type: "unanswered", step: "void" };
  }

  /** A conflict says that the payment is in another state than we think: then that state is the answer. */
  async #insist<Question>(
    booking: Booking,
    step: "capture" | "void",
    endpoint: Endpoint<Question, ServiceAnswer<Payment>>,
    question: Question,
  ): Promise<Fact> {
    const said = await this.#askPayments(booking, step, endpoint, question);
    if (said.type !== "refused" || said.code !== "CONFLICT") return said;
    const truth = await this.readPayment(booking, { refresh: true });
    return truth.type === "payment" ? truth : { type: "unanswered", step };
  }

  async #release(booking: Booking, { id, seats }: Extract<Step, { do: "release" }>): Promise<Fact> {
    const reply = await this.#askEngine(booking, "release", {
      type: "cancel",
      ...addressOf(booking, `cancel.${id}`),
      booking: bookingId(booking.id),
      ...(seats && { seats }),
    });
    return reply.type === "cancelled" ? { type: "released", id } : reply;
  }

  async #refund(booking: Booking, { id, amount }: Extract<Step, { do: "refund" }>): Promise<Fact> {
    const said = await this.#askPayments(booking, "refund", REFUND_PAYMENT, {
      paymentId: paymentOf(booking),
      refundId: id,
      amount,
      reason: booking.reason ?? "Seats were given back.",
    });
    if (said.type === "refused") this.#log.error({ booking: booking.id, refund: id, ...said }, "a refund was refused");
    if (said.type !== "payment") return said;
    const { doneAt } = said.payment;
    return { type: "refunded", id, amount, ...(doneAt !== undefined && { doneAt }) };
  }

  async #askEngine<Type extends RequestType>(
    booking: Booking,
    step: Step["do"],
    request: RequestOf<Type>,
  ): Promise<AnswerTo<Type> | Refused | Unanswered> {
    try {
      const reply = await answerTo(this.#engine, request);
      if (!isRefusal(reply)) return reply;
      const { code, message } = reply;
      // Of a newer engine: nobody here knows what follows from it, and money might be given back for it.
      if (code === "INTERNAL") throw new Error(message);
      if (ERRORS[code].retryable) return { type: "unanswered", step };
      return { type: "refused", step, about: subjectOf(booking), code, message };
    } catch (error) {
      return this.#unanswered(booking, step, error);
    }
  }

  async #askPayments<Question>(
    booking: Booking,
    step: Step["do"],
    endpoint: Endpoint<Question, ServiceAnswer<Payment>>,
    question: Question,
  ): Promise<Said> {
    try {
      return await this.#askPaymentsOrThrow(booking, step, endpoint, question);
    } catch (error) {
      return this.#unanswered(booking, step, error);
    }
  }

  async #askPaymentsOrThrow<Question>(
    booking: Booking,
    step: Step["do"],
    endpoint: Endpoint<Question, ServiceAnswer<Payment>>,
    question: Question,
  ): Promise<Said> {
    const answer = await this.#bus.request(endpoint, question, { timeoutMs: ANSWER_WITHIN_MS });
    if (answer.ok) {
      if (isPaymentOf(booking, answer.value)) return { type: "payment", payment: answer.value };
      throw new Error(`${endpoint.name} answered with another payment`);
    }
    const { code, message } = answer;
    const mayPass = !isErrorCode(code) || code === "INTERNAL" || ERRORS[code].retryable;
    if (mayPass) return { type: "unanswered", step, isHeard: true };
    return { type: "refused", step, about: subjectOf(booking), code, message };
  }

  #unanswered(booking: Booking, step: Step["do"], error: unknown): Unanswered {
    this.#log.warn(
      { err: error, booking: booking.id, step },
      "a step of a booking was not answered; it is tried again",
    );
    return { type: "unanswered", step };
  }
}

const addressOf = (booking: Booking, step: string) => ({
  showtime: showtimeId(booking.showtimeId),
  holder: holderId(booking.userId),
  rid: requestId(derivedId("saga-", booking.secret, step)),
});

function paymentOf({ id, payment }: Booking): string {
  if (payment === null) throw new Error(`${id} has no payment`);
  return payment.id;
}

/** The same whenever it is sent. */
function startOf({ id, userId, title, payBy, payment, seats }: Booking, token: string | null): PaymentStart {
  if (payment === null) throw new Error(`${id} has no payment to start`);
  return {
    paymentId: payment.id,
    bookingId: id,
    userId,
    method: payment.method,
    token,
    amount: totalOf(seats),
    payBy: new Date(payBy).toISOString(),
    description: `${title}, ${seats.length === 1 ? "1 seat" : `${seats.length} seats`}`,
  };
}

/** What came over the bus is believed only so far. */
const isPaymentOf = (booking: Booking, payment: Payment): boolean =>
  payment.paymentId === booking.payment?.id && PAYMENT_STATES.includes(payment.state);
