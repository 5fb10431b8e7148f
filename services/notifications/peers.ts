/** What mails ask of the other domains. */
import { type Bus, BusClosed, NoResponders, RequestTimeout } from "../../platform/bus/index.ts";
import type { Endpoint } from "../../proto/index.ts";
import {
  BOOKING,
  type BookingRecord,
  QUOTE,
  type SeatCard,
  type ShowtimeCard,
  TICKETS_PDF,
  USER_CARD,
  type UserCard,
} from "../../proto/services/index.ts";
import { PEER_TIMEOUT_MS } from "./limits.ts";

export interface Quote {
  readonly showtime: ShowtimeCard;
  readonly seats: readonly SeatCard[];
}

export interface TicketFile {
  readonly fileName: string;
  readonly bytes: Uint8Array;
}

/** Another domain does not answer: ask again later. */
export class PeerUnavailable extends Error {
  override readonly name = "PeerUnavailable";
}

/** Every method throws PeerUnavailable when its domain does not answer. */
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

  async #ask<Question, Answer>(endpoint: Endpoint<Question, Answer>, question: Question): Promise<Answer> {
    try {
      return await this.#bus.request(endpoint, question, { timeoutMs: PEER_TIMEOUT_MS });
    } catch (cause) {
      if (!(cause instanceof NoResponders || cause instanceof RequestTimeout || cause instanceof BusClosed))
        throw cause;
      throw new PeerUnavailable(`nobody answers for ${endpoint.name}`, { cause });
    }
  }
}
