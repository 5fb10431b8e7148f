import type { Bus } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import type { Outbox } from "../../platform/events/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import type { ErrorCode } from "../../proto/index.ts";
import {
  PAYMENT_CHANGED,
  type Payment,
  type PaymentMethod,
  type PaymentStart,
  type ServiceAnswer,
} from "../../proto/services/index.ts";
import {
  type Gateway,
  type GatewayRecord,
  GatewayRefused,
  GatewayUnavailable,
  type KnownPayment,
} from "./gateways/gateway.ts";
import { Terminal } from "./gateways/terminal.ts";
import { AMOUNT_MAX, ANSWER_WITHIN_MS } from "./limits.ts";
import type { Change, PaymentBook } from "./payment-book.ts";
import { type Step, stepOf } from "./steps.ts";
import type { PaymentRow } from "./tables.ts";

interface Options {
  readonly book: PaymentBook;
  /** Those that are set up. */
  readonly gateways: ReadonlyMap<PaymentMethod, Gateway>;
  readonly outbox: Outbox;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
}

type Answer = ServiceAnswer<Payment>;

/** Steps with a gateway in one go: start, read, capture, then refunds. */
const STEPS_MAX = 8;

/** What is asked over the bus. Each wish is a row before anything is done about it, and may be repeated. */
export class Payments {
  readonly #options: Options;
  /** What goes on behind answers that were given already. */
  readonly #running = new Set<Promise<void>>();
  readonly #nothingToPay = new Terminal();

  constructor(options: Options) {
    this.#options = options;
  }

  async start(wish: PaymentStart): Promise<Answer> {
    const { book, gateways } = this.#options;
    if (!gateways.has(wish.method)) {
      return refusal("PAYMENT_METHOD_UNAVAILABLE", `Payment by ${wish.method} is not set up here.`);
    }
    if (!isAmount(wish.amount.amount)) return refusal("BAD_MESSAGE", "That is no amount of money.");
    const added = await book.add(wish);
    const row = await book.find(wish.paymentId);
    if (row === undefined) throw new Error("a payment's row was lost"); // Rows are never deleted.
    if (!added && !isSame(row, wish)) return refusal("CONFLICT", "The payment's id was used for another payment.");
    if (row.gateway_id === null) await this.#within(this.advance(row.id, false));
    return this.read(row.id, false);
  }

  async read(id: string, refresh: boolean): Promise<Answer> {
    if (refresh) await this.#within(this.advance(id, true));
    const row = await this.#options.book.find(id);
    return row === undefined ? unknown() : ok(row);
  }

  async capture(id: string, amount: number): Promise<Answer> {
    let refused: Answer | undefined;
    const row = await this.#options.book.want(id, async (found) => {
      if (!isAmount(amount) || amount > found.amount) refused = refusal("BAD_MESSAGE", "More than was authorized.");
      else if ((found.capture_wanted ?? amount) !== amount)
        refused = refusal("CONFLICT", "Another amount was asked for.");
      else if (found.state === "authorized" && found.void_reason === null) return { capture_wanted: amount };
      return undefined;
    });
    if (row === undefined) return unknown();
    if (refused) return refused;
    if (row.state === "authorized" && row.void_reason === null) await this.#within(this.advance(id, false));
    return this.#answer(id, (now) => {
      if (now.state === "captured" && now.captured === amount) return ok(now);
      if (now.state === "authorized" && now.void_reason === null)
        return unavailable("The gateway has not taken it yet.");
      return refusal("CONFLICT", `The payment cannot be taken: it is ${now.state}.`);
    });
  }

  async void(id: string, reason: string): Promise<Answer> {
    const { book } = this.#options;
    let wanted = false;
    const row = await book.want(id, async (found) => {
      const open = found.state === "pending" || (found.state === "authorized" && found.capture_wanted === null);
      if (!open || found.void_reason !== null) return undefined;
      wanted = true;
      return { void_reason: reason, undo: true };
    });
    if (row === undefined) return unknown();
    // A capture whose outcome is not known comes first: what was taken cannot be voided.
    if (wanted || row.state === "authorized") await this.#within(this.advance(id, false));
    return this.#answer(id, (now) => {
      if (now.state === "captured") return refusal("CONFLICT", "The payment is captured: refund it.");
      if (now.state === "authorized" && now.void_reason === null) return unavailable("It is being captured.");
      return ok(now);
    });
  }

  async refund(id: string, refundId: string, amount: number, reason: string): Promise<Answer> {
    let refused: Answer | undefined;
    const row = await this.#options.book.want(id, async (found, transaction) => {
      const known = await transaction
        .selectFrom("refund")
        .selectAll()
        .where((where) => where.or([where("payment_id", "=", id), where("id", "=", refundId)]))
        .execute();
      const first = known.find((refund) => refund.id === refundId);
      if (first !== undefined) {
        if (first.payment_id === id && first.amount === amount) return first.state === "open" ? {} : undefined;
        refused = refusal("CONFLICT", "The refund's id was used for another refund.");
        return undefined;
      }
      const before = known.reduce((sum, refund) => sum + refund.amount, 0);
      if (!isAmount(amount)) refused = refusal("BAD_MESSAGE", "That is no amount of money.");
      else if (found.state !== "captured")
        refused = refusal("CONFLICT", `The payment is ${found.state}: nothing was taken.`);
      else if (before + amount > found.captured) refused = refusal("CONFLICT", "More than was taken.");
      if (refused) return undefined;
      const created_at = new Date(this.#options.clock.now());
      await transaction
        .insertInto("refund")
        .values({ id: refundId, payment_id: id, amount, reason, state: "open", created_at })
        .execute();
      return {};
    });
    if (row === undefined) return unknown();
    if (refused) return refused;
    await this.#within(this.advance(id, false));
    const open = await this.#options.book.openRefunds(id);
    if (open.some((refund) => refund.id === refundId)) return unavailable("The gateway has not given it back yet.");
    return this.read(id, false);
  }

  /**
   * Does what is open for a payment, so far as the gateway plays along. Never rejects: what was not done is found again when it is due.
   * @param look asks the gateway how it stands even when nothing is open
   */
  async advance(id: string, look: boolean): Promise<void> {
    const { book, log } = this.#options;
    try {
      for (let steps = 0; steps < STEPS_MAX; steps++) {
        const row = await book.find(id);
        if (row === undefined) return;
        const step = stepOf(row, row.state === "captured" ? await book.openRefunds(id) : []) ?? lookAt(row);
        // What has just been told is not asked for again.
        if (step === undefined || (step.type === "read" && (steps > 0 || !(look || row.state === "pending")))) return;
        if (!(await this.#take(step, row))) return;
      }
    } catch (error) {
      log.error({ err: error, payment: id }, "a payment could not be advanced; it is tried again");
    }
  }

  /** The same, with nobody waiting for it. */
  lookBehind(id: string): void {
    this.#track(this.advance(id, true));
  }

  /** Settles when nothing is going on any more. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** @returns whether to go on to the next step at once */
  async #take(step: Step, row: PaymentRow): Promise<boolean> {
    const { book, log } = this.#options;
    const gateway = this.#gatewayFor(step, row);
    if (gateway === undefined) {
      log.error({ payment: row.id }, `a payment waits for ${row.method}, which is not set up here any more`);
      await book.postpone(row, undefined);
      return false;
    }
    try {
      const record = await act(gateway, step, row);
      const change = await book.settle(row.id, record, step.type === "refund" ? step.refund : undefined);
      this.#tell(change);
      if (step.type !== "undo" || !change.after.undo) return true;
      // It has said yes and not done it: that answer would only be given again.
      await book.postpone(change.after, {});
      return false;
    } catch (error) {
      if (error instanceof GatewayRefused) return this.#refused(step, row, gateway, error);
      if (!(error instanceof GatewayUnavailable)) throw error;
      log.warn({ payment: row.id, step: step.type, reason: error.message }, "a gateway cannot be asked; trying again");
      await book.postpone(row, undefined);
      return false;
    }
  }

  /** The gateway has said no. Perhaps it has done so because it is done already: its record tells. */
  async #refused(step: Step, row: PaymentRow, gateway: Gateway, { message }: GatewayRefused): Promise<boolean> {
    const { book, log } = this.#options;
    log.warn({ payment: row.id, step: step.type, reason: message }, "a gateway has refused");
    if (step.type === "start") {
      this.#tell(await book.fail(row.id, message, false));
      return true;
    }
    if (step.type === "capture" || step.type === "undo") {
      const record = await this.#recordOf(gateway, row, step.gatewayId);
      const change = record && (await book.settle(row.id, record));
      if (change) this.#tell(change);
      if (change && stepOf(change.after, [])?.type !== step.type) return true;
      if (change && step.type === "capture") {
        this.#tell(await book.fail(row.id, message, true));
        return true;
      }
    }
    await book.postpone(row, step.type === "refund" ? { refund: step.refund } : {});
    return false;
  }

  async #recordOf(gateway: Gateway, row: PaymentRow, gatewayId: string): Promise<GatewayRecord | undefined> {
    try {
      return await gateway.read(knownOf(row, gatewayId));
    } catch (error) {
      if (error instanceof GatewayRefused || error instanceof GatewayUnavailable) return undefined;
      throw error;
    }
  }

  #tell({ before, after, mismatch }: Change): void {
    const { bus, outbox, log } = this.#options;
    if (mismatch) {
      log.error(
        { payment: after.id, gatewayId: after.gateway_id, amount: after.amount, currency: after.currency },
        "a gateway's record is not of this payment's money: it is not believed",
      );
    }
    if (before.state === after.state && before.refunded === after.refunded) return;
    outbox.nudge();
    bus.publish(PAYMENT_CHANGED, { paymentId: after.id, bookingId: after.booking_id, state: after.state });
  }

  /** Where no money moves, no gateway is asked: none takes an amount of nothing. */
  #gatewayFor(step: Step, { method, amount }: PaymentRow): Gateway | undefined {
    const nothing = amount === 0 || (step.type === "refund" && step.refund.amount === 0);
    return nothing ? this.#nothingToPay : this.#options.gateways.get(method);
  }

  async #answer(id: string, answerOf: (row: PaymentRow) => Answer): Promise<Answer> {
    const row = await this.#options.book.find(id);
    return row === undefined ? unknown() : answerOf(row);
  }

  #within(work: Promise<void>): Promise<void> {
    this.#track(work);
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(ANSWER_WITHIN_MS, resolve);
      void work.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  #track(work: Promise<void>): void {
    const tracked = work.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}

async function act(gateway: Gateway, step: Step, row: PaymentRow): Promise<GatewayRecord> {
  if (step.type === "start") {
    return gateway.start({
      ...{ paymentId: row.id, bookingId: row.booking_id, description: row.description },
      ...{ amount: { amount: row.amount, currency: row.currency }, token: row.token, payBy: row.pay_by },
    });
  }
  const known = knownOf(row, step.gatewayId);
  switch (step.type) {
    case "read":
      return gateway.read(known);
    case "capture":
      return gateway.capture(known, step.amount, `${row.id}-capture`);
    case "refund":
      return gateway.refund(known, step.refund.amount, keyed(step.refund.id, step.refund.refusals));
    case "undo":
      return undo(gateway, known, keyed(`${row.id}-undo`, row.refusals));
  }
}

const lookAt = ({ gateway_id: gatewayId }: PaymentRow): Step | undefined =>
  gatewayId === null ? undefined : { type: "read", gatewayId };

/** Voids it; what was taken all the same is refunded. */
async function undo(gateway: Gateway, known: KnownPayment, key: string): Promise<GatewayRecord> {
  const record = await gateway.read(known);
  if (record.captured > record.refunded) return gateway.refund(known, record.captured - record.refunded, key);
  return record.state === "pending" || record.state === "authorized" ? gateway.void(known, key) : record;
}

/** A request that was refused may be made again only as a new one: gateways remember their answers. */
const keyed = (id: string, refusals: number): string => (refusals === 0 ? id : `${id}-${refusals}`);

const knownOf = (row: PaymentRow, gatewayId: string): KnownPayment => ({
  ...{ paymentId: row.id, gatewayId, amount: { amount: row.amount, currency: row.currency } },
  ...{ state: row.state, captured: row.captured, refunded: row.refunded },
});

export const paymentOf = (row: PaymentRow): Payment => ({
  ...{ paymentId: row.id, bookingId: row.booking_id, method: row.method, state: row.state },
  ...{ amount: { amount: row.amount, currency: row.currency }, captured: row.captured, refunded: row.refunded },
  ...{ reason: row.reason, next: row.next },
});

const isAmount = (amount: number): boolean => Number.isInteger(amount) && amount >= 0 && amount <= AMOUNT_MAX;

const isSame = (row: PaymentRow, { bookingId, method, amount }: PaymentStart): boolean =>
  row.booking_id === bookingId &&
  row.method === method &&
  row.amount === amount.amount &&
  row.currency === amount.currency;

const ok = (row: PaymentRow): Answer => ({ ok: true, value: paymentOf(row) });
const refusal = (code: ErrorCode, message: string): Answer => ({ ok: false, code, message });
const unknown = (): Answer => refusal("NOT_FOUND", "There is no such payment.");
const unavailable = (message: string): Answer => refusal("UNAVAILABLE", `${message} It is tried again by itself.`);
