import { type Bus, serving, type Subscription } from "../../../platform/bus/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import type { Endpoint } from "../../../proto/index.ts";
import {
  CAPTURE_PAYMENT,
  type Payment,
  PAYMENT_CHANGED,
  type PaymentStart,
  type PaymentState,
  READ_PAYMENT,
  REFUND_PAYMENT,
  type ServiceAnswer,
  START_PAYMENT,
  VOID_PAYMENT,
} from "../../../proto/services/index.ts";

type Answer = ServiceAnswer<Payment>;

interface Kept {
  payment: Payment;
  givenUp: boolean;
  readonly refunds: Map<string, { readonly amount: number; readonly reason: string }>;
}

const no = (code: "CONFLICT" | "NOT_FOUND" | "PAYMENT_METHOD_UNAVAILABLE", message: string): Answer => ({
  ok: false,
  code,
  message,
});

const isOpen = ({ state }: Payment): boolean => state === "pending" || state === "authorized";

/**
 * `payments` as its endpoints promise, with a gateway that does as its tokens say: `ok`, `declined`, `no-word` (authorized, but nobody
 * is told), `uncapturable`; whatever else waits for `decide`, `void-later` even when it is given up.
 */
export class ScriptedPayments {
  readonly starts: PaymentStart[] = [];
  readonly #kept = new Map<string, Kept>();
  readonly #bus: Bus;
  readonly #log: Logger;
  readonly #served: Subscription[] = [];
  /** Put in place of an honest answer, when it gives one, at once or later. */
  lie: (endpoint: string, honest: Answer) => Answer | Promise<Answer> = (_endpoint, honest) => honest;

  constructor({ bus, log }: { bus: Bus; log: Logger }) {
    this.#bus = bus;
    this.#log = log;
    this.open();
  }

  open(): void {
    const serve = <Question>(endpoint: Endpoint<Question, Answer>, work: (question: Question) => Answer) => {
      const answer = async (question: Question): Promise<Answer> => this.lie(endpoint.name, work(question));
      this.#served.push(serving(this.#bus, this.#log, "payments")(endpoint, answer));
    };
    serve(START_PAYMENT, (start) => this.#start(start));
    serve(READ_PAYMENT, ({ paymentId }) => this.#with(paymentId, ({ payment }) => ({ ok: true, value: payment })));
    serve(CAPTURE_PAYMENT, ({ paymentId, amount }) => this.#capture(paymentId, amount));
    serve(VOID_PAYMENT, ({ paymentId }) => this.#void(paymentId));
    serve(REFUND_PAYMENT, ({ paymentId, refundId, amount, reason }) =>
      this.#refund(paymentId, refundId, amount, reason),
    );
  }

  /** Nobody serves from now on. */
  close(): void {
    for (const served of this.#served.splice(0)) served.close();
  }

  /** The gateway has made up its mind. */
  decide(bookingId: string, state: "authorized" | "failed"): void {
    for (const kept of this.#of(bookingId)) {
      if (kept.payment.state !== "pending") continue;
      this.#become(kept, kept.givenUp ? (state === "authorized" ? "voided" : "failed") : state);
    }
  }

  /** What was taken for the booking, less what was given back; minor units. */
  kept(bookingId: string): number {
    return this.#of(bookingId).reduce((sum, { payment }) => sum + payment.captured - payment.refunded, 0);
  }

  /** Why money was given back, in turn. */
  reasons(bookingId: string): string[] {
    return this.#of(bookingId).flatMap(({ refunds }) => Array.from(refunds.values(), ({ reason }) => reason));
  }

  /** Whether money is still reserved. */
  reserved(bookingId: string): boolean {
    return this.#of(bookingId).some(({ payment }) => payment.state === "authorized");
  }

  givenUp(bookingId: string): boolean {
    return this.#of(bookingId).some((kept) => kept.givenUp);
  }

  #of(bookingId: string): Kept[] {
    return [...this.#kept.values()].filter(({ payment }) => payment.bookingId === bookingId);
  }

  #tokenOf(paymentId: string): string | null | undefined {
    return this.starts.find((start) => start.paymentId === paymentId)?.token;
  }

  #start(start: PaymentStart): Answer {
    const { paymentId, bookingId, method, token, amount } = start;
    const known = this.#kept.get(paymentId);
    if (known !== undefined) return { ok: true, value: known.payment };
    if (method === "stripe") return no("PAYMENT_METHOD_UNAVAILABLE", "Payment by stripe is not set up here.");
    this.starts.push(start);
    const next = token === null && method === "mock" ? { url: `http://gateway.example/${paymentId}` } : null;
    const payment: Payment = {
      paymentId,
      bookingId,
      method,
      amount,
      captured: 0,
      refunded: 0,
      reason: null,
      next,
      state: method === "terminal" || token === "no-word" ? "authorized" : "pending",
    };
    const kept = { payment, givenUp: false, refunds: new Map() };
    this.#kept.set(paymentId, kept);
    if (token === "no-word") return { ok: true, value: { ...payment, state: "pending" } };
    if (token === "ok" || token === "uncapturable") this.#become(kept, "authorized");
    if (token === "declined") this.#become(kept, "failed", "The card was declined.");
    return { ok: true, value: payment };
  }

  #capture(paymentId: string, amount: number): Answer {
    return this.#with(paymentId, (kept) => {
      const { payment } = kept;
      if (payment.state === "captured") return { ok: true, value: payment };
      if (this.#tokenOf(paymentId) === "uncapturable") this.#become(kept, "failed", "The bank took it back.");
      if (kept.payment.state !== "authorized") return no("CONFLICT", "It is not authorized.");
      this.#become(kept, "captured", null, { captured: amount });
      return { ok: true, value: kept.payment };
    });
  }

  #void(paymentId: string): Answer {
    return this.#with(paymentId, (kept) => {
      if (kept.payment.state === "captured") return no("CONFLICT", "It was captured.");
      kept.givenUp = true;
      const voidsLater = kept.payment.state === "pending" && this.#tokenOf(paymentId) === "void-later";
      if (isOpen(kept.payment) && !voidsLater) this.#become(kept, "voided");
      return { ok: true, value: kept.payment };
    });
  }

  #refund(paymentId: string, refundId: string, amount: number, reason: string): Answer {
    return this.#with(paymentId, (kept) => {
      const { payment, refunds } = kept;
      if (!refunds.has(refundId)) {
        if (payment.state !== "captured" || payment.refunded + amount > payment.captured) {
          return no("CONFLICT", "There is not so much to give back.");
        }
        refunds.set(refundId, { amount, reason });
        kept.payment = { ...payment, refunded: payment.refunded + amount };
      }
      return { ok: true, value: kept.payment };
    });
  }

  #with(paymentId: string, work: (kept: Kept) => Answer): Answer {
    const kept = this.#kept.get(paymentId);
    return kept === undefined ? no("NOT_FOUND", "There is no such payment.") : work(kept);
  }

  #become(kept: Kept, state: PaymentState, reason: string | null = null, more: Partial<Payment> = {}): void {
    kept.payment = { ...kept.payment, state, reason, ...more };
    const { paymentId, bookingId } = kept.payment;
    this.#bus.publish(PAYMENT_CHANGED, { paymentId, bookingId, state });
  }
}
