import { type Kysely, sql, type Transaction, type Updateable } from "kysely";
import type { Clock } from "../../platform/clock/index.ts";
import type { Outbox } from "../../platform/events/index.ts";
import type { PaymentFacts } from "../../proto/index.ts";
import type { PaymentStart } from "../../proto/services/index.ts";
import type { GatewayRecord } from "./gateways/gateway.ts";
import { STEP_LEASE_MS, STEPS_AT_ONCE } from "./limits.ts";
import { settle } from "./settlement.ts";
import { dueAfter, retryAfter } from "./steps.ts";
import type { PaymentRow, PaymentsTables, PaymentTable, RefundRow } from "./tables.ts";

interface Options {
  readonly db: Kysely<PaymentsTables>;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

type InTransaction = Transaction<PaymentsTables>;

export interface Change {
  readonly before: PaymentRow;
  readonly after: PaymentRow;
  /** The gateway's record was not of this payment. */
  readonly mismatch: boolean;
}

/** The rows. Whatever changes one holds its lock, and those of its booking's other payments, since their events are told in one order. */
export class PaymentBook {
  readonly #db: Kysely<PaymentsTables>;
  readonly #outbox: Outbox;
  readonly #clock: Clock;

  constructor({ db, outbox, clock }: Options) {
    this.#db = db;
    this.#outbox = outbox;
    this.#clock = clock;
  }

  /** @returns false when there is a payment of that id already */
  async add({
    paymentId,
    bookingId,
    userId,
    method,
    token,
    amount,
    payBy,
    description,
  }: PaymentStart): Promise<boolean> {
    const now = this.#clock.now();
    const added = await this.#db
      .insertInto("payment")
      .values({
        ...{ id: paymentId, booking_id: bookingId, user_id: userId, method, token, description },
        ...{ amount: amount.amount, currency: amount.currency, pay_by: new Date(payBy) },
        ...{ state: "pending", due_at: new Date(now + STEP_LEASE_MS), created_at: new Date(now) },
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning("id")
      .executeTakeFirst();
    return added !== undefined;
  }

  find(id: string): Promise<PaymentRow | undefined> {
    return this.#db.selectFrom("payment").selectAll().where("id", "=", id).executeTakeFirst();
  }

  openRefunds(paymentId: string, from: Kysely<PaymentsTables> = this.#db): Promise<RefundRow[]> {
    return from
      .selectFrom("refund")
      .selectAll()
      .where("payment_id", "=", paymentId)
      .where("state", "=", "open")
      .orderBy("created_at")
      .orderBy("id")
      .execute();
  }

  /**
   * What is wanted of a payment, written down before it is done.
   * @param wish looks at the row and says what to write, or nothing; what it throws is thrown
   * @returns undefined when there is no such payment
   */
  want(
    id: string,
    wish: (row: PaymentRow, transaction: InTransaction) => Promise<Updateable<PaymentTable> | undefined>,
  ): Promise<PaymentRow | undefined> {
    return this.#db.transaction().execute(async (transaction) => {
      const row = await locked(transaction, id);
      const changes = row && (await wish(row, transaction));
      if (row === undefined || changes === undefined) return row;
      const due_at = new Date(this.#clock.now() + STEP_LEASE_MS);
      return update(transaction, id, { ...changes, due_at });
    });
  }

  /**
   * The same for a refund, which gets a row of its own.
   * @param refuse looks at the payment and at the refunds that were asked for before
   */
  wantRefund(
    paymentId: string,
    refund: { readonly id: string; readonly amount: number; readonly reason: string },
    refuse: (row: PaymentRow, before: readonly RefundRow[]) => boolean,
  ): Promise<PaymentRow | undefined> {
    return this.want(paymentId, async (row, transaction) => {
      const before = await transaction
        .selectFrom("refund")
        .selectAll()
        .where((where) => where.or([where("payment_id", "=", paymentId), where("id", "=", refund.id)]))
        .execute();
      if (refuse(row, before)) return undefined;
      await transaction
        .insertInto("refund")
        .values({ ...refund, payment_id: paymentId, state: "open", created_at: new Date(this.#clock.now()) })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return {};
    });
  }

  /** Takes down what the gateway has told, with the events of it. @param refund that was done by this */
  settle(id: string, record: GatewayRecord, refund?: RefundRow): Promise<Change> {
    return this.#db.transaction().execute(async (transaction) => {
      const before = await locked(transaction, id);
      if (before === undefined) throw new Error(`payment ${id} is gone`); // Rows are never deleted.
      const { mismatch, state, reason, captured, undo } = settle(before, record);
      const refunded = before.refunded + (refund === undefined ? 0 : await this.#refunded(transaction, before, refund));
      const ours = record.paymentId === id;
      const next = state === "pending" && ours ? (record.next ?? before.next) : null;
      const row: PaymentRow = {
        ...{ ...before, state, reason, captured, refunded, undo, next, attempts: 0 },
        ...(ours && { gateway_id: before.gateway_id ?? record.gatewayId, token: null }),
      };
      const due = dueAfter(row, await this.#refundsLeft(transaction, row), this.#clock.now());
      const after = await update(transaction, id, {
        ...{ state, reason, captured, refunded, undo, attempts: 0, due_at: due },
        ...{ next: next && JSON.stringify(next), gateway_id: row.gateway_id, token: row.token },
      });
      if (before.state !== state && state === "captured") {
        await this.#outbox.add(transaction, "payment.success", row.booking_id, factsOf(after));
      }
      if (before.state !== state && state === "failed") {
        await this.#outbox.add(transaction, "payment.failed", row.booking_id, factsOf(after));
      }
      return { before, after, mismatch };
    });
  }

  /** The gateway has said no for good: no money has moved. @param undo whether something may be reserved there */
  fail(id: string, reason: string, undo: boolean): Promise<Change> {
    return this.#db.transaction().execute(async (transaction) => {
      const before = await locked(transaction, id);
      if (before === undefined) throw new Error(`payment ${id} is gone`); // Rows are never deleted.
      if (before.state !== "pending" && before.state !== "authorized")
        return { before, after: before, mismatch: false };
      const due_at = undo ? new Date(this.#clock.now()) : null;
      const after = await update(transaction, id, { state: "failed", reason, undo, due_at, token: null, next: null });
      await this.#outbox.add(transaction, "payment.failed", after.booking_id, factsOf(after));
      return { before, after, mismatch: false };
    });
  }

  /** A step came to nothing: it is due again after a while. */
  async postpone({ id, attempts }: PaymentRow): Promise<void> {
    await this.#db
      .updateTable("payment")
      .set({ attempts: attempts + 1, due_at: retryAfter(attempts, this.#clock.now()) })
      .where("id", "=", id)
      .execute();
  }

  /** The gateway has said no, but it has to be: the next time it is asked for it anew. */
  async postponeRefused(row: PaymentRow, refund?: RefundRow): Promise<void> {
    const [table, id] = refund === undefined ? (["payment", row.id] as const) : (["refund", refund.id] as const);
    await this.#db
      .updateTable(table)
      .set({ refusals: sql<number>`refusals + 1` })
      .where("id", "=", id)
      .execute();
    await this.postpone(row);
  }

  /** Payments with a step that is due; they are this process's for a while. */
  async takeDue(): Promise<string[]> {
    const now = this.#clock.now();
    const taken = await this.#db
      .updateTable("payment")
      .set({ due_at: new Date(now + STEP_LEASE_MS) })
      .where("id", "in", (from) =>
        from
          .selectFrom("payment")
          .select("id")
          .where("due_at", "<=", new Date(now))
          .orderBy("due_at")
          .limit(STEPS_AT_ONCE)
          .forUpdate()
          .skipLocked(),
      )
      .returning("id")
      .execute();
    return taken.map(({ id }) => id);
  }

  /** After a start: whatever is open is due now. What another process is at is asked for twice, with the same key. */
  async releaseAll(): Promise<void> {
    const now = new Date(this.#clock.now());
    await this.#db.updateTable("payment").set({ due_at: now }).where("due_at", ">", now).execute();
  }

  async #refunded(transaction: InTransaction, row: PaymentRow, refund: RefundRow): Promise<number> {
    const done = await transaction
      .updateTable("refund")
      .set({ state: "done" })
      .where("id", "=", refund.id)
      .where("state", "=", "open")
      .returning("amount")
      .executeTakeFirst();
    if (done === undefined) return 0;
    await this.#outbox.add(transaction, "payment.refund", row.booking_id, {
      ...factsOf(row),
      ...{ reason: refund.reason, refundId: refund.id, refund: { amount: refund.amount, currency: row.currency } },
    });
    return done.amount;
  }

  /** Only what was captured can be refunded: others are not asked for. */
  #refundsLeft(transaction: InTransaction, row: PaymentRow): Promise<RefundRow[]> {
    return row.state === "captured" ? this.openRefunds(row.id, transaction) : Promise.resolve([]);
  }
}

/** Locks every payment of its booking. */
async function locked(transaction: InTransaction, id: string): Promise<PaymentRow | undefined> {
  const rows = await transaction
    .selectFrom("payment")
    .selectAll()
    .where("booking_id", "=", (from) =>
      from.selectFrom("payment as one").select("one.booking_id").where("one.id", "=", id),
    )
    .orderBy("id")
    .forUpdate()
    .execute();
  return rows.find((row) => row.id === id);
}

const update = (transaction: InTransaction, id: string, changes: Updateable<PaymentTable>): Promise<PaymentRow> =>
  transaction.updateTable("payment").set(changes).where("id", "=", id).returningAll().executeTakeFirstOrThrow();

const factsOf = ({ id, booking_id, method, amount, currency, reason }: PaymentRow): PaymentFacts => ({
  ...{ paymentId: id, bookingId: booking_id, method, amount: { amount, currency }, reason },
});
