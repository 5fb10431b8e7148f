/** What mails ask of the other domains. */
import type { Bus } from "../../../platform/bus/index.ts";
import type { Endpoint } from "../../../proto/index.ts";
import {
  BOOKING,
  type BookingRecord,
  QUOTE,
  type SeatCard,
  type ShowtimeCard,
  TICKETS_PDF,
  USER_CARD,
  type UserCard,
} from "../../../proto/services/index.ts";
import { PEER_TIMEOUT_MS } from "./limits.ts";

export interface Quote {
  readonly showtime: ShowtimeCard;
  readonly seats: readonly SeatCard[];
}

export interface TicketFile {
  readonly fileName: string;
  readonly bytes: Uint8Array;
}

/** Every method throws what `isAway` knows when its domain does not answer: ask again later. */
export class Peers {
  readonly #bus: Bus;

  constructor({ bus }: { bus: Bus }) {
    this.#bus = bus;
  }

  booking(bookingId: string): Promise<BookingRecord | null> {
    return this.#ask(BOOKING, { bookingId });
  }

  user(userId: string): Promise<UserCard | null> {
    return this.#ask(USER_CARD, { userId });
  }

  tickets(bookingId: string): Promise<TicketFile | null> {
    return this.#ask(TICKETS_PDF, { bookingId });
  }

  /** Null when the showtime was deleted. */
  quote(showtimeId: string, seats: readonly number[]): Promise<Quote | null> {
    return this.#ask(QUOTE, { showtimeId, seats });
  }

  #ask<Question, Answer>(endpoint: Endpoint<Question, Answer>, question: Question): Promise<Answer> {
    return this.#bus.request(endpoint, question, { timeoutMs: PEER_TIMEOUT_MS });
  }
}
