import { type Insertable, type Kysely, type RawBuilder, sql, type Transaction } from "kysely";
import type { Clock } from "../../platform/clock/index.ts";
import type { Inbox, Outbox } from "../../platform/events/index.ts";
import { newId, type RandomBytes } from "../../platform/random/index.ts";
import type { DomainEvent } from "../../proto/index.ts";
import { type BookingRecord, WITHDRAWN_FOR_MS } from "../../proto/services/index.ts";
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
    await inbox.takeAnd(db, CONSUMER, event.id, (taken) =>
      event.type === "showtime.changed"
        ? noteShowtime(taken, event.data.showtimeId, now)
        : noteBooking(taken, event.data.bookingId, now),
    );
  }

  /** Brings a booking's tickets up to date. @returns the booking as it was found */
  async follow(bookingId: string): Promise<BookingRecord | null> {
    for (let attempt = 0; attempt < FOLLOW_ATTEMPTS_MAX; attempt++) {
      // Withdrawn for a cancellation that never came: the booking has their seats long afterwards.
      const longAgo = new Date(this.#options.clock.now() - WITHDRAWN_FOR_MS);
      const before = await this.#before(bookingId, longAgo);
      const booking = await this.#options.peers.booking(bookingId, { fence: before.restores });
      const tickets = await this.#ticketsOf(booking);
      if (await this.#write(bookingId, { before, longAgo, tickets })) return booking;
    }
    throw new Error(`booking ${bookingId} changes faster than its tickets can follow`);
  }

  async #before(bookingId: string, longAgo: Date): Promise<Before> {
    const valid = sql`from tickets.ticket where booking_id = ${bookingId} and voided_at is null`;
    const { rows } = await sql<Before>`
      select coalesce((select changes from tickets.booking where booking_id = ${bookingId}), 0) as changes,
        array(select seat ${valid}) as seats,
        exists (select ${valid} and withdrawn_at <= ${longAgo}) as restores`.execute(this.#options.db);
    return rows[0] ?? { changes: 0, seats: [], restores: false };
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
    return quote.seats.map(({ seat, label }) => ({ id: newId("tk", random), seat, label, ...common }));
  }

  /**
   * One statement, and so one transaction. Its parts see the tickets as they were at its beginning, which is why whoever has changed which
   * there are, or has withdrawn some, counts that as a change too.
   * @returns false when there was a change since `before` was read: then `tickets` may be out of date, and nothing is written
   */
  async #write(bookingId: string, { before, longAgo, tickets }: Found): Promise<boolean> {
    const { db, outbox, clock } = this.#options;
    const seats = tickets.map(({ seat }) => seat);
    const issued = tickets.filter(({ seat }) => !before.seats.includes(seat));
    const counted = issued.length > 0 || before.seats.some((seat) => !seats.includes(seat)) ? 1 : 0;
    const [first] = tickets;
    const parts = [
      // From here on nobody else writes this booking's tickets. Those that stay withdrawn are looked at once more.
      sql`mine as (
        insert into tickets.booking (booking_id, changes, due_at, attempts)
        values (${bookingId}, ${counted}, (
          select max(withdrawn_at) + ${WITHDRAWN_FOR_MS} * interval '1 millisecond' from tickets.ticket
          where booking_id = ${bookingId} and voided_at is null and seat = any (${seats}) and withdrawn_at > ${longAgo}), 0)
        on conflict (booking_id) do update
          set due_at = excluded.due_at, attempts = 0, changes = booking.changes + ${counted}
          where booking.changes = ${before.changes}
        returning 1)`,
      sql`voided as (
        update tickets.ticket set voided_at = ${new Date(clock.now())} from mine
        where booking_id = ${bookingId} and voided_at is null and seat <> all (${seats}))`,
    ];
    // Those that are there keep their ids, and take over what has changed of their showtime.
    if (first !== undefined) {
      parts.push(sql`issued as (
        insert into tickets.ticket as old
          (id, seat, label, booking_id, user_id, showtime_id, valid_from, valid_until, issued_at, generation)
        select id, seat, label, ${bookingId}, ${first.user_id}, ${first.showtime_id}, ${first.valid_from}::timestamptz,
          ${first.valid_until}::timestamptz, ${first.issued_at}::timestamptz, ${first.generation}::integer
        from mine, unnest(${tickets.map(({ id }) => id)}::text[], ${seats}::integer[], ${tickets.map(({ label }) => label)}::text[])
          as wanted (id, seat, label)
        on conflict (booking_id, seat) where voided_at is null do update set label = excluded.label,
          valid_from = excluded.valid_from, valid_until = excluded.valid_until,
          withdrawn_at = case when old.withdrawn_at > ${longAgo} then old.withdrawn_at end)`);
    }
    if (first !== undefined && issued.length > 0) {
      const data = {
        bookingId,
        userId: first.user_id,
        showtimeId: first.showtime_id,
        tickets: issued.map(({ id, seat }) => ({ ticketId: id, seat })),
      };
      parts.push(sql`told as (${outbox.adding("mine", bookingId, [{ type: "ticket.issued", data }])})`);
    }
    const { rows } = await sql`with ${sql.join(parts)} select from mine`.execute(db);
    if (rows.length > 0 && issued.length > 0) outbox.nudge();
    return rows.length > 0;
  }
}

/** What was known of a booking's tickets before the booking was asked for. */
interface Before {
  readonly changes: number;
  /** That have a valid ticket. */
  readonly seats: readonly number[];
  /** Whether some of them may be good again, should the booking still have their seats. */
  readonly restores: boolean;
}

/** What there was to be found about a booking's tickets, as they should be. */
interface Found {
  readonly before: Before;
  /** What was withdrawn until then is good again. */
  readonly longAgo: Date;
  readonly tickets: readonly NewTicket[];
}

const noteBooking = (taken: RawBuilder<unknown>, bookingId: string, now: Date): RawBuilder<unknown> => sql`
  insert into tickets.booking (booking_id, changes, due_at, attempts)
  select ${bookingId}::text, 1, ${now}::timestamptz, 0 from ${taken}
  on conflict (booking_id) do update set changes = booking.changes + 1, due_at = excluded.due_at, attempts = 0`;

/**
 * Those that have a ticket of the showtime, and of those that wait the ones without a ticket that says whose they are: they may be issued with what it
 * was before. All are locked in one order, since several such events may come at once, and only then changed: who has left the queue meanwhile,
 * with such tickets, is still among them.
 */
const noteShowtime = (taken: RawBuilder<unknown>, showtimeId: string, now: Date): RawBuilder<unknown> => sql`
  update tickets.booking set changes = changes + 1, due_at = ${now}, attempts = 0
  where booking_id in (
    select booking_id from tickets.booking where exists (select from ${taken}) and booking_id = any (array(
      select booking_id from tickets.ticket where showtime_id = ${showtimeId} and voided_at is null
      union all
      select booking_id from tickets.booking as waiting where due_at is not null and not exists (
        select from tickets.ticket where ticket.booking_id = waiting.booking_id and voided_at is null)))
    order by booking_id for update)`;

/** From here to the end of the transaction nobody else writes this booking's tickets. */
export async function lockBooking(transaction: Transaction<TicketTables>, bookingId: string): Promise<void> {
  await transaction
    .insertInto("booking")
    .values({ booking_id: bookingId, changes: 0, due_at: null, attempts: 0 })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await transaction.selectFrom("booking").select("changes").where("booking_id", "=", bookingId).forUpdate().execute();
}
