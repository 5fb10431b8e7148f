import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import { DECISIONS_AT_ONCE, LIST_LIMIT } from "./limits.ts";
import type { MockGatewayTables } from "./tables.ts";
import { planOf } from "./tokens.ts";

export type LedgerPayment = Selectable<MockGatewayTables["payment"]>;
type Operation = Selectable<MockGatewayTables["operation"]>;

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

  /** One statement where the key is new, as it is as a rule. */
  async start(key: string, order: Order): Promise<LedgerPayment> {
    const id = newId("mp", this.#random);
    const request = `start ${JSON.stringify(order)}`;
    const { reference, amount, currency, description, payBy, token } = order;
    const plan = this.#planned(token, payBy);
    const { rows } = await sql<LedgerPayment>`
      with taken as (
        insert into mock_gateway.operation (key, request, payment_id) values (${key}, ${request}, ${id})
        on conflict do nothing returning 1)
      insert into mock_gateway.payment (id, reference, amount, currency, description, pay_by, state, decide_at, verdict,
        webhook_copies, reason, created_at)
      select ${id}, ${reference}, ${amount}::integer, ${currency}, ${description}, ${payBy}::timestamptz, 'pending',
        ${plan.decide_at}::timestamptz, ${plan.verdict}, ${plan.webhook_copies}::integer, ${plan.reason}, ${this.#now()}::timestamptz
      from taken returning *`.execute(this.#db);
    if (rows[0] !== undefined) return rows[0];
    const first = await this.#operation(key);
    requireSame(first, request);
    return this.read(first.payment_id);
  }

  /** The buyer has pressed a button on the page. What was chosen first stays. */
  async choose(id: string, token: string): Promise<void> {
    await this.#db.transaction().execute(async (transaction) => {
      const payment = await this.#locked(transaction, id);
      if (payment.state !== "pending" || payment.verdict !== null) return;
      await transaction.updateTable("payment").set(this.#planned(token, payment.pay_by)).where("id", "=", id).execute();
    });
  }

  /** One statement, too, where the key is new and nothing is against it. */
  async capture(key: string, id: string, amount: number): Promise<LedgerPayment> {
    const request = `capture ${id} ${amount}`;
    const { rows } = await sql<LedgerPayment>`
      with captured as (
        update mock_gateway.payment set state = 'captured', captured = ${amount}
        where id = ${id} and state = 'authorized' and amount >= ${amount}
          and not exists (select from mock_gateway.operation where key = ${key})
        returning *),
      taken as (insert into mock_gateway.operation (key, request, payment_id) select ${key}, ${request}, id from captured)
      select * from captured`.execute(this.#db);
    return rows[0] ?? this.#captureOrRefuse(key, request, id, amount);
  }

  #captureOrRefuse(key: string, request: string, id: string, amount: number): Promise<LedgerPayment> {
    return this.#once(key, request, id, async (transaction) => {
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

  void(key: string, id: string): Promise<LedgerPayment> {
    return this.#once(key, `void ${id}`, id, async (transaction) => {
      const payment = await this.#locked(transaction, id);
      if (payment.state === "captured") throw refusedIn(payment);
      if (payment.state !== "pending" && payment.state !== "authorized") return;
      await transaction.updateTable("payment").set({ state: "voided", decide_at: null }).where("id", "=", id).execute();
    });
  }

  refund(key: string, id: string, amount: number): Promise<LedgerPayment> {
    return this.#once(key, `refund ${id} ${amount}`, id, async (transaction) => {
      const payment = await this.#locked(transaction, id);
      if (payment.state !== "captured") throw refusedIn(payment);
      const refunded = payment.refunded + amount;
      if (refunded > payment.captured) throw new Refused(409, "AMOUNT_TOO_LARGE", "More than was captured.");
      await transaction.updateTable("payment").set({ refunded }).where("id", "=", id).execute();
    });
  }

  async read(id: string): Promise<LedgerPayment> {
    const payment = await this.#db.selectFrom("payment").selectAll().where("id", "=", id).executeTakeFirst();
    if (payment === undefined) throw unknown();
    return payment;
  }

  /** The oldest first, from `since` on and before `until`, after the payment `after`. */
  async list(
    since: Date,
    until: Date | undefined,
    after: { readonly createdAt: Date; readonly id: string } | undefined,
  ): Promise<LedgerPayment[]> {
    let query = this.#db.selectFrom("payment").selectAll().where("created_at", ">=", since);
    if (until !== undefined) query = query.where("created_at", "<", until);
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
   * @param webhooks how often each comes at least, and within how many milliseconds it comes, at random
   * @returns how many were decided
   */
  async decide(webhooks: { readonly copiesMin: number; readonly shuffleMs: number }): Promise<number> {
    const now = this.#now();
    const batch = newId("msg", this.#random);
    const { numAffectedRows } = await sql`
      with due as (
        select id, reference, verdict, webhook_copies from mock_gateway.payment where decide_at <= ${now}
        order by decide_at limit ${DECISIONS_AT_ONCE} for update skip locked),
      told as (
        insert into mock_gateway.webhook (id, body, copies, due_at, created_at)
        select ${batch} || '_' || row_number() over (), json_build_object(
            'type', 'payment.' || verdict, 'timestamp', ${now.toISOString()}::text,
            'data', json_build_object('id', id, 'reference', reference))::text,
          greatest(webhook_copies, ${webhooks.copiesMin}::integer),
          ${now}::timestamptz + ${webhooks.shuffleMs}::integer * random() * interval '1 millisecond', ${now}::timestamptz
        from due where webhook_copies > 0)
      update mock_gateway.payment set state = verdict, decide_at = null where id in (select id from due)`.execute(
      this.#db,
    );
    return Number(numAffectedRows ?? 0n);
  }

  #planned(token: string | null, payBy: Date) {
    if (token === null) return { decide_at: null, verdict: null, webhook_copies: 0, reason: null };
    const { decideAt, verdict, webhookCopies, reason } = planOf(token, payBy, this.#clock.now());
    return { decide_at: decideAt, verdict, webhook_copies: webhookCopies, reason };
  }

  #now(): Date {
    return new Date(this.#clock.now());
  }

  async #locked(transaction: InTransaction, id: string): Promise<LedgerPayment> {
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
  ): Promise<LedgerPayment> {
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
      const first = await this.#operation(key, transaction);
      requireSame(first, request);
      return this.#locked(transaction, first.payment_id);
    });
  }

  #operation(key: string, from: Kysely<MockGatewayTables> = this.#db): Promise<Operation> {
    return from.selectFrom("operation").selectAll().where("key", "=", key).executeTakeFirstOrThrow();
  }
}

/** The key was taken before: for the same, or it is refused. */
function requireSame(first: Operation, request: string): void {
  if (first.request === request) return;
  throw new Refused(409, "IDEMPOTENCY_KEY_REUSED", "The key was used before with another request.");
}

const unknown = (): Refused => new Refused(404, "NOT_FOUND", "There is no such payment.");

const refusedIn = (payment: LedgerPayment): Refused =>
  new Refused(409, "WRONG_STATE", `The payment is ${payment.state}.`);
