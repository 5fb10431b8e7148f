import type { Kysely, Selectable, Transaction } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import type { RandomBytes } from "../../../platform/random/index.ts";
import { DECISIONS_AT_ONCE, LIST_LIMIT } from "./limits.ts";
import type { MockGatewayTables } from "./tables.ts";
import { planOf } from "./tokens.ts";

export type PaymentRow = Selectable<MockGatewayTables["payment"]>;

export interface Order {
  readonly reference: string;
  readonly amount: number;
  readonly currency: string;
  readonly description: string;
  readonly payBy: Date;
  /** null: the buyer chooses on the page. */
  readonly token: string | null;
}

/** The gateway says no, and has done nothing. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

interface Options {
  readonly db: Kysely<MockGatewayTables>;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

type InTransaction = Transaction<MockGatewayTables>;

/** Payments as the gateway keeps them. Every request carries a key and happens once; @throws Refused */
export class MockLedger {
  readonly #db: Kysely<MockGatewayTables>;
  readonly #clock: Clock;
  readonly #random: RandomBytes;

  constructor({ db, clock, random }: Options) {
    this.#db = db;
    this.#clock = clock;
    this.#random = random;
  }

  start(key: string, order: Order): Promise<PaymentRow> {
    const id = `mp_${this.#random(16).toString("base64url")}`;
    return this.#once(key, `start ${JSON.stringify(order)}`, id, async (transaction) => {
      const { reference, amount, currency, description, payBy, token } = order;
      await transaction
        .insertInto("payment")
        .values({
          ...{ id, reference, amount, currency, description, pay_by: payBy, state: "pending" },
          ...this.#planned(token, payBy),
          created_at: this.#now(),
        })
        .execute();
    });
  }

  /** The buyer has pressed a button on the page. What was chosen first stays. */
  async choose(id: string, token: string): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      const payment = await this.#locked(transaction, id);
      if (payment.state !== "pending" || payment.verdict !== null) return;
      await transaction.updateTable("payment").set(this.#planned(token, payment.pay_by)).where("id", "=", id).execute();
    });
  }

  capture(key: string, id: string, amount: number): Promise<PaymentRow> {
    return this.#once(key, `capture ${id} ${amount}`, id, async (transaction) => {
      const payment = await this.#locked(transaction, id);
      if (payment.state !== "authorized") throw refusedIn(payment);
      if (amount > payment.amount) throw new Refused(409, "AMOUNT_TOO_LARGE", "More than was authorized.");
      await transaction
        .updateTable("payment")
        .set({ state: "captured", captured: amount })
        .where("id", "=", id)
        .execute();
    });
  }

  void(key: string, id: string): Promise<PaymentRow> {
    return this.#once(key, `void ${id}`, id, async (transaction) => {
      const payment = await this.#locked(transaction, id);
      if (payment.state === "captured") throw refusedIn(payment);
      if (payment.state !== "pending" && payment.state !== "authorized") return;
      await transaction.updateTable("payment").set({ state: "voided", decide_at: null }).where("id", "=", id).execute();
    });
  }

  refund(key: string, id: string, amount: number): Promise<PaymentRow> {
    return this.#once(key, `refund ${id} ${amount}`, id, async (transaction) => {
      const payment = await this.#locked(transaction, id);
      if (payment.state !== "captured") throw refusedIn(payment);
      const refunded = payment.refunded + amount;
      if (refunded > payment.captured) throw new Refused(409, "AMOUNT_TOO_LARGE", "More than was captured.");
      await transaction.updateTable("payment").set({ refunded }).where("id", "=", id).execute();
    });
  }

  async read(id: string): Promise<PaymentRow> {
    const payment = await this.#db.selectFrom("payment").selectAll().where("id", "=", id).executeTakeFirst();
    if (payment === undefined) throw unknown();
    return payment;
  }

  /** The oldest first, from `since` on, after the payment `after`. */
  async list(since: Date, after: { readonly createdAt: Date; readonly id: string } | undefined): Promise<PaymentRow[]> {
    let query = this.#db.selectFrom("payment").selectAll().where("created_at", ">=", since);
    if (after !== undefined) {
      query = query.where((where) =>
        where.or([
          where("created_at", ">", after.createdAt),
          where.and([where("created_at", "=", after.createdAt), where("id", ">", after.id)]),
        ]),
      );
    }
    return query.orderBy("created_at").orderBy("id").limit(LIST_LIMIT).execute();
  }

  /**
   * Decides what is due, and owes the webhook from the same commit on.
   * @returns how many were decided
   */
  decide(dueAt: () => Date, copiesMin: number): Promise<number> {
    return this.#db.transaction().execute(async (transaction) => {
      const due = await transaction
        .selectFrom("payment")
        .select(["id", "reference", "verdict", "webhook_copies"])
        .where("decide_at", "<=", this.#now())
        .orderBy("decide_at")
        .limit(DECISIONS_AT_ONCE)
        .forUpdate()
        .skipLocked()
        .execute();
      if (due.length === 0) return 0;
      await transaction
        .updateTable("payment")
        .set((row) => ({ state: row.ref("verdict").$notNull(), decide_at: null }))
        .where(
          "id",
          "in",
          due.map(({ id }) => id),
        )
        .execute();
      const told = due.filter(({ webhook_copies: copies }) => copies > 0);
      if (told.length > 0) {
        const now = this.#now();
        await transaction
          .insertInto("webhook")
          .values(
            told.map(({ id, reference, verdict, webhook_copies: copies }) => ({
              id: `msg_${this.#random(16).toString("base64url")}`,
              body: JSON.stringify({
                type: `payment.${verdict}`,
                timestamp: now.toISOString(),
                data: { id, reference },
              }),
              copies: Math.max(copies, copiesMin),
              due_at: dueAt(),
              created_at: now,
            })),
          )
          .execute();
      }
      return due.length;
    });
  }

  #planned(token: string | null, payBy: Date) {
    if (token === null) return { decide_at: null, verdict: null, webhook_copies: 0, reason: null };
    const { decideAt, verdict, webhookCopies, reason } = planOf(token, payBy, this.#clock.now());
    return { decide_at: decideAt, verdict, webhook_copies: webhookCopies, reason };
  }

  #now(): Date {
    return new Date(this.#clock.now());
  }

  async #locked(transaction: InTransaction, id: string): Promise<PaymentRow> {
    const payment = await transaction
      .selectFrom("payment")
      .selectAll()
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (payment === undefined) throw unknown();
    return payment;
  }

  /** Two that come at once wait for each other at the key; a refusal leaves it free. @returns the payment as it is now */
  #once(
    key: string,
    request: string,
    id: string,
    work: (transaction: InTransaction) => Promise<void>,
  ): Promise<PaymentRow> {
    return this.#db.transaction().execute(async (transaction) => {
      const taken = await transaction
        .insertInto("operation")
        .values({ key, request, payment_id: id })
        .onConflict((conflict) => conflict.doNothing())
        .returning("key")
        .executeTakeFirst();
      if (taken !== undefined) {
        await work(transaction);
        return this.#locked(transaction, id);
      }
      const first = await transaction
        .selectFrom("operation")
        .selectAll()
        .where("key", "=", key)
        .executeTakeFirstOrThrow();
      if (first.request !== request) {
        throw new Refused(409, "IDEMPOTENCY_KEY_REUSED", "The key was used before with another request.");
      }
      return this.#locked(transaction, first.payment_id);
    });
  }
}

const unknown = (): Refused => new Refused(404, "NOT_FOUND", "There is no such payment.");

const refusedIn = (payment: PaymentRow): Refused => new Refused(409, "WRONG_STATE", `The payment is ${payment.state}.`);
