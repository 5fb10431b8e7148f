import {
  type Expression,
  type Kysely,
  type OperationNodeSource,
  type QueryResult,
  type Selectable,
  sql,
  type SqlBool,
  type Transaction,
} from "kysely";
import type { Pool } from "pg";
import type { Outbox } from "../../../platform/events/index.ts";
import { byTime, type TimePlace } from "../../../platform/http/index.ts";
import { BuiltOnce, createDatabase } from "../../../platform/postgres/index.ts";
import type { EventData } from "../../../proto/index.ts";
import { LEASE_MS } from "../limits.ts";
import { type Booking, isUndoing, looksAlike, ticketOf, type Told, totalOf } from "../saga/booking.ts";
import { BOOKINGS_SCHEMA, type BookingsTables, type BookingTable } from "./tables.ts";

/** A booking with what its row says beside. */
export interface Stored {
  readonly booking: Booking;
  readonly version: number;
  readonly leaseUntil: number;
  readonly calledOff: boolean;
  /** When the buyer last saw a change. */
  readonly updatedAt: number;
}

export interface Change {
  readonly booking: Booking;
  readonly told: readonly Told[];
  /** Whose the booking is from now on: the writer's for a while, nobody's, or whoever's it was. */
  readonly lease: "take" | "drop" | "keep";
  readonly calledOff: boolean;
}

export interface Listing {
  readonly userId?: string;
  readonly showtimeId?: string;
  /** A place in the list, newest first. */
  readonly after?: TimePlace;
  readonly limit: number;
}

/** The rows of bookings. Every write names the version it rests on, so that none undoes another. */
export class BookingStore {
  readonly #db: Kysely<BookingsTables>;
  readonly #outbox: Outbox;
  readonly #statements = new BuiltOnce();

  constructor({ pool, outbox }: { pool: Pool; outbox: Outbox }) {
    this.#db = createDatabase<BookingsTables>(pool).withSchema(BOOKINGS_SCHEMA);
    this.#outbox = outbox;
  }

  /** Leased to the caller. Undefined when there is a booking of that id. */
  async insert(booking: Booking, now: number): Promise<Stored | undefined> {
    const leaseUntil = now + LEASE_MS;
    const row = await this.#db
      .insertInto("booking")
      .values({
        id: booking.id,
        secret: booking.secret,
        user_id: booking.userId,
        desk: booking.desk,
        showtime_id: booking.showtimeId,
        title: booking.title,
        created_at: new Date(booking.createdAt),
        ...columnsOf(booking),
        lease_until: new Date(leaseUntil),
        called_off: sql`bookings.is_called_off(${booking.showtimeId})`,
        version: 1,
        updated_at: new Date(now),
      })
      .onConflict((conflict) => conflict.column("id").doNothing())
      .returning("called_off")
      .executeTakeFirst();
    return row && { booking, version: 1, leaseUntil, calledOff: row.called_off, updatedAt: now };
  }

  async read(id: string): Promise<Stored | undefined> {
    const select = () => this.#db.selectFrom("booking").selectAll().where("id", "=", id);
    const { rows } = await this.#db.executeQuery(this.#statements.with("read", [id], select));
    return rows[0] && storedOf(rows[0]);
  }

  /** As `read`; what others have read of it before, none of them can write on any more. */
  async fence(id: string): Promise<Stored | undefined> {
    const row = await this.#db
      .updateTable("booking")
      .set({ version: sql`version + 1` })
      .where("id", "=", id)
      .returningAll()
      .executeTakeFirst();
    return row && storedOf(row);
  }

  /** Newest first; one more than `limit`, where there is one. */
  async list({ userId, showtimeId, after, limit }: Listing): Promise<Stored[]> {
    let query = this.#db.selectFrom("booking").selectAll();
    if (userId !== undefined) query = query.where("user_id", "=", userId);
    if (showtimeId !== undefined) query = query.where("showtime_id", "=", showtimeId);
    const rows = await byTime(query, "desc", { after, limit }).execute();
    return rows.map(storedOf);
  }

  /** The user's bookings that are not paid, but for those of which no payment can come any more. */
  async unpaidOf(userId: string): Promise<Stored[]> {
    const rows = await this.#db
      .selectFrom("booking")
      .selectAll()
      .where("user_id", "=", userId)
      .where("status", "in", ["pending", "paying", "expired"])
      .where(sql<boolean>`coalesce(due_at, 'infinity') < 'infinity'`) // Not "is not null": an index of all users' would fit that.
      .execute();
    return rows.map(storedOf);
  }

  /** Those of the users who have ever booked. */
  async bookersAmong(userIds: readonly string[]): Promise<string[]> {
    const rows = await this.#db
      .selectFrom("booking")
      .select("user_id")
      .distinct()
      .where(sql<boolean>`user_id = any(${userIds})`)
      .execute();
    return rows.map(({ user_id: userId }) => userId);
  }

  /** For `LEASE_MS`, unless somebody has it. */
  async claim(id: string, now: number): Promise<Stored | undefined> {
    const row = await this.#db
      .updateTable("booking")
      .set({ lease_until: new Date(now + LEASE_MS), version: sql`version + 1` })
      .where("id", "=", id)
      .where(isFree(now))
      .returningAll()
      .executeTakeFirst();
    return row && storedOf(row);
  }

  /** For another `LEASE_MS` from now, without a new version: whoever has it is at a step. */
  async renew(id: string, now: number): Promise<void> {
    await this.#db
      .updateTable("booking")
      .set({ lease_until: new Date(now + LEASE_MS) })
      .where("id", "=", id)
      .where("lease_until", ">", new Date(now))
      .execute();
  }

  /**
   * Those that somebody must look at, and nobody does; each to one of many who ask at once.
   * @param kind those that are being undone, first of all those whose showtime was cancelled; or all others
   */
  async claimDue(limit: number, now: number, { undoing }: { readonly undoing: boolean }): Promise<Stored[]> {
    // Apart from each other, so that each is the scan of one index. "Or" would be that of bitmaps, which comes across all that has been due
    // since the last VACUUM each time: they do not mark in an index what is dead.
    const calledOff = undoing ? await this.#claimFirst(limit, now, sql<boolean>`called_off`, "id") : [];
    const room = limit - calledOff.length;
    if (room === 0) return calledOff;
    const isDue = sql<boolean>`(not called_off and undoing = ${undoing} and due_at <= ${new Date(now)})`;
    return [...calledOff, ...(await this.#claimFirst(room, now, isDue, "due_at"))];
  }

  /** With what is told of it, or not at all. Undefined when somebody else has written meanwhile. */
  async write(before: Stored, change: Change, now: number): Promise<Stored | undefined> {
    const { booking, told, lease, calledOff } = change;
    const leaseUntil = { take: now + LEASE_MS, drop: 0, keep: before.leaseUntil }[lease];
    const updatedAt = looksAlike(before.booking, booking) ? before.updatedAt : now;
    const columns = {
      ...columnsOf(booking),
      ...(lease !== "keep" && { lease_until: leaseUntil === 0 ? null : new Date(leaseUntil) }),
      called_off: calledOff,
      version: before.version + 1,
      updated_at: new Date(updatedAt),
    };
    const { id } = booking;
    const { version } = before;
    const update = () =>
      this.#db.updateTable("booking").set(columns).where("id", "=", id).where("version", "=", version).returning("id");
    const values = [...Object.values(columns), id, version];
    const { rows: written } = await (told.length === 0
      ? this.#db.executeQuery<unknown>(this.#statements.with(`update ${Object.keys(columns).join()}`, values, update))
      : this.#telling(update(), change, version + 1));
    if (written.length === 0) return undefined;
    if (told.length > 0) this.#outbox.nudge();
    return { booking, version: before.version + 1, leaseUntil, calledOff, updatedAt };
  }

  async drop({ booking, version }: Stored): Promise<boolean> {
    const { numDeletedRows } = await this.#db
      .deleteFrom("booking")
      .where("id", "=", booking.id)
      .where("version", "=", version)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  /** Marks every booking of the showtime that is not over, and those that are still to come. No insert is half done meanwhile. */
  async callOff(showtimeId: string, isNew: (transaction: Transaction<BookingsTables>) => Promise<boolean>) {
    await this.#db.transaction().execute(async (transaction) => {
      await sql`select bookings.lock_showtime(${showtimeId})`.execute(transaction);
      if (!(await isNew(transaction))) return;
      await transaction
        .insertInto("cancelled_showtime")
        .values({ showtime_id: showtimeId })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      await transaction
        .updateTable("booking")
        .set({ called_off: true, version: sql`version + 1` })
        .where("showtime_id", "=", showtimeId)
        .where((where) =>
          where.or([where("status", "in", ["pending", "paying", "confirmed"]), where("due_at", "is not", null)]),
        )
        .execute();
    });
  }

  async #claimFirst(
    limit: number,
    now: number,
    which: Expression<SqlBool>,
    inOrderOf: "id" | "due_at",
  ): Promise<Stored[]> {
    const rows = await this.#db
      .updateTable("booking")
      .set({ lease_until: new Date(now + LEASE_MS), version: sql`version + 1` })
      .where("id", "in", (query) =>
        query
          .selectFrom("booking")
          .select("id")
          .where(which)
          .where(isFree(now))
          .orderBy(inOrderOf)
          .limit(limit)
          .forUpdate()
          .skipLocked(),
      )
      .returningAll()
      .execute();
    return rows.map(storedOf);
  }

  /** One statement, so that the events are there when the update is. */
  #telling(update: OperationNodeSource, { booking, told }: Change, version: number): Promise<QueryResult<unknown>> {
    const facts: EventData["booking.created"] = {
      bookingId: booking.id,
      version,
      userId: booking.userId,
      showtimeId: booking.showtimeId,
      status: booking.status,
      reason: booking.reason,
      seats: booking.seats.map(({ seat }) => seat),
      total: totalOf(booking.seats),
    };
    const events = told.map(
      ({ type, cancelled = [], by = null, paid = false, refunded = { ...facts.total, amount: 0 } }) => {
        // One literal for all: each type takes what is its own.
        const data = {
          ...facts,
          ...(type === "booking.cancelled" && {
            cancelledSeats: cancelled.map(({ seat }) => seat),
            cancelledTickets: cancelled.map(ticketOf),
            ...(by !== null && { by }),
            paid,
          }),
          ...(type === "booking.refunded" && { refunded }),
        };
        return { type, data };
      },
    );
    return sql`
      with written as (${update}), told as (${this.#outbox.adding("written", booking.id, events)})
      select from written`.execute(this.#db);
  }
}

const isFree = (now: number) => sql<boolean>`(lease_until is null or lease_until <= ${new Date(now)})`;

/** What a booking may change of its row. */
const columnsOf = (booking: Booking) => ({
  hold_id: booking.holdId,
  status: booking.status,
  reason: booking.reason,
  seats: JSON.stringify(booking.seats),
  cancelled_by: booking.cancelledBy,
  cancelled: JSON.stringify(booking.cancelled),
  accept_other_seats: booking.acceptOtherSeats,
  pay_by: new Date(booking.payBy),
  payment: booking.payment && JSON.stringify(booking.payment),
  failed_payments: booking.failedPayments,
  refunded: booking.refunded,
  refunds: JSON.stringify(booking.refunds),
  cancellations: [...booking.cancellations],
  steps: JSON.stringify(booking.steps),
  tries: booking.tries,
  due_at: booking.dueAt === null ? null : new Date(booking.dueAt),
  undoing: isUndoing(booking),
});

const storedOf = (row: Selectable<BookingTable>): Stored => ({
  booking: {
    id: row.id,
    secret: row.secret,
    userId: row.user_id,
    desk: row.desk,
    showtimeId: row.showtime_id,
    title: row.title,
    holdId: row.hold_id,
    status: row.status,
    reason: row.reason,
    seats: row.seats,
    cancelledBy: row.cancelled_by,
    cancelled: row.cancelled,
    acceptOtherSeats: row.accept_other_seats,
    payBy: row.pay_by.getTime(),
    payment: row.payment,
    failedPayments: row.failed_payments,
    refunded: Number(row.refunded),
    refunds: row.refunds,
    cancellations: row.cancellations,
    steps: row.steps,
    tries: row.tries,
    dueAt: row.due_at?.getTime() ?? null,
    createdAt: row.created_at.getTime(),
  },
  version: row.version,
  leaseUntil: row.lease_until?.getTime() ?? 0,
  calledOff: row.called_off,
  updatedAt: row.updated_at.getTime(),
});
