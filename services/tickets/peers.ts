/** What tickets ask of the other domains. */
import { type Bus, BusClosed, NoResponders, RequestTimeout } from "../../platform/bus/index.ts";
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
import { Problem } from "../http/index.ts";
import { PEER_TIMEOUT_MS } from "./limits.ts";

/** Every method throws Problem UNAVAILABLE when its domain does not answer. */
export class Peers {
  readonly #bus: Bus;

  constructor({ bus }: { bus: Bus }) {
    this.#bus = bus;
  }

  booking(bookingId: string): Promise<BookingRecord | null> {
    return this.#ask(BOOKING, { bookingId });
  }

  /** @throws Error when the catalogue does not know the showtime or one of the seats, though they were sold */
  async quote(
    showtimeId: string,
    seats: readonly number[],
  ): Promise<{ readonly showtime: ShowtimeCard; readonly seats: readonly SeatCard[] }> {
    const quote = await this.#ask(QUOTE, { showtimeId, seats });
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

  async #ask<Question, Answer>(endpoint: Endpoint<Question, Answer>, question: Question): Promise<Answer> {
    try {
      return await this.#bus.request(endpoint, question, { timeoutMs: PEER_TIMEOUT_MS });
    } catch (error) {
      if (!(error instanceof NoResponders || error instanceof RequestTimeout || error instanceof BusClosed))
        throw error;
      throw new Problem("UNAVAILABLE", `The service behind ${endpoint.name} does not answer just now; try again.`);
    }
  }
}
