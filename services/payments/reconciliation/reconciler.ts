import type { Kysely } from "kysely";
import type { Pool } from "pg";
import { Gauge } from "prom-client";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import type { Registry } from "../../../platform/metrics/index.ts";
import { Leadership } from "../../../platform/postgres/index.ts";
import type { PaymentDifference, Reconciliation } from "../../../proto/rest/index.ts";
import type { PaymentMethod } from "../../../proto/services/index.ts";
import { ComparedPayments, type ComparedRow } from "./compared-payments.ts";
import {
  type Gateway,
  type GatewayRecord,
  GatewayRefused,
  type KnownPayment,
  knownOf,
  type ListedGateway,
} from "../gateways/gateway.ts";
import { DIFFERENCES_MAX, RECONCILE_ROWS_MAX, RECONCILE_WINDOW_MS } from "../limits.ts";
import type { PaymentsTables } from "../tables.ts";
import { keptBy, Pairing, type Suspects } from "./pairing.ts";

interface Options {
  /** For the lock of the process that reconciles. */
  readonly pool: Pool;
  readonly db: Kysely<PaymentsTables>;
  readonly gateways: ReadonlyMap<PaymentMethod, ListedGateway>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
}

/** Holds our books against the gateways': what was captured less what was refunded is the same on both sides, payment by payment. */
export class Reconciler {
  readonly #options: Options;
  readonly #ours: ComparedPayments;
  readonly #gauge: Gauge<"method">;
  readonly #openRefund: Gauge;
  #leadership: Leadership | undefined;
  #underWay: Promise<Reconciliation> | undefined;
  #leavesOff = false;

  constructor(options: Options) {
    this.#options = options;
    this.#ours = new ComparedPayments(options);
    this.#gauge = new Gauge({
      name: "usher_payments_differences",
      help: "Payments of which we and the gateway say different things, at the last reconciliation",
      labelNames: ["method"],
      registers: [options.metrics],
    });
    this.#openRefund = new Gauge({
      name: "usher_payments_open_refund_seconds",
      help: "Age of the oldest refund that its gateway has not done, at the last reconciliation",
      registers: [options.metrics],
    });
  }

  /** As `reconcile`, in one process of all: the first that comes, until it stops, hangs, or its connection ends. The others' gauges are 0, or not there. */
  async reconcileForAll(): Promise<void> {
    this.#leadership ??= await this.#lead();
    if (this.#leadership !== undefined) {
      await this.reconcile();
      return;
    }
    this.#gauge.reset();
    this.#openRefund.reset();
  }

  /** A comparison that is under way ends at the next payment, however long the gateway's list is. */
  leaveOff(): void {
    this.#leavesOff = true;
  }

  stop(): void {
    this.#leadership?.end();
  }

  async #lead(): Promise<Leadership | undefined> {
    const { pool, clock, log } = this.#options;
    const leadership = await Leadership.take({ pool, name: "usher.payments.reconciler", clock, log });
    void leadership?.lost.then(() => (this.#leadership = undefined));
    return leadership;
  }

  /** What is still under way is left for the next time. Whoever asks while it is at it gets the same answer. */
  reconcile(): Promise<Reconciliation> {
    return (this.#underWay ??= this.#reconcile().finally(() => (this.#underWay = undefined)));
  }

  async #reconcile(): Promise<Reconciliation> {
    const { gateways, clock, log } = this.#options;
    const at = clock.now();
    const since = new Date(at - RECONCILE_WINDOW_MS);
    const unreachable: string[] = [];
    const differences: PaymentDifference[] = [];
    let compared = 0;
    let truncated = false;
    for (const [method, gateway] of gateways) {
      try {
        const found = await this.#compare(method, gateway, since);
        compared += found.compared;
        truncated ||= found.truncated;
        differences.push(...found.differences);
        this.#gauge.set({ method }, found.differences.length);
      } catch (error) {
        unreachable.push(method);
        log.warn({ err: error, gateway: method }, "a gateway's list could not be compared with ours");
      }
    }
    this.#openRefund.set((at - ((await this.#ours.oldestOpenRefund())?.getTime() ?? at)) / 1000);
    for (const difference of differences) log.error(difference, "a payment differs between us and its gateway");
    return {
      at: new Date(at).toISOString(),
      since: since.toISOString(),
      compared,
      unreachable,
      differences,
      truncated,
    };
  }

  async #compare(
    method: PaymentMethod,
    gateway: ListedGateway,
    since: Date,
  ): Promise<{ compared: number; differences: PaymentDifference[]; truncated: boolean }> {
    const pairing = new Pairing();
    const differences: PaymentDifference[] = [];
    let truncated = false;
    const lookAgain = async (suspects: Suspects): Promise<void> => {
      for (const [paymentId, { row, record }] of suspects) {
        if (this.#leavesOff) throw new Error("the process stops");
        const isFull = differences.length === DIFFERENCES_MAX;
        if (isFull) truncated = true;
        const isMended = row !== undefined && keptBy(record) > keptBy(row);
        if (isFull && !isMended) continue; // Where the gateway has more of ours, each is looked at: that mends it.
        const difference = await this.#lookAgain(method, gateway, paymentId, record ?? knownBy(row));
        if (difference !== undefined && !isFull) differences.push(difference);
      }
    };
    for await (const { rows, from, until } of this.#ours.slices(method, since)) {
      for (const row of rows) pairing.ours(row);
      for await (const record of gateway.list(from, until)) {
        if (this.#leavesOff) throw new Error("the process stops");
        pairing.theirs(record);
        // So many are none of ours: the books may be of days ago, and the list goes on until now.
        if (pairing.open > 2 * RECONCILE_ROWS_MAX) await lookAgain(pairing.letGo());
      }
      await lookAgain(pairing.endOfSlice(until === undefined));
    }
    const old = await this.#ours.refundedLately(method, since);
    for (const row of old) {
      const difference = await this.#lookAgain(method, gateway, row.id, knownBy(row));
      if (difference !== undefined && differences.length === DIFFERENCES_MAX) truncated = true;
      else if (difference !== undefined) differences.push(difference);
      await this.#ours.noteLook(row);
    }
    return { compared: pairing.compared + old.length, differences, truncated };
  }

  /** The two lists are not of one instant: only what differs when both sides are read again, and nothing is under way, is told. */
  async #lookAgain(
    method: PaymentMethod,
    gateway: Gateway,
    paymentId: string,
    known: KnownPayment | undefined,
  ): Promise<PaymentDifference | undefined> {
    const record = known && (await recordOf(gateway, known));
    const row = await this.#ours.find(paymentId);
    if (keptBy(row) === keptBy(record) || (row !== undefined && row.due_at !== null)) return undefined;
    if (row !== undefined && keptBy(record) > keptBy(row)) await this.#ours.makeDue(row);
    return {
      paymentId,
      method,
      gatewayId: record?.gatewayId ?? row?.gateway_id ?? null,
      bookingId: row?.booking_id ?? record?.bookingId ?? null,
      ours: row ? { state: row.state, kept: { amount: keptBy(row), currency: row.currency } } : null,
      gateways: record
        ? { state: record.state, kept: { amount: keptBy(record), currency: record.amount.currency } }
        : null,
    };
  }
}

/** Undefined when the gateway does not know the payment. */
async function recordOf(gateway: Gateway, known: KnownPayment): Promise<GatewayRecord | undefined> {
  try {
    const record = await gateway.read(known);
    return record.paymentId === known.paymentId ? record : undefined;
  } catch (error) {
    if (error instanceof GatewayRefused) return undefined;
    throw error;
  }
}

const knownBy = (row: ComparedRow | undefined): KnownPayment | undefined =>
  row === undefined || row.gateway_id === null ? undefined : knownOf(row, row.gateway_id);
