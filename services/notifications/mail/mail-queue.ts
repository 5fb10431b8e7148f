import { type Kysely, type RawBuilder, type Selectable, sql } from "kysely";
import type { Clock } from "../../../platform/clock/index.ts";
import { storableText } from "../../../platform/postgres/index.ts";
import { newId, type RandomBytes } from "../../../platform/random/index.ts";
import type { DomainEvent } from "../../../proto/index.ts";
import type { MailedEvent } from "./letters/index.ts";
import { ERROR_LENGTH_MAX, FORGOTTEN_FILES_MAX, MAIL_LEASE_MS, MAILS_KEPT_MS, PRUNE_ROWS_MAX } from "./limits.ts";
import type { MailStatus, MailTables } from "./tables.ts";

export type QueuedMail = Selectable<MailTables["mail"]>;

interface Options {
  /** Within the schema `notifications`. */
  readonly db: Kysely<MailTables>;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

export interface WaitingMails {
  readonly count: number;
  /** Age of the oldest of them that does not wait for its recipient alone, seconds; 0 when there is none. */
  readonly ageSeconds: number;
}

/** The table of mails: each is taken by one process at a time, and stays queued until it is known what has become of it. */
export class MailQueue {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * A part of the statement that takes the event out of the inbox: `taken` has a row when it does. A dead letter outlives what the
   * inbox remembers: the mail of one that is replayed later is there already, and sent after all.
   */
  adding(taken: RawBuilder<unknown>, event: DomainEvent<MailedEvent>): RawBuilder<unknown> {
    const id = newId("ml", this.#options.random);
    const userId = "userId" in event.data ? event.data.userId : null;
    const now = new Date(this.#options.clock.now());
    return sql`
      insert into notifications.mail (id, event_id, event, user_id, status, created_at, due_at)
      select ${id}, ${event.id}, ${JSON.stringify(event)}::json, ${userId}, 'queued', ${now}::timestamptz, ${now}::timestamptz
      from ${taken}
      on conflict (event_id) do update
      set status = 'queued', created_at = excluded.created_at, due_at = excluded.due_at, attempts = 0,
        recipient_unreachable = false, finished_at = null
      where mail.status = 'failed'`;
  }

  /** The same for mails of somebody who is no longer a user: nothing is kept of them. Does not wait for one that is just being sent. */
  forgetting(taken: RawBuilder<unknown>, userId: string): RawBuilder<unknown> {
    return sql`delete from notifications.mail using ${taken} where user_id = ${userId}`;
  }

  /** The mails of a user that there are, as far as the bound goes: what else there is of them is to be deleted with them. */
  async of(userId: string): Promise<{ id: string; date: Date }[]> {
    const mails = this.#options.db.selectFrom("mail").where("user_id", "=", userId);
    return mails.select(["id", "created_at as date"]).limit(FORGOTTEN_FILES_MAX).execute();
  }

  /** @returns those of them that are not forgotten, nor deleted for their age */
  async known(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const mails = this.#options.db.selectFrom("mail").select("id");
    const rows = await mails.where(sql<boolean>`id = any (${ids})`).execute();
    return new Set(rows.map(({ id }) => id));
  }

  /**
   * Those that are due, tickets before all else and then the oldest first, for this process alone until it reports or its lease is over.
   * The order is written as the index `mail_turn` has it.
   */
  async take(limit: number): Promise<QueuedMail[]> {
    const now = this.#options.clock.now();
    const { rows } = await sql<QueuedMail>`
      update notifications.mail set due_at = ${new Date(now + MAIL_LEASE_MS)}, attempts = attempts + 1
      where id in (
        select id from notifications.mail where status = 'queued' and due_at <= ${new Date(now)}
        order by event ->> 'type' <> 'booking.confirmed', due_at limit ${limit} for update skip locked)
      returning *`.execute(this.#options.db);
    return rows;
  }

  /** Whom it goes to, so that it can be forgotten with them. @returns false when it was forgotten meanwhile */
  async address(mail: QueuedMail, userId: string): Promise<boolean> {
    const { numUpdatedRows } = await this.#mine(mail).set({ user_id: userId }).executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  async finish(mail: QueuedMail, status: Exclude<MailStatus, "queued">, note?: string): Promise<void> {
    const finished = { status, finished_at: new Date(this.#options.clock.now()), note: noteOf(note) };
    await this.#mine(mail).set(finished).execute();
  }

  /** @param put.byRecipient whether it waits for its recipient alone */
  async putOff(
    mail: QueuedMail,
    put: { readonly waitMs: number; readonly byRecipient: boolean; readonly note: string },
  ): Promise<void> {
    const due = new Date(this.#options.clock.now() + put.waitMs);
    await this.#mine(mail)
      .set({ due_at: due, recipient_unreachable: put.byRecipient, note: noteOf(put.note) })
      .execute();
  }

  /** Those that are still to be sent. */
  async waiting(): Promise<WaitingMails> {
    const { count, oldest } = await this.#options.db
      .selectFrom("mail")
      .where("status", "=", "queued")
      .select(({ fn }) => [
        fn.countAll<string>().as("count"),
        fn.min<Date | null>("created_at").filterWhere("recipient_unreachable", "=", false).as("oldest"),
      ])
      .executeTakeFirstOrThrow();
    const age = oldest === null ? 0 : this.#options.clock.now() - oldest.getTime();
    return { count: Number(count), ageSeconds: Math.max(0, age) / 1_000 };
  }

  /** The mail about an event whose dead letter is replayed is sent after all. */
  async retryFailed(eventId: string): Promise<void> {
    const now = new Date(this.#options.clock.now());
    await this.#options.db
      .updateTable("mail")
      .set({
        status: "queued",
        created_at: now,
        due_at: now,
        attempts: 0,
        recipient_unreachable: false,
        finished_at: null,
      })
      .where("event_id", "=", eventId)
      .where("status", "=", "failed")
      .execute();
  }

  /** Deletes some of what was finished long ago, but for what has failed. @returns whether there may be more */
  async prune(): Promise<boolean> {
    const old = this.#old();
    const { numAffectedRows = 0n } = await sql`
      delete from notifications.mail where id in (
        select id from notifications.mail where finished_at < ${old} and status <> 'failed'
        limit ${PRUNE_ROWS_MAX} for update skip locked)`.execute(this.#options.db);
    return numAffectedRows >= BigInt(PRUNE_ROWS_MAX);
  }

  /**
   * The same for what has failed, once nobody can have it sent any more.
   * @param isDead gives those of the events that are dead letters, which are not this schema's
   */
  async pruneFailed(isDead: (eventIds: readonly string[]) => Promise<ReadonlySet<string>>): Promise<void> {
    const old = this.#old();
    let after = "";
    let rows;
    do {
      const failed = this.#options.db.selectFrom("mail").select(["id", "event_id"]).where("status", "=", "failed");
      const page = failed.where("finished_at", "<", old).where("id", ">", after).orderBy("id").limit(PRUNE_ROWS_MAX);
      rows = await page.execute();
      const dead = await isDead(rows.map(({ event_id: event }) => event));
      const over = rows.filter(({ event_id: event }) => !dead.has(event)).map(({ id }) => id);
      // Not one that was replayed meanwhile, whose letter is gone too: it is queued, or has failed anew.
      await sql`
        delete from notifications.mail
        where id = any (${over}) and status = 'failed' and finished_at < ${old}`.execute(this.#options.db);
      after = rows.at(-1)?.id ?? after;
    } while (rows.length === PRUNE_ROWS_MAX);
  }

  #old(): Date {
    return new Date(this.#options.clock.now() - MAILS_KEPT_MS);
  }

  /** Unless its lease was over and another process has taken it. */
  #mine({ id, attempts }: QueuedMail) {
    const row = this.#options.db.updateTable("mail").where("id", "=", id);
    return row.where("attempts", "=", attempts).where("status", "=", "queued");
  }
}

const noteOf = (note: string | undefined): string | null =>
  note === undefined ? null : storableText(note, ERROR_LENGTH_MAX);
