import type { Bus } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import type { Config } from "../../platform/config/index.ts";
import { newId, type RandomBytes } from "../../platform/random/index.ts";
import { isPlainId, type Role } from "../../proto/index.ts";
import type { BookingRequest, CancelRequest, Hold, PaymentRequest } from "../../proto/rest/index.ts";
import {
  type PaymentMethod,
  QUOTE,
  type SeatCard,
  type ShowtimeCard,
  WITHDRAW_TICKETS,
} from "../../proto/services/index.ts";
import { Problem } from "../../platform/http/index.ts";
import { type Asker, isDesk } from "./asker.ts";
import type { Holds } from "./holds.ts";
import { derivedId } from "./ids.ts";
import { ANSWER_WITHIN_MS } from "./limits.ts";
import type { BookedSeat, Booking } from "./saga/booking.ts";
import type { Heard, Saga } from "./saga/saga.ts";
import type { BookingStore, Listing, Stored } from "./store/store.ts";

interface Options {
  readonly store: BookingStore;
  readonly saga: Saga;
  readonly holds: Holds;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly config: Pick<Config, "paymentTtlMs">;
}

const MAY_USE_TERMINAL: ReadonlySet<Role> = new Set<Role>(["kiosk", "boxoffice", "admin"]);

const unavailable = (what: string) => new Problem("UNAVAILABLE", `${what} Nothing is lost: try again.`);
const notFound = () => new Problem("BOOKING_NOT_FOUND", "There is no such booking.");

/**
 * What buyers do with their bookings, over REST and GraphQL alike, with the rights that they have. Every method throws refusals as a
 * `Problem`, and what `isAway` knows where another domain does not answer: over HTTP, UNAVAILABLE.
 */
export class Bookings {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  async book(asker: Asker, request: BookingRequest): Promise<Stored> {
    const { store, saga } = this.#options;
    const id = this.#idOf("bk", asker, request.holdId);
    let hold: Hold;
    try {
      hold = await this.#holdToBook(asker, request.holdId, id);
    } catch (error) {
      // The hold is booked, or over, perhaps by this very request when it was sent before.
      const before = error instanceof Problem && asker.key !== undefined ? await store.read(id) : undefined;
      if (before === undefined) throw error;
      return this.#asBefore(id);
    }
    const { showtime, seats } = await this.#quote(hold.showtimeId, hold.seats);
    if (showtime.cancelled) throw new Problem("SALE_CLOSED", "The showtime was cancelled.");
    const leased = await store.insert(
      this.#newBooking(id, asker, request, showtime, seatsOf(seats, request.tickets)),
      this.#options.clock.now(),
    );
    if (leased === undefined) return this.#asBefore(id);
    const { stored } = await saga.begin(leased);
    return requirePinned(stored);
  }

  /** The outcome comes later: see the booking's status. Who pays without a token needs to be told where, and waits a while for that. */
  async pay(asker: Asker, id: string, { method, token }: PaymentRequest): Promise<Stored> {
    const { saga } = this.#options;
    if (method === "terminal" && !MAY_USE_TERMINAL.has(asker.role)) {
      throw new Problem("FORBIDDEN", `Terminals are for kiosks and box offices; your role is ${asker.role}.`);
    }
    const own = await this.read(asker, id);
    const paymentId = this.#paymentIdOf(asker, own.booking, method, token);
    const { stored, mine } = await saga.tell(own, { type: "pay", paymentId, method, token: token ?? null });
    const begun = mine ? await this.#beginPayment(stored) : stored;
    if (method === "terminal" || token !== undefined || !isLeftAlone(begun.booking)) return begun;
    const seen = (await saga.until(id, (booking) => !isLeftAlone(booking))) ?? begun;
    if (seen.booking.payment?.id !== paymentId) throw notBegun(seen.booking, method); // Another worker had the booking, and was refused.
    return seen;
  }

  /** Waits a while for the seats to be free and the money to be on its way back; that goes on in any case. */
  async cancel(asker: Asker, id: string, { seats }: CancelRequest): Promise<Stored> {
    const { saga } = this.#options;
    // The booking remembers it longer than the key's answer is kept: then the key may come again with other seats.
    const refundId = this.#idOf("rf", asker, id, ...(seats ?? []).toSorted((left, right) => left - right).map(String));
    let heard: Heard | undefined;
    while (heard === undefined) {
      const own = await this.read(asker, id);
      const cancel = {
        type: "cancel",
        id: refundId,
        by: asker.userId,
        seats,
        until: await this.#cancelUntil(asker, own.booking),
      } as const;
      if (saga.wouldChange(own, cancel)) await this.#withdrawTickets(asker, own.booking, seats);
      // Tickets that were withdrawn too long ago are good again, and somebody may have been let in: then the booking is another.
      heard = await saga.tellAsItStands(own, cancel);
    }
    const { stored, mine } = heard;
    if (mine) void saga.advance(stored);
    return (await saga.until(id, ({ steps }) => steps.every((step) => step.do === "watch"))) ?? stored;
  }

  /** Their buyer is gone: those that are not paid are cancelled, and what comes for them goes back. Again changes nothing. */
  async forsake(userId: string): Promise<void> {
    const { store, saga } = this.#options;
    for (const unpaid of await store.unpaidOf(userId)) {
      const { stored, mine } = await saga.tell(unpaid, { type: "buyer-deleted" });
      if (mine) void saga.advance(stored);
    }
  }

  async read(asker: Asker, id: string): Promise<Stored> {
    const stored = isPlainId(id) ? await this.#options.store.read(id) : undefined;
    if (stored === undefined || !isOf(asker, stored.booking)) throw notFound();
    return stored;
  }

  /** One's own; an admin's are everybody's, unless narrowed. */
  list(asker: Asker, listing: Listing): Promise<Stored[]> {
    const { store } = this.#options;
    if (asker.role === "admin") return store.list(listing);
    if (listing.userId !== undefined && listing.userId !== asker.userId) {
      throw new Problem("FORBIDDEN", "Only an admin sees the bookings of others.");
    }
    return store.list({ ...listing, userId: asker.userId });
  }

  /** The booking when its payment has come to something, or as it is after a while. */
  async settled(asker: Asker, id: string): Promise<Stored> {
    const stored = await this.#options.saga.until(id, ({ status }) => status !== "paying");
    if (stored === undefined || !isOf(asker, stored.booking)) throw notFound();
    return stored;
  }

  async #beginPayment(leased: Stored): Promise<Stored> {
    const { fact, stored } = await this.#options.saga.begin(leased);
    if (fact.type === "refused") throw new Problem(fact.code, fact.message);
    if (fact.type === "not-begun") throw unavailable("Payments cannot be taken just now.");
    return stored;
  }

  /** A repeated request finds what it made; one that was interrupted is gone on with. */
  async #asBefore(id: string): Promise<Stored> {
    const { saga } = this.#options;
    void saga.wake(id);
    const stored = await saga.until(id, ({ steps }) => steps[0]?.do !== "pin");
    if (stored === undefined) throw new Problem("HOLD_EXPIRED", "The hold could not be booked any more.");
    return requirePinned(stored);
  }

  async #holdToBook(asker: Asker, holdId: string, id: string): Promise<Hold> {
    const hold = await this.#options.holds.read(asker, holdId);
    const { bookingId } = hold;
    if (bookingId === undefined) return hold;
    const detail = bookingId === id ? "This hold is being booked." : "The hold is being paid for already.";
    throw new Problem("HOLD_PINNED", detail, { bookingId });
  }

  #newBooking(id: string, asker: Asker, request: BookingRequest, showtime: ShowtimeCard, seats: BookedSeat[]): Booking {
    const now = this.#options.clock.now();
    return {
      id,
      secret: this.#options.random(16).toString("base64url"),
      userId: asker.userId,
      desk: isDesk(asker),
      holdId: request.holdId,
      showtimeId: showtime.showtimeId,
      title: showtime.title,
      status: "pending",
      reason: null,
      seats,
      cancelledBy: null,
      cancelled: [],
      acceptOtherSeats: request.acceptOtherSeats ?? false,
      payBy: now + this.#options.config.paymentTtlMs,
      payment: null,
      failedPayments: 0,
      refunded: 0,
      refunds: [],
      cancellations: [],
      steps: [{ do: "pin" }],
      tries: 0,
      dueAt: now,
      createdAt: now,
    };
  }

  async #quote(
    showtimeId: string,
    seats: readonly number[],
  ): Promise<{ showtime: ShowtimeCard; seats: readonly SeatCard[] }> {
    const quote = await this.#options.bus.request(QUOTE, { showtimeId, seats }, { timeoutMs: ANSWER_WITHIN_MS });
    if (quote === null) throw new Problem("NOT_FOUND", "There is no such showtime.");
    return quote;
  }

  async #cancelUntil({ role }: Asker, { status, showtimeId, seats }: Booking): Promise<number | null> {
    if (role === "admin") return Infinity;
    if (status !== "confirmed") return null;
    const { showtime } = await this.#quote(
      showtimeId,
      seats.map(({ seat }) => seat),
    );
    return Date.parse(showtime.cancelUntil);
  }

  /** Whoever was let in has had the show: the seat is not given back, unless an admin says so. Nobody else is let in from here on. */
  async #withdrawTickets({ role }: Asker, { id, status, seats }: Booking, wished?: readonly number[]): Promise<void> {
    if (status !== "confirmed") return;
    const despiteUsed = role === "admin";
    const question = {
      bookingId: id,
      seats: wished ?? seats.map(({ seat }) => seat),
      ...(despiteUsed && { despiteUsed }),
    };
    const { used } = await this.#options.bus.request(WITHDRAW_TICKETS, question, { timeoutMs: ANSWER_WITHIN_MS });
    if (used.length > 0 && !despiteUsed) {
      throw new Problem("ALREADY_USED", "Tickets of these seats were let in already.", { seats: used });
    }
  }

  /** With another card it is another payment. One that an earlier version began goes by the key alone, and is gone on with under that id. */
  #paymentIdOf(asker: Asker, { id, payment }: Booking, method: PaymentMethod, token: string | undefined): string {
    const earlier = this.#idOf("pay", asker, id);
    if (payment?.id === earlier && payment.method === method) return earlier;
    return this.#idOf("pay", asker, id, method, ...(token === undefined ? [] : [token]));
  }

  /** The id of what is made by a request with an Idempotency-Key is the same for its repetitions. */
  #idOf(prefix: string, { userId, key }: Asker, ...about: readonly string[]): string {
    return key === undefined ? newId(prefix, this.#options.random) : derivedId(`${prefix}_`, userId, key, ...about);
  }
}

/** Its buyer is to pay elsewhere, and does not know where: the gateway has not answered yet. */
const isLeftAlone = ({ status, payment }: Booking): boolean => status === "paying" && payment?.next === null;

/** Why there is no such payment. A worker that finds nobody to begin it asks on; it ends only where there is no such method. */
function notBegun({ status, reason }: Booking, method: PaymentMethod): Problem {
  if (status !== "pending") return new Problem("BOOKING_STATE", `The booking is ${status}.`);
  return new Problem("PAYMENT_METHOD_UNAVAILABLE", reason ?? `Payment by ${method} is not set up here.`);
}

const isOf = ({ userId, role }: Asker, booking: Booking): boolean => role === "admin" || booking.userId === userId;

function requirePinned(stored: Stored): Stored {
  const { steps, status, reason } = stored.booking;
  if (steps[0]?.do === "pin") throw unavailable("The seats' owner gives no answer just now.");
  if (status === "failed") throw new Problem("CONFLICT", reason ?? "The hold could not be booked.");
  return stored;
}

/** Everybody is an adult who is not said to be another. */
function seatsOf(cards: readonly SeatCard[], tickets: BookingRequest["tickets"] = []): BookedSeat[] {
  const types = new Map(tickets.map(({ seat, type }) => [seat, type]));
  if (types.size < tickets.length) {
    throw new Problem("BAD_MESSAGE", "body.tickets names a seat twice.", { field: "body.tickets" });
  }
  const seats = cards.map(({ seat, label, category, prices }) => {
    const type = types.get(seat) ?? "adult";
    types.delete(seat);
    return { seat, label, category, type, price: prices[type] };
  });
  if (types.size > 0) {
    throw new Problem("BAD_MESSAGE", "body.tickets names seats that the hold does not have.", {
      field: "body.tickets",
      seats: [...types.keys()],
    });
  }
  return seats;
}
