import { type Kysely, sql } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import type { PaymentMethod } from "../../../proto/services/index.ts";
import { INBOX_KEPT_MS, INBOX_PRUNE_ROWS_MAX } from "../limits.ts";
import { type PaymentsTables, REVISION, type SeenPayment } from "../tables.ts";
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
  async take(method: PaymentMethod, { id, payment }: Notice): Promise<SeenPayment | undefined> {
    const now = new Date(this.#clock.now());
    const taking = sql`
      insert into payments.webhook (gateway, id, received_at) values (${method}, ${id}, ${now})
      on conflict do nothing returning 1`;
    if (payment === undefined) {
      await taking.execute(this.#db);
      return undefined;
    }
    // The answer to its start may still be on its way.
    const { rows } = await sql<SeenPayment>`
      with taken as (${taking})
      update payments.payment set due_at = ${now}, gateway_id = coalesce(gateway_id, ${payment.gatewayId}) from taken
      where id = ${payment.paymentId} and method = ${method}
      returning payment.*, ${REVISION}`.execute(this.#db);
    return rows[0];
  }

  /** Deletes some of what no gateway repeats any more. @returns whether there may be more */
  async prune(): Promise<boolean> {
    const before = new Date(this.#clock.now() - INBOX_KEPT_MS);
    const { numAffectedRows } = await sql`
      delete from payments.webhook where (gateway, id) in (
        select gateway, id from payments.webhook where received_at < ${before}
        limit ${INBOX_PRUNE_ROWS_MAX} for update skip locked)`.execute(this.#db);
    return Number(numAffectedRows) === INBOX_PRUNE_ROWS_MAX;
  }
}
