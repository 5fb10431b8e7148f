import type { Kysely } from "kysely";
import type { Pool } from "pg";
import { Gauge } from "prom-client";
import type { Clock } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import type { Registry } from "../../platform/metrics/index.ts";
import { SessionLock } from "../../platform/postgres/index.ts";
import type { PaymentDifference, Reconciliation } from "../../proto/rest/index.ts";
import type { PaymentMethod } from "../../proto/services/index.ts";
import { type Gateway, type GatewayRecord, GatewayRefused, type KnownPayment } from "./gateways/gateway.ts";
import {
  DIFFERENCES_MAX,
  OLD_REFUND_EVERY_MS,
  OLD_REFUNDS_AT_ONCE,
  RECONCILE_WINDOW_MS,
  SENT_BACK_WITHIN_MS,
} from "./limits.ts";
import { knownOf } from "./stepper.ts";
import type { PaymentRow, PaymentsTables } from "./tables.ts";

interface Options {
  /** For the lock of the process that reconciles. */
  readonly pool: Pool;
  readonly db: Kysely<PaymentsTables>;
  readonly gateways: ReadonlyMap<PaymentMethod, Gateway>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Registry | undefined;
}

/** Holds our books against the gateways': what was captured less what was refunded is the same on both sides, payment by payment. */
export class Reconciler {
  readonly #options: Options;
  readonly #gauge: Gauge<"method"> | undefined;
  readonly #openRefund: Gauge | undefined;
  #lock: SessionLock | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#gauge =
      options.metrics &&
      new Gauge({
        name: "usher_payments_differences",
        help: "Payments of which we and the gateway say different things, at the last reconciliation",
        labelNames: ["method"],
        registers: [options.metrics],
      });
    this.#openRefund =
      options.metrics &&
      new Gauge({
        name: "usher_payments_open_refund_seconds",
        help: "Age of the oldest refund that its gateway has not done, at the last reconciliation",
        registers: [options.metrics],
      });
  }

  /** As `reconcile`, in one process of all: the first that comes, until it stops or its connection ends. The others' gauges are 0, or not there. */
  async reconcileForAll(): Promise<void> {
    this.#lock ??= await this.#takeLock();
    if (this.#lock !== undefined) {
      await this.reconcile();
      return;
    }
    this.#gauge?.reset();
    this.#openRefund?.reset();
  }

  stop(): void {
    this.#lock?.end();
  }

  async #takeLock(): Promise<SessionLock | undefined> {
    const lock = await SessionLock.take(this.#options.pool, "usher.payments.reconciler");
    void lock?.lost.then(() => {
      lock.end();
      this.#lock = undefined;
    });
    return lock;
  }

  /** What is still under way is left for the next time. */
  async reconcile(): Promise<Reconciliation> {
    const { gateways, clock, log } = this.#options;
    const at = clock.now();
    const since = new Date(at - RECONCILE_WINDOW_MS);
    const unreachable: string[] = [];
    const differences: PaymentDifference[] = [];
    let compared = 0;
    for (const [method, gateway] of gateways) {
      if (method === "terminal") continue; // It keeps no books.
      try {
        const found = await this.#compare(method, gateway, since);
        compared += found.compared;
        differences.push(...found.differences);
        this.#gauge?.set({ method }, found.differences.length);
      } catch (error) {
        unreachable.push(method);
        log.warn({ err: error, gateway: method }, "a gateway's list could not be compared with ours");
      }
    }
    this.#openRefund?.set((at - ((await this.#oldestOpenRefund())?.getTime() ?? at)) / 1000);
    for (const difference of differences) log.error(difference, "a payment differs between us and its gateway");
    return { at: new Date(at).toISOString(), since: since.toISOString(), compared, unreachable, differences };
  }

  async #compare(
    method: PaymentMethod,
    gateway: Gateway,
    since: Date,
  ): Promise<{ compared: number; differences: PaymentDifference[] }> {
    const ours = new Map((await this.#rows(method, since)).map((row) => [row.id, row]));
    const compared = new Set(ours.keys());
    const suspects = new Map<string, KnownPayment | undefined>();
    for await (const record of gateway.list(since)) {
      compared.add(record.paymentId);
      const row = ours.get(record.paymentId);
      ours.delete(record.paymentId);
      if (keptBy(row) !== keptBy(record)) suspects.set(record.paymentId, record);
    }
    // Left over are those that the gateway's list does not have. It may have begun before `since`, by the gateway's clock.
    for (const row of ours.values()) {
      if (keptBy(row) !== 0) suspects.set(row.id, row.gateway_id === null ? undefined : knownOf(row, row.gateway_id));
    }

    const differences: PaymentDifference[] = [];
    for (const [paymentId, known] of suspects) {
      if (differences.length === DIFFERENCES_MAX) break;
      const difference = await this.#lookAgain(method, gateway, paymentId, known);
      if (difference !== undefined) differences.push(difference);
    }
    for (const row of await this.#refundedLately(method, since)) {
      compared.add(row.id);
      const difference = await this.#lookAgain(
        method,
        gateway,
        row.id,
        row.gateway_id === null ? undefined : knownOf(row, row.gateway_id),
      );
      if (difference !== undefined) differences.push(difference);
      await this.#noteLook(row);
    }
    return { compared: compared.size, differences };
  }

  /** Payments that are too old for the lists, but not their refunds: banks send those back. Some at a time, each once a day. */
  #refundedLately(method: PaymentMethod, since: Date): Promise<PaymentRow[]> {
    const { db, clock } = this.#options;
    const now = clock.now();
    return db
      .selectFrom("payment")
      .selectAll()
      .where("id", "in", (from) =>
        from
          .selectFrom("refund")
          .innerJoin("payment", "payment.id", "refund.payment_id")
          .select("payment_id")
          .where("refund.state", "=", "done")
          .where("refund.created_at", ">=", new Date(now - SENT_BACK_WITHIN_MS))
          .where(({ or, eb }) =>
            or([eb("looked_at", "is", null), eb("looked_at", "<", new Date(now - OLD_REFUND_EVERY_MS))]),
          )
          .where("payment.method", "=", method)
          .where("payment.created_at", "<", since)
          .where("payment.due_at", "is", null)
          .orderBy("looked_at", (order) => order.asc().nullsFirst())
          .limit(OLD_REFUNDS_AT_ONCE),
      )
      .execute();
  }

  async #noteLook({ id }: PaymentRow): Promise<void> {
    const looked_at = new Date(this.#options.clock.now());
    await this.#options.db.updateTable("refund").set({ looked_at }).where("payment_id", "=", id).execute();
  }

  async #oldestOpenRefund(): Promise<Date | null | undefined> {
    const { db } = this.#options;
    const oldest = db.selectFrom("refund").select(({ fn }) => fn.min("created_at").as("at"));
    return (await oldest.where("state", "=", "open").executeTakeFirst())?.at;
  }

  #rows(method: PaymentMethod, since: Date): Promise<PaymentRow[]> {
    return this.#options.db
      .selectFrom("payment")
      .selectAll()
      .where("method", "=", method)
      .where("created_at", ">=", since)
      .where("amount", ">", 0)
      .execute();
  }

  /** The two lists are not of one instant: only what differs when both sides are read again, and nothing is under way, is told. */
  async #lookAgain(
    method: PaymentMethod,
    gateway: Gateway,
    paymentId: string,
    known: KnownPayment | undefined,
  ): Promise<PaymentDifference | undefined> {
    const record = known && (await recordOf(gateway, known));
    const row = await this.#options.db.selectFrom("payment").selectAll().where("id", "=", paymentId).executeTakeFirst();
    if (keptBy(row) === keptBy(record) || (row !== undefined && row.due_at !== null)) return undefined;
    if (row !== undefined && keptBy(record) > keptBy(row)) await this.#makeDue(row);
    return {
      paymentId,
      method,
      gatewayId: record?.gatewayId ?? row?.gateway_id ?? null,
      ours: row ? { state: row.state, kept: { amount: keptBy(row), currency: row.currency } } : null,
      gateways: record
        ? { state: record.state, kept: { amount: keptBy(record), currency: record.amount.currency } }
        : null,
    };
  }

  /** What was given back, or called off, has come back to the gateway, and nobody has said so. */
  async #makeDue({ id }: PaymentRow): Promise<void> {
    const due_at = new Date(this.#options.clock.now());
    await this.#options.db.updateTable("payment").set({ due_at }).where("id", "=", id).execute();
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

const keptBy = (side: { readonly captured: number; readonly refunded: number } | undefined): number =>
  side === undefined ? 0 : side.captured - side.refunded;
