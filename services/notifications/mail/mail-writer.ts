import type { DomainEvent } from "../../../proto/index.ts";
import type { BookingRecord, UserCard } from "../../../proto/services/index.ts";
import { letterAsHtml, letterAsText, type LetterSeat, type MailedEvent, nameOf, writeLetter } from "./letters/index.ts";
import type { Peers } from "./peers.ts";
import type { Mail } from "./transports/index.ts";
import type { QueuedMail } from "./mail-queue.ts";

/** The mail, and whose it is; or why there is none to be sent. */
export type Written =
  | { readonly type: "mail"; readonly mail: Mail; readonly userId: string }
  | { readonly type: "needless"; readonly why: string };

interface Options {
  readonly peers: Peers;
  /** Without a slash at its end. */
  publicUrl(): string;
}

/** Makes a mail of an event, with what is known of it at that time: addresses and titles are nowhere kept. */
export class MailWriter {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @throws what `Peers` throws, and Error when the tickets are not there yet: try again */
  async write({ id, event, user_id: buyer, created_at: date }: QueuedMail): Promise<Written> {
    const { peers } = this.#options;
    // A guest has no address as a rule, and nothing else is asked for then. An event that names no buyer leaves that to the booking.
    const known = buyer === null ? undefined : await peers.user(buyer);
    if (known !== undefined && !hasAddress(known)) return unaddressed(known);
    const booking = await peers.booking(event.data.bookingId);
    if (booking === null) return needless("there is no such booking any more");
    if (event.type === "booking.confirmed" && booking.status !== "confirmed")
      return needless(`the booking is ${booking.status} by now`);
    const user = known ?? (await peers.user(booking.userId));
    if (!hasAddress(user)) return unaddressed(user);
    const seats = seatsOf(event, booking);
    const sold = soldOf(event, booking);
    const [quote, tickets] = await Promise.all([
      peers.quote(booking.showtimeId, seats),
      event.type === "booking.confirmed" ? this.#tickets(booking.bookingId) : undefined,
    ]);
    const letter = writeLetter({
      event,
      booking,
      showtime: quote?.showtime ?? null,
      seats: quote?.seats ?? seatsSold(sold, seats),
      sold,
      language: user.language,
      name: user.name,
      url: `${this.#options.publicUrl()}/`,
    });
    const mail: Mail = {
      id,
      date,
      language: letter.language,
      subject: letter.subject,
      to: { name: nameOf(user.name) ?? "", address: user.email.trim() },
      text: letterAsText(letter),
      html: letterAsHtml(letter),
      attachments: tickets ? [{ fileName: tickets.fileName, type: "application/pdf", bytes: tickets.bytes }] : [],
    };
    return { type: "mail", mail, userId: user.id };
  }

  async #tickets(bookingId: string) {
    const file = await this.#options.peers.tickets(bookingId);
    if (file === null) throw new Error(`the tickets of ${bookingId} are not there yet`);
    return file;
  }
}

/** Those that were given back while others were kept are in the booking no more: their event has them. */
function soldOf({ type, data }: DomainEvent<MailedEvent>, booking: BookingRecord): BookingRecord["seats"] {
  if (type !== "booking.cancelled" || data.cancelledTickets === undefined) return booking.seats;
  return data.cancelledTickets.map((ticket) => ({ ...ticket, ticketType: ticket.type }));
}

/** Seats of a showtime that was deleted, as they were sold. */
const seatsSold = (sold: BookingRecord["seats"], seats: readonly number[]): LetterSeat[] =>
  sold.filter(({ seat }) => seats.includes(seat)).map(({ seat, label }) => ({ seat, label, categoryName: null }));

const hasAddress = (user: UserCard | null): user is UserCard & { readonly email: string } =>
  user !== null && user.email !== null;

const unaddressed = (user: UserCard | null): Written =>
  needless(user === null ? "the account was deleted" : "the buyer has given no address");

const needless = (why: string): Written => ({ type: "needless", why });

/** Those that the mail is about. */
function seatsOf({ type, data }: DomainEvent<MailedEvent>, booking: BookingRecord): readonly number[] {
  switch (type) {
    case "booking.confirmed":
    case "payment.failed":
      return booking.seats.map(({ seat }) => seat);
    case "booking.cancelled":
      return data.cancelledSeats;
    case "booking.expired":
    case "booking.failed":
      return data.seats;
    case "booking.refunded":
      return []; // The event names those that the booking has left, if any.
  }
}
