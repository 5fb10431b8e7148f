import { Counter } from "prom-client";
import type { Bus } from "../../../platform/bus/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import type { Registry } from "../../../platform/metrics/index.ts";
import { PAYMENT_CHANGED, type PaymentMethod } from "../../../proto/services/index.ts";
import type { Agenda } from "../book/agenda.ts";
import {
  type Gateway,
  type GatewayRecord,
  GatewayRefused,
  GatewayUnavailable,
  type KnownPayment,
  knownOf,
  RefundUnderWay,
} from "../gateways/gateway.ts";
import { OwnBooks } from "../gateways/own-books.ts";
import type { Change, PaymentBook } from "../book/payment-book.ts";
import { isUnclaimed, type Step, stepOf } from "../decisions/steps.ts";
import { STEPS_MAX } from "../limits.ts";
import type { PaymentRow, SeenPayment } from "../tables.ts";

interface Options {
  readonly book: PaymentBook;
  readonly agenda: Agenda;
  /** Those that are set up. */
  readonly gateways: ReadonlyMap<PaymentMethod, Gateway>;
  readonly bus: Bus;
  readonly log: Logger;
  readonly metrics: Registry;
}

/** Takes payments through what is open for them: asks the gateway, takes down what it said, and tells of it. */
export class Stepper {
  readonly #options: Options;
  readonly #nothingToPay = new OwnBooks();
  readonly #asked: Counter<"method" | "outcome">;

  constructor(options: Options) {
    this.#options = options;
    this.#asked = new Counter({
      name: "usher_payments_gateway_requests_total",
      help: "What gateways were asked for: answered, also where the answer was no, or unavailable",
      labelNames: ["method", "outcome"],
      registers: [options.metrics],
    });
    // A counter that begins at its first one has not increased by it.
    for (const method of options.gateways.keys())
      for (const outcome of ["answered", "unavailable"]) this.#asked.inc({ method, outcome }, 0);
  }

  /** Looks at a payment whose time for it has come. Whoever has not heard of reserved money is told of it again. */
  async lookAgain(due: SeenPayment): Promise<void> {
    const seen = await this.advance(due, { look: true });
    if (seen !== undefined && isUnclaimed(due) && isUnclaimed(seen)) this.#publish(seen);
  }

  /**
   * Does what is open for a payment, so far as the gateway plays along. Never rejects: what was not done is found again when it is due.
   * @param options.look asks the gateway how it stands even when nothing is open
   * @returns the payment as it is then; undefined when that would have to be read
   */
  async advance(seen: SeenPayment, { look }: { look: boolean }): Promise<SeenPayment | undefined> {
    const { book, log } = this.#options;
    try {
      let row = seen;
      const tried = new Set<string>();
      let refunds = row.state === "captured" ? await book.openRefunds(row.id) : [];
      for (let steps = 0; steps < STEPS_MAX; steps++) {
        const step = stepOf(row, refunds) ?? readStepOf(row);
        // What has just been told is not asked for again.
        if (step === undefined || (step.type === "read" && (steps > 0 || !(look || row.state === "pending"))))
          return row;
        const after = await this.#take(step, row);
        if (after === undefined) return undefined;
        // A refund that is under way, or refused, may be so for days: the others do not wait for it.
        if (after === row && step.type === "refund") tried.add(step.refund.id);
        // Nobody could ask for a refund before it was captured; whoever does from now on advances it.
        const open = row.state === "captured" ? await book.openRefunds(row.id) : [];
        refunds = open.filter(({ id }) => !tried.has(id));
        row = after;
      }
      return row;
    } catch (error) {
      log.error({ err: error, payment: seen.id }, "a payment could not be advanced; it is tried again");
      return undefined;
    }
  }

  /** @returns the payment as it is now, when the next step may follow at once; the same when it is that of another refund */
  async #take(step: Step, row: SeenPayment): Promise<SeenPayment | undefined> {
    const { book, agenda, log } = this.#options;
    const gateway = this.#gatewayFor(step, row);
    if (gateway === undefined) {
      log.error({ payment: row.id }, `a payment waits for ${row.method}, which is not set up here any more`);
      await agenda.postpone(row);
      return undefined;
    }
    try {
      const record = await this.#ask(gateway, step, row);
      const change = await book.settle(row, record, step.type === "refund" ? step.refund : undefined);
      this.#tell(change);
      if (step.type !== "undo" || !change.after.undo) return change.after;
      // It has said yes and not done it: that answer would only be given again.
      await agenda.postponeRefused(change.after);
      return undefined;
    } catch (error) {
      if (error instanceof GatewayRefused) return this.#refused(step, row, gateway, error);
      if (error instanceof RefundUnderWay) {
        await agenda.lookLater(row, step.type === "refund" ? step.refund : row);
        return step.type === "refund" ? row : undefined;
      }
      if (!(error instanceof GatewayUnavailable)) throw error;
      log.warn({ payment: row.id, step: step.type, reason: error.message }, "a gateway cannot be asked; trying again");
      if (error.isKept && (step.type === "capture" || step.type === "undo")) return this.#askAnew(step, row, gateway);
      await agenda.postpone(row);
      // A kept answer is this refund's alone; where there was none, the next would not be answered either.
      return error.isKept && step.type === "refund" ? row : undefined;
    }
  }

  async #ask(gateway: Gateway, step: Step, row: PaymentRow): Promise<GatewayRecord> {
    const count = (outcome: "answered" | "unavailable"): void => {
      if (gateway !== this.#nothingToPay) this.#asked.inc({ method: row.method, outcome });
    };
    try {
      const record = await act(gateway, step, row);
      count("answered");
      return record;
    } catch (error) {
      count(error instanceof GatewayRefused || error instanceof RefundUnderWay ? "answered" : "unavailable");
      throw error;
    }
  }

  /** The gateway has said no. Perhaps because it is done already: its record tells. */
  async #refused(
    step: Step,
    row: SeenPayment,
    gateway: Gateway,
    { message }: GatewayRefused,
  ): Promise<SeenPayment | undefined> {
    const { agenda, log } = this.#options;
    const level = step.type === "start" ? "info" : "warn"; // A buyer may have sent any token.
    log[level]({ payment: row.id, step: step.type, reason: message }, "a gateway has refused");
    switch (step.type) {
      case "start":
        return this.#fail(row, message, { undo: false });
      case "read":
        await agenda.postpone(row);
        return undefined;
      case "refund":
        await agenda.postponeRefused(row, step.refund);
        return row;
      case "capture":
      case "undo":
        return this.#askAnew(step, row, gateway, message);
    }
  }

  /**
   * Where its record says that it was not done, it is asked for anew. A second capture or undo of the same payment does nothing; a second
   * refund would.
   * @param refusal of a gateway that has said no: a capture is given up
   */
  async #askAnew(
    step: Extract<Step, { type: "capture" | "undo" }>,
    row: SeenPayment,
    gateway: Gateway,
    refusal?: string,
  ): Promise<SeenPayment | undefined> {
    const { book, agenda } = this.#options;
    const record = await this.#recordOf(gateway, row, step.gatewayId);
    const change = record && (await book.settle(row, record));
    if (change) this.#tell(change);
    if (change && stepOf(change.after, [])?.type !== step.type) return change.after;
    if (change && step.type === "capture" && refusal !== undefined)
      return this.#fail(change.after, refusal, { undo: true });
    await agenda.postponeRefused(row);
    return undefined;
  }

  async #fail(row: SeenPayment, reason: string, { undo }: { undo: boolean }): Promise<SeenPayment> {
    const change = await this.#options.book.fail(row, reason, { undo });
    this.#tell(change);
    return change.after;
  }

  async #recordOf(gateway: Gateway, row: PaymentRow, gatewayId: string): Promise<GatewayRecord | undefined> {
    try {
      return await gateway.read(knownOf(row, gatewayId));
    } catch (error) {
      if (error instanceof GatewayRefused || error instanceof GatewayUnavailable) return undefined;
      throw error;
    }
  }

  #tell({ before, after, surprise }: Change): void {
    const { log } = this.#options;
    if (surprise === "reopened") {
      log.error(
        { payment: after.id, gatewayId: after.gateway_id, refunded: after.refunded, currency: after.currency },
        "a gateway has given back less than it said: it is asked to do so again",
      );
    }
    if (surprise === "mismatch") {
      log.error(
        { payment: after.id, gatewayId: after.gateway_id, amount: after.amount, currency: after.currency },
        "a gateway's record is not of this payment's money: it is not believed",
      );
    }
    if (before.state === after.state && before.refunded === after.refunded) return;
    this.#publish(after);
  }

  #publish({ id, booking_id: bookingId, state }: PaymentRow): void {
    this.#options.bus.publish(PAYMENT_CHANGED, { paymentId: id, bookingId, state });
  }

  /** Where no money moves, no gateway is asked: none takes an amount of nothing. */
  #gatewayFor(step: Step, { method, amount }: PaymentRow): Gateway | undefined {
    const nothing = amount === 0 || (step.type === "refund" && step.refund.amount === 0);
    return nothing ? this.#nothingToPay : this.#options.gateways.get(method);
  }
}

async function act(gateway: Gateway, step: Step, row: PaymentRow): Promise<GatewayRecord> {
  if (step.type === "start") {
    return gateway.start({
      paymentId: row.id,
      bookingId: row.booking_id,
      description: row.description,
      amount: { amount: row.amount, currency: row.currency },
      token: row.token,
      payBy: row.pay_by,
      orderedAt: row.created_at,
    });
  }
  const known = knownOf(row, step.gatewayId);
  switch (step.type) {
    case "read":
      return gateway.read(known);
    case "capture":
      return gateway.capture(known, step.amount, keyed(`${row.id}-capture`, row.refusals));
    case "refund":
      return gateway.refund(known, step.refund.amount, keyed(step.refund.id, step.refund.refusals), step.refund.id);
    case "undo":
      return undo(gateway, known, `${row.id}-undo`, row.refusals);
  }
}

/** Asks how it stands, where nothing else is to be done. Undefined: no gateway has it. */
const readStepOf = ({ gateway_id: gatewayId }: PaymentRow): Step | undefined =>
  gatewayId === null ? undefined : { type: "read", gatewayId };

/** Voids it; what was taken all the same is refunded. */
async function undo(gateway: Gateway, known: KnownPayment, id: string, refusals: number): Promise<GatewayRecord> {
  const key = keyed(id, refusals);
  const record = await gateway.read(known);
  if (record.captured > record.refunded) return gateway.refund(known, record.captured - record.refunded, key, id);
  return record.state === "pending" || record.state === "authorized" ? gateway.void(known, key) : record;
}

/** What was refused, or was not done, may be asked for again only as a new request: gateways remember their answers. */
const keyed = (id: string, refusals: number): string => (refusals === 0 ? id : `${id}-${refusals}`);
