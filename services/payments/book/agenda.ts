import type { Kysely } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import type { PaymentMethod } from "../../../proto/services/index.ts";
import { STEP_LEASE_MS } from "../limits.ts";
import { pollAfter, retryAfter } from "../decisions/steps.ts";
import {
  isUnchanged,
  type PaymentRow,
  type PaymentsTables,
  type RefundRow,
  REVISION,
  type SeenPayment,
} from "../tables.ts";

interface Options {
  readonly db: Kysely<PaymentsTables>;
  readonly clock: Clock;
}

/** When payments with something open are looked at next, and how often that has come to nothing. */
export class Agenda {
  readonly #db: Kysely<PaymentsTables>;
  readonly #clock: Clock;

  constructor({ db, clock }: Options) {
    this.#db = db;
    this.#clock = clock;
  }

  /** A step came to nothing: it is due again after a while. */
  async postpone({ id, attempts }: PaymentRow): Promise<void> {
    await this.#db
      .updateTable("payment")
      .set({ attempts: attempts + 1, due_at: retryAfter(attempts, this.#clock.now()) })
      .where("id", "=", id)
      .execute();
  }

  /** What was asked for is under way at the gateway: it is looked at again the more seldom the older it is. */
  async lookLater({ id, revision }: SeenPayment, { created_at: askedAt }: PaymentRow | RefundRow): Promise<void> {
    const due_at = pollAfter(askedAt, this.#clock.now());
    await this.#db
      .updateTable("payment")
      .set({ attempts: 0, due_at })
      .where("id", "=", id)
      .where(isUnchanged(revision)) // Who has asked for more since will have it sooner.
      .execute();
  }

  /**
   * The gateway has said no, but it has to be: the next try needs a new key. If several processes hear one refusal it counts once: a skipped
   * key might still be honoured.
   */
  async postponeRefused(row: PaymentRow, refund?: RefundRow): Promise<void> {
    const [table, { id, refusals }] =
      refund === undefined ? (["payment", row] as const) : (["refund", refund] as const);
    await this.#db
      .updateTable(table)
      .set({ refusals: refusals + 1 })
      .where("id", "=", id)
      .where("refusals", "=", refusals)
      .execute();
    await this.postpone(row);
  }

  /** Payments with a step that is due, the oldest first; they are this process's for a while. */
  takeDue(method: PaymentMethod, limit: number): Promise<SeenPayment[]> {
    const now = this.#clock.now();
    return this.#db
      .updateTable("payment")
      .set({ due_at: new Date(now + STEP_LEASE_MS) })
      .where("id", "in", (from) =>
        from
          .selectFrom("payment")
          .select("id")
          .where("due_at", "<=", new Date(now))
          .where("method", "=", method)
          .orderBy("due_at")
          .limit(limit)
          .forUpdate()
          .skipLocked(),
      )
      .returningAll()
      .returning(REVISION)
      .execute();
  }

  /** After a start: whatever is open is due now. What another process is at is asked for twice, with the same key. */
  async releaseAll(): Promise<void> {
    const now = new Date(this.#clock.now());
    await this.#db.updateTable("payment").set({ due_at: now }).where("due_at", ">", now).execute();
  }
}
