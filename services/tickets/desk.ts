import type { Kysely, Selectable } from "kysely";
import type { Principal } from "../../platform/auth/index.ts";
import { isPlainId } from "../../proto/index.ts";
import type { BookingRecord } from "../../proto/services/index.ts";
import type { Ticket } from "../../proto/rest/index.ts";
import { Problem } from "../../platform/http/index.ts";
import { Semaphore, SemaphorePerKey } from "../../platform/turns/index.ts";
import type { TicketKeyRing } from "./code/key-ring.ts";
import { writeTicketCode } from "./code/ticket-code.ts";
import { ticketedSeats, type TicketFollower } from "./follower.ts";
import { GENERATION_MAX, PRINTED_AT_ONCE, PRINTS_OF_READER_WAITING_MAX, PRINTS_WAITING_MAX } from "./limits.ts";
import type { Peers } from "./peers.ts";
import { printTickets } from "./print/index.ts";
import type { TicketTables } from "./tables.ts";

type Row = Selectable<TicketTables["ticket"]>;

/** For whom a ticket is shown: the holder of its booking, and administrators. To anybody else it does not exist. */
type Reader = Pick<Principal, "userId" | "role">;

interface Options {
  readonly db: Kysely<TicketTables>;
  readonly follower: TicketFollower;
  readonly keys: TicketKeyRing;
  readonly peers: Peers;
}

/** Hands out tickets: as text, on paper, and anew. */
export class TicketDesk {
  readonly #options: Options;
  /** Two rooms, so that no crowd of readers keeps the mails away. */
  readonly #printing = new SemaphorePerKey({
    each: { atOnce: 1, waitingMax: PRINTS_OF_READER_WAITING_MAX },
    all: { atOnce: PRINTED_AT_ONCE, waitingMax: PRINTS_WAITING_MAX },
  });
  readonly #mailing = new Semaphore({ atOnce: PRINTED_AT_ONCE, waitingMax: PRINTS_WAITING_MAX });

  constructor(options: Options) {
    this.#options = options;
  }

  /** The good tickets of a booking; none while it is not confirmed, or no longer. @throws Problem BOOKING_NOT_FOUND, UNAVAILABLE */
  async list(bookingId: string, reader: Reader): Promise<Ticket[]> {
    const booking = await this.#bookingFor(bookingId, reader);
    return (await this.#upToDate(booking)).map((row) => this.#shown(row));
  }

  /** @throws TooManyWaiting, Problem BOOKING_NOT_FOUND, BOOKING_STATE (there are none), UNAVAILABLE */
  async printBooking(bookingId: string, reader: Reader): Promise<Uint8Array> {
    const booking = await this.#bookingFor(bookingId, reader);
    const rows = await this.#upToDate(booking);
    const bytes = await this.#printing.run(reader.userId, () => this.#print(booking, rows));
    if (bytes === undefined)
      throw new Problem("BOOKING_STATE", `There are no tickets: the booking is ${booking.status}.`);
    return bytes;
  }

  /** For other services. @returns undefined while there are none. @throws TooManyWaiting, Problem UNAVAILABLE */
  async printFor(bookingId: string): Promise<Uint8Array | undefined> {
    const booking = await this.#options.peers.booking(bookingId);
    if (booking === null) return undefined;
    const rows = await this.#upToDate(booking);
    return this.#mailing.run(() => this.#print(booking, rows));
  }

  /** @throws TooManyWaiting, Problem NOT_FOUND, BOOKING_STATE (it is void), UNAVAILABLE */
  async printTicket(id: string, reader: Reader): Promise<Uint8Array> {
    const row = await this.#validFor(id, reader);
    const booking = await this.#options.peers.booking(row.booking_id);
    const bytes = booking && (await this.#printing.run(reader.userId, () => this.#print(booking, [row])));
    if (!bytes) throw isVoid();
    return bytes;
  }

  /** What the ticket's QR code says. @throws Problem NOT_FOUND, BOOKING_STATE (it is void) */
  async codeOf(id: string, reader: Reader): Promise<string> {
    return this.#codeOf(await this.#validFor(id, reader));
  }

  /** From now on only a new code is good. @throws Problem NOT_FOUND, BOOKING_STATE, ALREADY_USED, LIMIT_REACHED */
  async reissue(id: string, reader: Reader): Promise<Ticket> {
    await this.#validFor(id, reader);
    const row = await this.#options.db
      .updateTable("ticket")
      .set((old) => ({ generation: old("generation", "+", 1) }))
      .where("id", "=", id)
      .where("voided_at", "is", null)
      .where("checked_in_at", "is", null)
      .where("generation", "<", GENERATION_MAX)
      .returningAll()
      .executeTakeFirst();
    if (row !== undefined) return this.#shown(row);
    const { checked_in_at: usedAt } = await this.#validFor(id, reader);
    if (usedAt === null) throw new Problem("LIMIT_REACHED", "The ticket was issued anew too often.");
    throw new Problem("ALREADY_USED", "The ticket was let in already.", { checkedInAt: usedAt.toISOString() });
  }

  async #bookingFor(bookingId: string, { userId, role }: Reader): Promise<BookingRecord> {
    const booking = isPlainId(bookingId) ? await this.#options.peers.booking(bookingId) : null;
    if (booking !== null && (booking.userId === userId || role === "admin")) return booking;
    throw new Problem("BOOKING_NOT_FOUND", "There is no such booking of yours.");
  }

  async #validFor(id: string, { userId, role }: Reader): Promise<Row> {
    const row = await this.#options.db.selectFrom("ticket").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined || (row.user_id !== userId && role !== "admin"))
      throw new Problem("NOT_FOUND", "There is no such ticket of yours.");
    if (row.voided_at !== null) throw isVoid();
    return row;
  }

  /** Whoever reads a booking first, reader or event, has its tickets issued. */
  async #upToDate(booking: BookingRecord): Promise<Row[]> {
    const seats = new Set(ticketedSeats(booking));
    const found = await this.#valid(booking.bookingId);
    if (found.length === seats.size && found.every(({ seat }) => seats.has(seat))) return found;
    await this.#options.follower.follow(booking.bookingId);
    return this.#valid(booking.bookingId);
  }

  #valid(bookingId: string): Promise<Row[]> {
    const rows = this.#options.db.selectFrom("ticket").selectAll().where("booking_id", "=", bookingId);
    return rows.where("voided_at", "is", null).orderBy("seat").execute();
  }

  #shown(row: Row): Ticket {
    return {
      id: row.id,
      bookingId: row.booking_id,
      showtimeId: row.showtime_id,
      seat: row.seat,
      label: row.label,
      qr: this.#codeOf(row),
      status: row.checked_in_at === null ? "valid" : "used",
      ...(row.checked_in_at && { checkedInAt: row.checked_in_at.toISOString() }),
      validFrom: row.valid_from.toISOString(),
      validUntil: row.valid_until.toISOString(),
    };
  }

  #codeOf(row: Row): string {
    const code = {
      ticketId: row.id,
      showtimeId: row.showtime_id,
      seat: row.seat,
      validFrom: row.valid_from.getTime(),
      validUntil: row.valid_until.getTime(),
      generation: row.generation,
    };
    return writeTicketCode(code, this.#options.keys);
  }

  async #print(booking: BookingRecord, rows: readonly Row[]): Promise<Uint8Array | undefined> {
    const sold = new Map(booking.seats.map((each) => [each.seat, each]));
    const printed = rows.filter(({ seat }) => sold.has(seat));
    if (printed.length === 0) return undefined;
    const { peers } = this.#options;
    const seats = printed.map(({ seat }) => seat);
    const [quote, plan, language] = await Promise.all([
      peers.quote(booking.showtimeId, seats),
      peers.hallPlan(booking.showtimeId),
      peers.languageOf(booking.userId),
    ]);
    const cards = new Map(quote.seats.map((card) => [card.seat, card]));
    const tickets = printed.flatMap((row) => {
      const [seat, sale] = [cards.get(row.seat), sold.get(row.seat)];
      return seat && sale ? [{ id: row.id, qr: this.#codeOf(row), seat, sale }] : [];
    });
    return printTickets({ bookingId: booking.bookingId, showtime: quote.showtime, plan, language, tickets });
  }
}

const isVoid = (): Problem => new Problem("BOOKING_STATE", "The ticket is void: its seat was cancelled.");
