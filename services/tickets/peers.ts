/** What tickets ask of the other domains. */
import type { Bus } from "../../platform/bus/index.ts";
import type { Endpoint } from "../../proto/index.ts";
import {
  BOOKING,
  type BookingRecord,
  HALL_PLAN,
  type PlanSeat,
  QUOTE,
  type SeatCard,
  type ShowtimeCard,
  USER_CARD,
} from "../../proto/services/index.ts";
import { PEER_TIMEOUT_MS } from "./limits.ts";

/** Every method throws what `isAway` knows when its domain does not answer: over HTTP, UNAVAILABLE. */
export class Peers {
  readonly #bus: Bus;

  constructor({ bus }: { bus: Bus }) {
    this.#bus = bus;
  }

  /** @param fence whoever is about to cancel what it read before has to read it again */
  booking(bookingId: string, { fence = false } = {}): Promise<BookingRecord | null> {
    return this.#ask(BOOKING, { bookingId, ...(fence && { fence }) });
  }

  /** As it is now: what tickets say must not be older than the news of a change. @throws Error when the catalogue does not know the showtime or one of the seats, though they were sold */
  async quote(
    showtimeId: string,
    seats: readonly number[],
  ): Promise<{ readonly showtime: ShowtimeCard; readonly seats: readonly SeatCard[] }> {
    const quote = await this.#ask(QUOTE, { showtimeId, seats, fresh: true });
    if (quote === null) throw new Error(`the catalogue does not know seats ${seats.join(", ")} of ${showtimeId}`);
    return quote;
  }

  async hallPlan(showtimeId: string): Promise<readonly PlanSeat[]> {
    return (await this.#ask(HALL_PLAN, { showtimeId })) ?? [];
  }

  /** English where the user is not known any more. */
  async languageOf(userId: string): Promise<string> {
    return (await this.#ask(USER_CARD, { userId }))?.language ?? "en";
  }

  #ask<Question, Answer>(endpoint: Endpoint<Question, Answer>, question: Question): Promise<Answer> {
    return this.#bus.request(endpoint, question, { timeoutMs: PEER_TIMEOUT_MS });
  }
}
