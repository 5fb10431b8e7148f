import type { Insertable, Kysely, Transaction } from "kysely";
import type { Clock } from "../../platform/clock/index.ts";
import type { Inbox, Outbox } from "../../platform/events/index.ts";
import type { RandomBytes } from "../../platform/random/index.ts";
import type { DomainEvent } from "../../proto/index.ts";
import { type BookingRecord, WITHDRAWN_FOR_MS } from "../../proto/services/index.ts";
import { ticketIdOf, TICKET_ID_BYTES } from "./code/ticket-code.ts";
import { DOORS_OPEN_BEFORE_MS, FOLLOW_ATTEMPTS_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import type { TicketTables } from "./tables.ts";

export const FOLLOWED_EVENTS = [
  "booking.confirmed",
  "booking.cancelled",
  "booking.refunded",
  "booking.failed",
  "showtime.changed",
] as const;
export type FollowedEvent = DomainEvent<(typeof FOLLOWED_EVENTS)[number]>;

const CONSUMER = "tickets";

type NewTicket = Insertable<TicketTables["ticket"]>;

interface Options {
  /** Within the schema `tickets`. */
  readonly db: Kysely<TicketTables>;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly peers: Peers;
  readonly clock: Clock;
  readonly random: RandomBytes;
}

/** The seats of a booking that are to have a valid ticket. */
export const ticketedSeats = (booking: BookingRecord | null): readonly number[] =>
  booking?.status === "confirmed" ? booking.seats.map(({ seat }) => seat) : [];

/**
 * Makes tickets follow their bookings. An event says only that something has changed; what there should be is asked of the
 * bookings service, and is made so: a valid ticket for each seat of a confirmed booking, and none beside. So it does not matter
 * which event comes when, how often, or whether a reader was here first.
 */
export class TicketFollower {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Puts the bookings that the event is about into the queue, once. */
  async note(event: FollowedEvent): Promise<void> {
    const { db, inbox, clock } = this.#options;
    const now = new Date(clock.now());
    await db.transaction().execute(async (transaction) => {
      if (!(await inbox.take(transaction, CONSUMER, event.id))) return;
      if (event.type === "showtime.changed") await noteShowtime(transaction, event.data.showtimeId, now);
      else await noteBooking(transaction, event.data.bookingId, now);
    });
  }

  /** Brings a booking's tickets up to date. @returns the booking as it was found */
  async follow(bookingId: string): Promise<BookingRecord | null> {
    for (let attempt = 0; attempt < FOLLOW_ATTEMPTS_MAX; attempt++) {
      const changes = await this.#changesOf(bookingId);
      const askedAt = this.#options.clock.now();
      const booking = await this.#options.peers.booking(bookingId);
      const tickets = await this.#ticketsOf(booking);
      if (await this.#write(bookingId, { changes, askedAt, tickets })) return booking;
    }
    throw new Error(`booking ${bookingId} changes faster than its tickets can follow`);
  }

  async #changesOf(bookingId: string): Promise<number> {
    const query = this.#options.db.selectFrom("booking").select("changes").where("booking_id", "=", bookingId);
    return (await query.executeTakeFirst())?.changes ?? 0;
  }

  /** As they should be. The ids are for those that are not there yet. */
  async #ticketsOf(booking: BookingRecord | null): Promise<NewTicket[]> {
    const { peers, clock, random } = this.#options;
    const seats = ticketedSeats(booking);
    if (booking === null || seats.length === 0) return [];
    const { bookingId: booking_id, userId: user_id, showtimeId: showtime_id } = booking;
    const quote = await peers.quote(showtime_id, seats);
    const issued_at = new Date(clock.now());
    const valid_from = new Date(Date.parse(quote.showtime.startsAt) - DOORS_OPEN_BEFORE_MS);
    const valid_until = new Date(quote.showtime.endsAt);
    const common = { booking_id, user_id, showtime_id, valid_from, valid_until, issued_at, generation: 1 };
    return quote.seats.map(({ seat, label }) => ({ id: ticketIdOf(random(TICKET_ID_BYTES)), seat, label, ...common }));
  }

  /** @returns false when an event has come since `changes` was read: then `tickets` may be out of date, and nothing is written */
  async #write(bookingId: string, { changes, askedAt, tickets }: Found): Promise<boolean> {
    const { db, outbox, clock } = this.#options;
    const outcome = await db.transaction().execute(async (transaction) => {
      if ((await lockBooking(transaction, bookingId)) !== changes) return "outdated";
      await voidOthers(transaction, bookingId, tickets, new Date(clock.now()));
      const issued = await issue(transaction, tickets);
      const [first] = issued;
      if (first !== undefined) {
        await outbox.add(transaction, "ticket.issued", bookingId, {
          bookingId,
          userId: first.user_id,
          showtimeId: first.showtime_id,
          tickets: issued.map(({ id, seat }) => ({ ticketId: id, seat })),
        });
      }
      await restore(transaction, bookingId, askedAt);
      const done = { due_at: await endOfWithdrawal(transaction, bookingId), attempts: 0 };
      await transaction.updateTable("booking").set(done).where("booking_id", "=", bookingId).execute();
      return first === undefined ? "written" : "told";
    });
    if (outcome === "told") outbox.nudge();
    return outcome !== "outdated";
  }
}

/** What there was to be found about a booking's tickets, as they should be. */
interface Found {
  /** Events until then. */
  readonly changes: number;
  /** When the booking was asked for. */
  readonly askedAt: number;
  readonly tickets: readonly NewTicket[];
}

async function noteBooking(transaction: Transaction<TicketTables>, bookingId: string, now: Date): Promise<void> {
  await transaction
    .insertInto("booking")
    .values({ booking_id: bookingId, changes: 1, due_at: now, attempts: 0 })
    .onConflict((conflict) =>
      conflict
        .column("booking_id")
        .doUpdateSet((row) => ({ changes: row("booking.changes", "+", 1), due_at: now, attempts: 0 })),
    )
    .execute();
}

async function noteShowtime(transaction: Transaction<TicketTables>, showtimeId: string, now: Date): Promise<void> {
  await transaction
    .updateTable("booking")
    .set((row) => ({ changes: row("changes", "+", 1), due_at: now, attempts: 0 }))
    .where("booking_id", "in", (query) =>
      query
        .selectFrom("ticket")
        .select("ticket.booking_id")
        .where("showtime_id", "=", showtimeId)
        .where("voided_at", "is", null),
    )
    .execute();
}

/** From here to the end of the transaction nobody else writes this booking's tickets. @returns its `changes` */
export async function lockBooking(transaction: Transaction<TicketTables>, bookingId: string): Promise<number> {
  await transaction
    .insertInto("booking")
    .values({ booking_id: bookingId, changes: 0, due_at: null, attempts: 0 })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const locked = transaction.selectFrom("booking").select("changes").where("booking_id", "=", bookingId).forUpdate();
  return (await locked.executeTakeFirstOrThrow()).changes;
}

async function voidOthers(
  transaction: Transaction<TicketTables>,
  bookingId: string,
  tickets: readonly NewTicket[],
  now: Date,
): Promise<void> {
  const seats = tickets.map(({ seat }) => seat);
  await transaction
    .updateTable("ticket")
    .set({ voided_at: now })
    .where("booking_id", "=", bookingId)
    .where("voided_at", "is", null)
    .$if(seats.length > 0, (query) => query.where("seat", "not in", seats))
    .execute();
}

/** Those that were withdrawn for a cancellation that never came: the booking had their seats long afterwards. */
async function restore(transaction: Transaction<TicketTables>, bookingId: string, askedAt: number): Promise<void> {
  await transaction
    .updateTable("ticket")
    .set({ withdrawn_at: null })
    .where("booking_id", "=", bookingId)
    .where("voided_at", "is", null)
    .where("withdrawn_at", "<=", new Date(askedAt - WITHDRAWN_FOR_MS))
    .execute();
}

/** When the booking is to be asked again what has become of the tickets that are withdrawn. */
async function endOfWithdrawal(transaction: Transaction<TicketTables>, bookingId: string): Promise<Date | null> {
  const { last } = await transaction
    .selectFrom("ticket")
    .select(({ fn }) => fn.max("withdrawn_at").as("last"))
    .where("booking_id", "=", bookingId)
    .where("voided_at", "is", null)
    .executeTakeFirstOrThrow();
  return last && new Date(last.getTime() + WITHDRAWN_FOR_MS);
}

/** Those that are there keep their ids, and take over what has changed of their showtime. @returns the new ones */
async function issue(transaction: Transaction<TicketTables>, tickets: readonly NewTicket[]): Promise<NewTicket[]> {
  if (tickets.length === 0) return [];
  const written = await transaction
    .insertInto("ticket")
    .values([...tickets])
    .onConflict((conflict) =>
      conflict
        .columns(["booking_id", "seat"])
        .where("voided_at", "is", null)
        .doUpdateSet((row) => ({
          label: row.ref("excluded.label"),
          valid_from: row.ref("excluded.valid_from"),
          valid_until: row.ref("excluded.valid_until"),
        })),
    )
    .returning("id")
    .execute();
  const ids = new Set(written.map(({ id }) => id));
  return tickets.filter(({ id }) => ids.has(id));
}
