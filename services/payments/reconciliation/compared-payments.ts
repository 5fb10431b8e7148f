import { type Kysely, sql } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import type { PaymentMethod } from "../../../proto/services/index.ts";
import { OLD_REFUND_EVERY_MS, OLD_REFUNDS_AT_ONCE, RECONCILE_ROWS_MAX, SENT_BACK_WITHIN_MS } from "../limits.ts";
import type { PaymentRow, PaymentsTables } from "../tables.ts";

const COMPARED = ["id", "gateway_id", "amount", "currency", "state", "captured", "refunded"] as const;
export type ComparedRow = Pick<PaymentRow, (typeof COMPARED)[number]>;

/** Some of our payments, in the order of their beginnings, and the time that they take up; the last has no end. */
interface Slice {
  readonly rows: readonly ComparedRow[];
  readonly from: Date;
  readonly until: Date | undefined;
}

/** Our side of the comparison: which of our rows are held against the gateways' books, and what is noted of it. */
export class ComparedPayments {
  readonly #db: Kysely<PaymentsTables>;
  readonly #clock: Clock;

  constructor({ db, clock }: { readonly db: Kysely<PaymentsTables>; readonly clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  find(id: string): Promise<PaymentRow | undefined> {
    return this.#db.selectFrom("payment").selectAll().where("id", "=", id).executeTakeFirst();
  }

  /** All of a method that began since, a slice at a time. */
  async *slices(method: PaymentMethod, since: Date): AsyncIterable<Slice> {
    const all = this.#db
      .selectFrom("payment")
      .select([...COMPARED, "created_at"])
      .where("method", "=", method)
      .where("created_at", ">=", since)
      .where("amount", ">", 0)
      .orderBy("created_at")
      .orderBy("id")
      .limit(RECONCILE_ROWS_MAX);
    let from = since;
    let query = all;
    for (;;) {
      const rows = await query.execute();
      const last = rows.length === RECONCILE_ROWS_MAX ? rows.at(-1) : undefined;
      yield { rows, from, until: last?.created_at };
      if (last === undefined) return;
      from = last.created_at;
      query = all.where(sql<boolean>`(created_at, id) > (${from}, ${last.id})`);
    }
  }

  /** Payments that are too old for the lists, but not their refunds: banks send those back. Some at a time, each once a day. */
  refundedLately(method: PaymentMethod, since: Date): Promise<ComparedRow[]> {
    const now = this.#clock.now();
    return this.#db
      .selectFrom("payment")
      .select(COMPARED)
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

  /** It has been looked at, for today. */
  async noteLook({ id }: ComparedRow): Promise<void> {
    const looked_at = new Date(this.#clock.now());
    await this.#db.updateTable("refund").set({ looked_at }).where("payment_id", "=", id).execute();
  }

  /** The gateway holds money that we have refunded or given up, and no webhook said so. */
  async makeDue({ id }: PaymentRow): Promise<void> {
    const due_at = new Date(this.#clock.now());
    await this.#db.updateTable("payment").set({ due_at }).where("id", "=", id).execute();
  }

  /** When the oldest refund was asked for that its gateway has not done. */
  async oldestOpenRefund(): Promise<Date | null | undefined> {
    const oldest = this.#db.selectFrom("refund").select(({ fn }) => fn.min("created_at").as("at"));
    return (await oldest.where("state", "=", "open").executeTakeFirst())?.at;
  }
}
