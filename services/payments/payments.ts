import { type Clock, within } from "../../platform/clock/index.ts";
import type { ErrorCode } from "../../proto/index.ts";
import type { Payment, PaymentMethod, PaymentStart, ServiceAnswer } from "../../proto/services/index.ts";
import { AMOUNT_MAX, ANSWER_WITHIN_MS, LOOKS_BEHIND_MAX, STEP_LEASE_MS } from "./limits.ts";
import type { PaymentBook, RefundWish, Verdict } from "./book/payment-book.ts";
import type { Stepper } from "./work/stepper.ts";
import type { PaymentRow, RefundRow, SeenPayment } from "./tables.ts";

interface Options {
  readonly book: PaymentBook;
  /** Those that are set up. */
  readonly methods: ReadonlySet<PaymentMethod>;
  readonly stepper: Stepper;
  readonly clock: Clock;
}

type Answer = ServiceAnswer<Payment>;

/** What is asked over the bus. Each wish is a row before anything is done about it, and may be repeated. */
export class Payments {
  readonly #options: Options;
  /** What goes on behind answers that were given already. */
  readonly #running = new Set<Promise<unknown>>();
  #looksBehind = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  async start(wish: PaymentStart): Promise<Answer> {
    const { book, methods } = this.#options;
    if (!methods.has(wish.method)) {
      return refusal("PAYMENT_METHOD_UNAVAILABLE", `Payment by ${wish.method} is not set up here.`);
    }
    if (!isAmount(wish.amount.amount)) return refusal("BAD_MESSAGE", "That is no amount of money.");
    const row = (await book.add(wish)) ?? (await book.find(wish.paymentId));
    if (row === undefined) throw new Error("a payment's row was lost"); // Rows are never deleted.
    if (!isSame(row, wish)) return refusal("CONFLICT", "The payment's id was used for another payment.");
    return ok(row.gateway_id === null ? await this.#advanced(row) : row);
  }

  /** What is known now; with `refresh` the gateway is asked first. */
  async read(id: string, { refresh }: { refresh: boolean }): Promise<Answer> {
    const row = await this.#options.book.find(id);
    if (row === undefined) return unknown();
    return ok(refresh ? await this.#advanced(row, { look: true }) : row);
  }

  async capture(id: string, amount: number): Promise<Answer> {
    const judged = await this.#options.book.want(id, (found) => judgeCapture(found, amount));
    if (judged === undefined) return unknown();
    const { verdict, row } = judged;
    if (verdict.type === "refused") return refusal(verdict.code, verdict.message);
    const now = verdict.type === "wanted" ? await this.#advanced(row) : row;
    if (now.state === "captured" && now.captured === amount) return ok(now);
    if (isTakeable(now)) return unavailable("The gateway has not taken it yet.");
    return refusal("CONFLICT", `The payment cannot be taken: it is ${now.state}.`);
  }

  async void(id: string, reason: string): Promise<Answer> {
    const judged = await this.#options.book.want(id, (found) => judgeVoid(found, reason));
    if (judged === undefined) return unknown();
    const { verdict, row } = judged;
    // A capture whose outcome is not known comes first: what was taken cannot be voided.
    const now = verdict.type === "wanted" || row.state === "authorized" ? await this.#advanced(row) : row;
    if (now.state === "captured") return refusal("CONFLICT", "The payment is captured: refund it.");
    if (isTakeable(now)) return unavailable("It is being captured.");
    return ok(now);
  }

  async refund(id: string, refundId: string, amount: number, reason: string): Promise<Answer> {
    const { book, clock } = this.#options;
    const refund = { id: refundId, amount, reason };
    const judged = await book.wantRefund(id, refund, (found, before) =>
      judgeRefund(found, before, refund, clock.now()),
    );
    if (judged === undefined) return unknown();
    const { verdict, row } = judged;
    if (verdict.type === "refused") return refusal(verdict.code, verdict.message);
    if (verdict.type === "wanted") await this.#advanced(row);
    const now = await book.findRefund(refundId);
    if (now?.state === "open" && now.again_at === null) return unavailable("The gateway has not given it back yet.");
    // Perhaps another process has done it meanwhile, which the row that was seen here knows nothing of.
    return ok((await book.find(id)) ?? row, now?.done_at);
  }

  /** Asks the gateway how a payment that is due stands, with nobody waiting for it. Where many are asked after already, the sweep does so. */
  lookBehind(row: SeenPayment): void {
    if (this.#looksBehind === LOOKS_BEHIND_MAX) return;
    this.#looksBehind += 1;
    void this.#track(this.#options.stepper.advance(row, { look: true })).finally(() => (this.#looksBehind -= 1));
  }

  /** Settles when nothing is going on any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** The payment when it is as far as it gets, or when whoever asked has waited long enough; then the work goes on behind. */
  async #advanced(row: SeenPayment, { look = false } = {}): Promise<PaymentRow> {
    const { book, stepper, clock } = this.#options;
    const work = this.#track(stepper.advance(row, { look }));
    const after = await within(clock, ANSWER_WITHIN_MS, work, () => undefined);
    return after ?? (await book.find(row.id)) ?? row;
  }

  #track(work: Promise<SeenPayment | undefined>): Promise<SeenPayment | undefined> {
    const tracked = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
    return work;
  }
}

const isTakeable = ({ state, void_reason: reason }: PaymentRow): boolean => state === "authorized" && reason === null;

function judgeCapture(row: PaymentRow, amount: number): Verdict {
  if (!isAmount(amount) || amount > row.amount) return refused("BAD_MESSAGE", "More than was authorized.");
  if ((row.capture_wanted ?? amount) !== amount) return refused("CONFLICT", "Another amount was asked for before.");
  return isTakeable(row) ? { type: "wanted", changes: { capture_wanted: amount } } : { type: "left" };
}

function judgeVoid(row: PaymentRow, reason: string): Verdict {
  const open = row.state === "pending" || (row.state === "authorized" && row.capture_wanted === null);
  if (!open || row.void_reason !== null) return { type: "left" };
  // A terminal's money is no reservation: it is in the till, and has to be in the books before it can be handed out.
  if (row.method === "terminal" && row.amount > 0) return { type: "wanted", changes: { capture_wanted: row.amount } };
  return { type: "wanted", changes: { void_reason: reason, undo: true } };
}

function judgeRefund(
  { id, state, captured, due_at: dueAt }: PaymentRow,
  before: readonly RefundRow[],
  wish: RefundWish,
  now: number,
): Verdict {
  const first = before.find((refund) => refund.id === wish.id);
  if (first !== undefined) {
    if (first.payment_id !== id || first.amount !== wish.amount)
      return refused("CONFLICT", "The refund's id was used for another refund.");
    // It is under way at the gateway, perhaps for days: it is looked at when it is due, however often it is asked for.
    const isLater = dueAt !== null && dueAt.getTime() > now + STEP_LEASE_MS;
    return isLater ? { type: "left" } : { type: "wanted", changes: {} };
  }
  if (!isAmount(wish.amount)) return refused("BAD_MESSAGE", "That is no amount of money.");
  if (state !== "captured") return refused("CONFLICT", `The payment is ${state}: nothing was taken.`);
  const asked = before.reduce((sum, refund) => sum + refund.amount, wish.amount);
  return asked > captured ? refused("CONFLICT", "More than was taken.") : { type: "wanted", changes: {} };
}

const paymentOf = (row: PaymentRow): Payment => ({
  paymentId: row.id,
  bookingId: row.booking_id,
  method: row.method,
  state: row.state,
  amount: { amount: row.amount, currency: row.currency },
  captured: row.captured,
  ...(row.captured_at && { capturedAt: row.captured_at.toISOString() }),
  refunded: row.refunded,
  reason: row.reason,
  next: row.next,
});

const isAmount = (amount: number): boolean => Number.isInteger(amount) && amount >= 0 && amount <= AMOUNT_MAX;

const isSame = (row: PaymentRow, { bookingId, method, amount }: PaymentStart): boolean =>
  row.booking_id === bookingId &&
  row.method === method &&
  row.amount === amount.amount &&
  row.currency === amount.currency;

const ok = (row: PaymentRow, doneAt?: Date | null): Answer => ({
  ok: true,
  value: { ...paymentOf(row), ...(doneAt && { doneAt: doneAt.toISOString() }) },
});
const refused = (code: ErrorCode, message: string): Verdict => ({ type: "refused", code, message });
const refusal = (code: ErrorCode, message: string): Answer => ({ ok: false, code, message });
const unknown = (): Answer => refusal("NOT_FOUND", "There is no such payment.");
const unavailable = (message: string): Answer => refusal("UNAVAILABLE", `${message} It is tried again by itself.`);
