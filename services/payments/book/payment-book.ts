import { type Kysely, sql, type Transaction, type Updateable } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import type { Outbox } from "../../../platform/events/index.ts";
import { BuiltOnce } from "../../../platform/postgres/index.ts";
import type { ErrorCode, PaymentFacts } from "../../../proto/index.ts";
import type { PaymentStart } from "../../../proto/services/index.ts";
import type { GatewayRecord } from "../gateways/gateway.ts";
import { STEP_LEASE_MS } from "../limits.ts";
import { hasSentBack, outcomeOf, settlementOf } from "../decisions/settlement.ts";
import {
  isUnchanged,
  type PaymentRow,
  type PaymentsTables,
  type PaymentTable,
  type RefundRow,
  REVISION,
  type SeenPayment,
} from "../tables.ts";

interface Options {
  readonly db: Kysely<PaymentsTables>;
  readonly outbox: Outbox;
  readonly clock: Clock;
}

type InTransaction = Transaction<PaymentsTables>;

/** What whoever looks at a payment makes of it: something is wanted of it and written down, or the row is left as it is. */
export type Verdict =
  | { readonly type: "wanted"; readonly changes: Updateable<PaymentTable> }
  | { readonly type: "left" }
  | { readonly type: "refused"; readonly code: ErrorCode; readonly message: string };

export interface RefundWish {
  readonly id: string;
  /** Minor units. */
  readonly amount: number;
  readonly reason: string;
}

/** The last verdict, and the row as it is after it. */
interface Judged {
  readonly verdict: Verdict;
  readonly row: SeenPayment;
}

export interface Change {
  readonly before: SeenPayment;
  readonly after: SeenPayment;
  /** Mismatch: the gateway's record was not of this payment. Reopened: it has given back less than was told of, so that refunds are open again. */
  readonly surprise: "mismatch" | "reopened" | null;
}

/**
 * The rows. A change rests on the row as it was seen: where somebody else has written since, it is looked at anew. Whoever tells of one
 * holds the locks of its booking's other payments too, since their events are told in one order.
 */
export class PaymentBook {
  readonly #db: Kysely<PaymentsTables>;
  readonly #outbox: Outbox;
  readonly #clock: Clock;
  readonly #statements = new BuiltOnce();

  constructor({ db, outbox, clock }: Options) {
    this.#db = db;
    this.#outbox = outbox;
    this.#clock = clock;
  }

  /** @returns undefined when there is a payment of that id already */
  async add({
    paymentId,
    bookingId,
    userId,
    method,
    token,
    amount,
    payBy,
    description,
  }: PaymentStart): Promise<SeenPayment | undefined> {
    const now = this.#clock.now();
    return this.#db
      .insertInto("payment")
      .values({
        id: paymentId,
        booking_id: bookingId,
        user_id: userId,
        method,
        token,
        description,
        amount: amount.amount,
        currency: amount.currency,
        pay_by: new Date(payBy),
        state: "pending",
        due_at: new Date(now + STEP_LEASE_MS),
        created_at: new Date(now),
      })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .returning(REVISION)
      .executeTakeFirst();
  }

  async find(id: string): Promise<SeenPayment | undefined> {
    const select = () => this.#db.selectFrom("payment").selectAll().select(REVISION).where("id", "=", id);
    const { rows } = await this.#db.executeQuery(this.#statements.with("find", [id], select));
    return rows[0];
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

  findRefund(id: string): Promise<RefundRow | undefined> {
    return this.#db.selectFrom("refund").selectAll().where("id", "=", id).executeTakeFirst();
  }

  /**
   * What is wanted of a payment, written down before it is done.
   * @param decide looks at the row, once more whenever somebody has written it meanwhile
   * @returns undefined when there is no such payment
   */
  async want(id: string, decide: (row: PaymentRow) => Verdict): Promise<Judged | undefined> {
    for (;;) {
      const row = await this.find(id);
      if (row === undefined) return undefined;
      const verdict = decide(row);
      if (verdict.type !== "wanted") return { verdict, row };
      const due_at = new Date(this.#clock.now() + STEP_LEASE_MS);
      const after = await this.#write(row, { ...verdict.changes, due_at });
      if (after !== undefined) return { verdict, row: after };
    }
  }

  /**
   * The same for a refund, which gets a row of its own.
   * @param decide looks at the payment and at the refunds that were asked for before
   */
  wantRefund(
    paymentId: string,
    refund: RefundWish,
    decide: (row: PaymentRow, before: readonly RefundRow[]) => Verdict,
  ): Promise<Judged | undefined> {
    return this.#db.transaction().execute(async (transaction) => {
      const row = await locked(transaction, paymentId);
      if (row === undefined) return undefined;
      const before = await transaction
        .selectFrom("refund")
        .selectAll()
        .where((where) => where.or([where("payment_id", "=", paymentId), where("id", "=", refund.id)]))
        .execute();
      const verdict = decide(row, before);
      if (verdict.type !== "wanted") return { verdict, row };
      await transaction
        .insertInto("refund")
        .values({ ...refund, payment_id: paymentId, state: "open", created_at: new Date(this.#clock.now()) })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      const due_at = new Date(this.#clock.now() + STEP_LEASE_MS);
      return { verdict, row: await update(transaction, paymentId, { ...verdict.changes, due_at }) };
    });
  }

  /** Takes down what the gateway has told, with the events of it. @param refund that was done by this */
  async settle(seen: SeenPayment, record: GatewayRecord, refund?: RefundRow): Promise<Change> {
    if (refund !== undefined) return this.#settleRefund(seen.id, record, refund);
    for (let before = seen; ; before = await this.#again(before)) {
      // Only what was captured can be refunded: others are not asked for.
      const open = before.state === "captured" ? await this.openRefunds(before.id) : [];
      const now = this.#clock.now();
      const { mismatch, changes } = settlementOf(before, record, before.refunded, open, now);
      // A record that is older than the row says nothing of what was done since.
      if (before === seen && !mismatch && open.length === 0 && hasSentBack(before, record)) {
        const after = await this.#openAgain(before);
        if (after !== undefined) return { before, after, surprise: "reopened" };
      }
      const type = outcomeOf(before.state, changes.state);
      const after = await this.#write(before, changes, type && { type, at: now });
      if (after !== undefined) return { before, after, surprise: mismatch ? "mismatch" : null };
    }
  }

  /** The gateway has said no for good: no money has moved. @param options.undo something may be reserved there */
  async fail(seen: SeenPayment, reason: string, { undo }: { undo: boolean }): Promise<Change> {
    for (let before = seen; ; before = await this.#again(before)) {
      if (before.state !== "pending" && before.state !== "authorized") return { before, after: before, surprise: null };
      const now = this.#clock.now();
      const due_at = undo ? new Date(now) : null;
      const changes = { state: "failed", reason, undo, due_at, token: null, next: null } as const;
      const after = await this.#write(before, changes, { type: "payment.failed", at: now });
      if (after !== undefined) return { before, after, surprise: null };
    }
  }

  /** Two rows at once: a transaction, as the events of refunds are rare. */
  async #settleRefund(id: string, record: GatewayRecord, refund: RefundRow): Promise<Change> {
    const change = await this.#db.transaction().execute(async (transaction): Promise<Change> => {
      const before = await locked(transaction, id);
      if (before === undefined) throw new Error(`payment ${id} is gone`); // Rows are never deleted.
      const now = this.#clock.now();
      const refunded = before.refunded + (await this.#refunded(transaction, before, refund, new Date(now)));
      const open = before.state === "captured" ? await this.openRefunds(id, transaction) : [];
      const { mismatch, changes } = settlementOf(before, record, refunded, open, now);
      // One that was done before has failed while this one was under way: to be looked at by itself, since this record may be the older.
      const isShort = !mismatch && open.length === 0 && hasSentBack({ ...before, refunded }, record);
      const after = await update(transaction, id, isShort ? { ...changes, due_at: new Date(now) } : changes);
      const type = outcomeOf(before.state, changes.state);
      if (type !== undefined)
        await this.#outbox.add(transaction, type, after.booking_id, factsOf(after), new Date(now));
      return { before, after, surprise: mismatch ? "mismatch" : null };
    });
    this.#outbox.nudge();
    return change;
  }

  /**
   * Which of its refunds has failed after all only the gateway can say: it is asked for each again. What was told of them stays.
   * @returns undefined when somebody has written the row since it was seen
   */
  #openAgain({ id, revision }: SeenPayment): Promise<SeenPayment | undefined> {
    const now = this.#clock.now();
    return this.#db.transaction().execute(async (transaction) => {
      if ((await locked(transaction, id))?.revision !== revision) return undefined;
      await transaction
        .updateTable("refund")
        .set({ state: "open", again_at: new Date(now) })
        .where("payment_id", "=", id)
        .execute();
      return update(transaction, id, { due_at: new Date(now + STEP_LEASE_MS) });
    });
  }

  /** One statement, with what is told of it. Undefined when somebody has written the row since it was seen. */
  async #write(
    seen: SeenPayment,
    changes: Updateable<PaymentTable>,
    told?: { readonly type: "payment.success" | "payment.failed"; readonly at: number },
  ): Promise<SeenPayment | undefined> {
    const { id, booking_id: bookingId, revision } = seen;
    const update = () =>
      this.#db
        .updateTable("payment")
        .set(changes)
        .where("id", "=", id)
        .where(isUnchanged(revision))
        .returningAll()
        .returning(REVISION);
    if (told === undefined) {
      const values = [...Object.values(changes), id, revision];
      const statement = this.#statements.with(`update ${Object.keys(changes).join()}`, values, update);
      return (await this.#db.executeQuery(statement)).rows[0];
    }
    const { type, at } = told;
    const { state = seen.state, captured = seen.captured, reason = null } = changes;
    const facts = factsOf({ ...seen, state, captured, reason });
    // All of them are counted, since PostgreSQL locks only as many as are looked at.
    const { rows } = await sql<SeenPayment>`
      with locked as materialized (
        select from payments.payment where booking_id = ${bookingId} order by id for update
      ), written as (${update().where(sql<boolean>`(select count(*) from locked) > 0`)}),
      told as (${this.#outbox.adding("written", bookingId, [{ type, data: facts }], new Date(at))})
      select * from written`.execute(this.#db);
    if (rows.length > 0) this.#outbox.nudge();
    return rows[0];
  }

  async #again({ id }: SeenPayment): Promise<SeenPayment> {
    const fresh = await this.find(id);
    if (fresh === undefined) throw new Error(`payment ${id} is gone`); // Rows are never deleted.
    return fresh;
  }

  async #refunded(transaction: InTransaction, row: PaymentRow, refund: RefundRow, now: Date): Promise<number> {
    const done = await transaction
      .updateTable("refund")
      .set({ state: "done", done_at: sql`case when again_at is null then ${now} else done_at end` })
      .where("id", "=", refund.id)
      .where("state", "=", "open")
      .returning(["amount", "again_at"])
      .executeTakeFirst();
    if (done === undefined || done.again_at !== null) return 0;
    const facts = {
      ...factsOf(row),
      reason: refund.reason,
      refundId: refund.id,
      refund: { amount: refund.amount, currency: row.currency },
    };
    await this.#outbox.add(transaction, "payment.refund", row.booking_id, facts, now);
    return done.amount;
  }
}

/** Locks every payment of its booking. */
async function locked(transaction: InTransaction, id: string): Promise<SeenPayment | undefined> {
  const rows = await transaction
    .selectFrom("payment")
    .selectAll()
    .select(REVISION)
    .where("booking_id", "=", (from) =>
      from.selectFrom("payment as one").select("one.booking_id").where("one.id", "=", id),
    )
    .orderBy("id")
    .forUpdate()
    .execute();
  return rows.find((row) => row.id === id);
}

const update = (transaction: InTransaction, id: string, changes: Updateable<PaymentTable>): Promise<SeenPayment> =>
  transaction
    .updateTable("payment")
    .set(changes)
    .where("id", "=", id)
    .returningAll()
    .returning(REVISION)
    .executeTakeFirstOrThrow();

/** Of what was taken it tells so much as was: somebody may have captured a part of it at the gateway. */
const factsOf = ({ id, booking_id, method, state, amount, captured, currency, reason }: PaymentRow): PaymentFacts => ({
  paymentId: id,
  bookingId: booking_id,
  method,
  amount: { amount: state === "captured" ? captured : amount, currency },
  reason,
});
