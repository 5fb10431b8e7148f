import { type Kysely, type Selectable, sql } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import { BuiltOnce } from "../../../platform/postgres/index.ts";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import type { DomainEvent } from "../../../proto/index.ts";
import type { Page, WebhookDelivery, WebhookDeliveryQuery } from "../../../proto/rest/index.ts";
import { pageByTime, Problem } from "../../../platform/http/index.ts";
import {
  ATTEMPT_LEASE_MS,
  DELIVERIES_KEPT_MS,
  DISABLE_AFTER_MS,
  GIVE_UP_AFTER_MS,
  PER_WEBHOOK_MAX,
  PRUNE_ROWS_MAX,
} from "./limits.ts";
import { nextAttemptAt } from "./retry-schedule.ts";
import type { Outcome } from "./send.ts";
import type { DeliveryTable, WebhookTables } from "./tables.ts";

interface Options {
  readonly db: Kysely<WebhookTables>;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** A delivery that this process is to attempt now. */
export interface Attempt {
  readonly id: string;
  readonly webhookId: string;
  readonly eventId: string;
  readonly body: string;
  /** This one counted. */
  readonly attempts: number;
  readonly giveUpAt: Date;
  /** A test, or one that somebody makes again by hand. */
  readonly single: boolean;
  readonly url: string;
  /** Newest first. */
  readonly secrets: readonly string[];
}

/** A `DomainEvent`, or one like it. */
type Sendable = Readonly<Record<string, unknown>> & { readonly id: string; readonly type: string };

/** What is to be sent and what was: a row first, then the attempt. */
export class Deliveries {
  readonly #options: Options;
  readonly #statements = new BuiltOnce();

  constructor(options: Options) {
    this.#options = options;
  }

  /** One for each enabled webhook that wants the event's type, once however often the event comes. @returns whether there is any */
  async addForAll(event: DomainEvent): Promise<boolean> {
    const { db } = this.#options;
    const wanting = () =>
      db
        .selectFrom("webhook")
        .select("id")
        .where("disabled_reason", "is", null)
        .where(sql<boolean>`${event.type} = any (types)`);
    const { rows: webhooks } = await db.executeQuery(this.#statements.with("wanting", [event.type], wanting));
    if (webhooks.length === 0) return false;
    const rows = webhooks.map(({ id }) => this.#newRow(id, event, GIVE_UP_AFTER_MS));
    await db
      .insertInto("webhook_delivery")
      .values(rows)
      .onConflict((conflict) => conflict.columns(["webhook_id", "event_id"]).doNothing())
      .execute();
    return true;
  }

  /** A single attempt. @throws Problem NOT_FOUND, CONFLICT */
  async addTest(webhookId: string, event: Sendable): Promise<WebhookDelivery> {
    await this.#requireEnabled(webhookId);
    const row = await this.#options.db
      .insertInto("webhook_delivery")
      .values(this.#newRow(webhookId, event, 0))
      .returningAll()
      .executeTakeFirstOrThrow();
    return deliveryOf(row);
  }

  /** Attempts it now: once more, if it was done or given up. @throws Problem NOT_FOUND, CONFLICT */
  async retry(webhookId: string, id: string): Promise<WebhookDelivery> {
    await this.#requireEnabled(webhookId);
    const now = this.#now();
    const row = await this.#options.db
      .updateTable("webhook_delivery")
      .set(({ eb, ref }) => ({
        give_up_at: eb.case().when("status", "=", "pending").then(ref("give_up_at")).else(ref("created_at")).end(),
        status: "pending" as const,
        next_attempt_at: now,
      }))
      .where("webhook_id", "=", webhookId)
      .where("id", "=", id)
      .returningAll()
      .executeTakeFirst();
    if (row === undefined) throw new Problem("NOT_FOUND", "There is no such delivery.");
    return deliveryOf(row);
  }

  /** Newest first. */
  async list(webhookId: string, query: WebhookDeliveryQuery): Promise<Page<WebhookDelivery>> {
    let rows = this.#options.db.selectFrom("webhook_delivery").selectAll().where("webhook_id", "=", webhookId);
    // Spelled out, as the index of those that failed has it: there may be few of them in a long log.
    if (query.status !== undefined) rows = rows.where("status", "=", sql.lit(query.status));
    return pageByTime(rows, query, "desc", deliveryOf);
  }

  /**
   * Takes what is due, up to `limit`, and of no webhook more than it may have under way; first of those that answer. Each is leased to this process, so
   * that it comes to another should this one die.
   */
  async take(limit: number): Promise<Attempt[]> {
    const now = this.#now();
    const lease = new Date(now.getTime() + ATTEMPT_LEASE_MS);
    const { rows } = await sql<Attempt>`
      with due as (
        select d.id from notifications.webhook w cross join lateral (
          select id, next_attempt_at from notifications.webhook_delivery
          where webhook_id = w.id and status = 'pending' and next_attempt_at <= ${now}
            and (leased_until is null or leased_until <= ${now})
          order by next_attempt_at
          limit greatest(0, ${PER_WEBHOOK_MAX} - (
            select count(*) from notifications.webhook_delivery
            where webhook_id = w.id and status = 'pending' and leased_until > ${now}))
          for update skip locked
        ) d
        where w.disabled_reason is null
        order by w.failing_since is not null, d.next_attempt_at
        limit ${limit}
      )
      update notifications.webhook_delivery d
      set attempts = attempts + 1, leased_until = ${lease}, last_attempt_at = ${now}
      from due, notifications.webhook w where d.id = due.id and w.id = d.webhook_id
      returning d.id, d.webhook_id as "webhookId", d.event_id as "eventId", d.body, d.attempts,
        d.give_up_at as "giveUpAt", d.give_up_at = d.created_at as single, w.url,
        array_remove(array[w.secret, case when w.previous_until > ${now} then w.previous_secret end], null) as secrets`.execute(
      this.#options.db,
    );
    return rows;
  }

  /** Writes down how an attempt went, and what follows from it for the webhook. @returns why the webhook is disabled now, if it is */
  async settle(attempt: Attempt, outcome: Outcome): Promise<string | undefined> {
    const { db, random } = this.#options;
    const now = this.#now();
    const statusCode = outcome.type === "answered" ? outcome.statusCode : null;
    const delivered = statusCode !== null && statusCode >= 200 && statusCode < 300;
    const gone = statusCode === GONE;
    const over = delivered || gone || now >= attempt.giveUpAt;
    return db.transaction().execute(async (transaction) => {
      await transaction
        .updateTable("webhook_delivery")
        .set({
          status: delivered ? "delivered" : over ? "failed" : "pending",
          leased_until: null,
          next_attempt_at: over
            ? now
            : nextAttemptAt({ now, attempts: attempt.attempts, giveUpAt: attempt.giveUpAt, random }),
          status_code: statusCode,
          error: delivered
            ? null
            : outcome.type === "answered"
              ? `The answer was ${outcome.statusCode}.`
              : outcome.error,
          response: outcome.type === "answered" ? outcome.response : null,
        })
        .where("id", "=", attempt.id)
        .where("attempts", "=", attempt.attempts) // Else another has taken it over.
        .execute();
      const webhook = transaction.updateTable("webhook").where("id", "=", attempt.webhookId);
      if (delivered) {
        await webhook.set({ failing_since: null }).where("failing_since", "is not", null).execute();
        return undefined;
      }
      if (attempt.single && !gone) return undefined; // It says nothing of the days until the next event.
      const longAgo = new Date(now.getTime() - DISABLE_AFTER_MS);
      const reason = gone ? "It answered 410 Gone." : FAILED_FOR_DAYS;
      const { numUpdatedRows } = await webhook
        .set({ disabled_reason: reason, updated_at: now })
        .where("disabled_reason", "is", null)
        .$if(!gone, (it) => it.where("failing_since", "<=", longAgo))
        .executeTakeFirst();
      if (numUpdatedRows > 0n) return reason;
      await webhook.set({ failing_since: now }).where("failing_since", "is", null).execute();
      return undefined;
    });
  }

  /** Deletes some of what is too old for the log, and waits for nobody who does. @returns whether there may be more */
  async prune(): Promise<boolean> {
    const { numDeletedRows } = await this.#options.db
      .deleteFrom("webhook_delivery")
      .where("id", "in", (old) =>
        old
          .selectFrom("webhook_delivery")
          .select("id")
          .where("created_at", "<", new Date(this.#now().getTime() - DELIVERIES_KEPT_MS))
          .limit(PRUNE_ROWS_MAX)
          .forUpdate()
          .skipLocked(),
      )
      .executeTakeFirst();
    return numDeletedRows >= BigInt(PRUNE_ROWS_MAX);
  }

  #newRow(webhookId: string, event: Sendable, giveUpAfterMs: number) {
    const now = this.#now();
    return {
      id: newId("whd", this.#options.random),
      webhook_id: webhookId,
      event_id: event.id,
      type: event.type,
      body: JSON.stringify(event),
      status: "pending" as const,
      created_at: now,
      give_up_at: new Date(now.getTime() + giveUpAfterMs),
      next_attempt_at: now,
    };
  }

  async #requireEnabled(webhookId: string): Promise<void> {
    const row = await this.#options.db
      .selectFrom("webhook")
      .select("disabled_reason")
      .where("id", "=", webhookId)
      .executeTakeFirst();
    if (row === undefined) throw new Problem("NOT_FOUND", "There is no such webhook.");
    if (row.disabled_reason !== null) throw new Problem("CONFLICT", "The webhook is disabled: enable it first.");
  }

  #now(): Date {
    return new Date(this.#options.clock.now());
  }
}

/** Why a webhook was disabled. */
export const FAILED_FOR_DAYS = "Every delivery failed for three days.";

/** HTTP's word for: do not come again. */
const GONE = 410;

const deliveryOf = (row: Selectable<DeliveryTable>): WebhookDelivery => ({
  id: row.id,
  eventId: row.event_id,
  type: row.type,
  status: row.status,
  attempts: row.attempts,
  createdAt: row.created_at.toISOString(),
  lastAttemptAt: row.last_attempt_at?.toISOString() ?? null,
  nextAttemptAt: row.status === "pending" ? row.next_attempt_at.toISOString() : null,
  statusCode: row.status_code,
  error: row.error,
  response: row.response,
});
