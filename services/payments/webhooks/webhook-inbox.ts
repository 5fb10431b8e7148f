import { type Kysely, sql } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import type { PaymentMethod } from "../../../proto/services/index.ts";
import { INBOX_KEPT_MS, INBOX_PRUNE_ROWS_MAX } from "../limits.ts";
import type { PaymentsTables } from "../tables.ts";
import type { Notice } from "./webhook-verifier.ts";

/** Takes each webhook once. From the same commit on its payment is due to be looked at, whatever becomes of this process. */
export class WebhookInbox {
  readonly #db: Kysely<PaymentsTables>;
  readonly #clock: Clock;

  constructor({ db, clock }: { db: Kysely<PaymentsTables>; clock: Clock }) {
    this.#db = db;
    this.#clock = clock;
  }

  /** @returns the payment to look at; undefined when there is none, or when the webhook was taken before */
  take(method: PaymentMethod, { id, payment }: Notice): Promise<string | undefined> {
    return this.#db.transaction().execute(async (transaction) => {
      const now = new Date(this.#clock.now());
      const taken = await transaction
        .insertInto("webhook")
        .values({ gateway: method, id, received_at: now })
        .onConflict((conflict) => conflict.doNothing())
        .returning("id")
        .executeTakeFirst();
      if (taken === undefined || payment === undefined) return undefined;
      const due = await transaction
        .updateTable("payment")
        // The answer to its start may still be on its way.
        .set((row) => ({ due_at: now, gateway_id: row.fn.coalesce("gateway_id", row.val(payment.gatewayId)) }))
        .where("id", "=", payment.paymentId)
        .where("method", "=", method)
        .returning("id")
        .executeTakeFirst();
      return due?.id;
    });
  }

  /** Deletes some of what no gateway repeats any more. */
  async prune(): Promise<void> {
    const before = new Date(this.#clock.now() - INBOX_KEPT_MS);
    await sql`
      delete from payments.webhook where (gateway, id) in (
        select gateway, id from payments.webhook where received_at < ${before}
        limit ${INBOX_PRUNE_ROWS_MAX} for update skip locked)`.execute(this.#db);
  }
}
