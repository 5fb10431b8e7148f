import { type Hold, SEATS_A_HALL, type SeatStore } from "./seat-store.ts";

interface Hall {
  /** By seat: the hold that has it, 0 for none, and when that ends. */
  readonly holds: Float64Array;
  readonly expiresAt: Float64Array;
}

/** For peers that are about showing seats: it keeps nothing on disk, so that what is measured is their fan-out alone. */
export class MemoryStore implements SeatStore {
  readonly #halls = new Map<number, Hall>();

  async frontNumber(): Promise<number> {
    return 1;
  }

  async open(showtimes: readonly number[]): Promise<void> {
    for (const showtime of showtimes) {
      this.#halls.set(showtime, { holds: new Float64Array(SEATS_A_HALL), expiresAt: new Float64Array(SEATS_A_HALL) });
    }
  }

  async hold({ id, showtime, seats, expiresAt }: Hold): Promise<boolean> {
    const hall = this.#hall(showtime);
    const now = Date.now();
    if (seats.some((seat) => hall.holds[seat] !== 0 && (hall.expiresAt[seat] ?? 0) > now)) return false;
    for (const seat of seats) {
      hall.holds[seat] = id;
      hall.expiresAt[seat] = expiresAt;
    }
    return true;
  }

  async release({ id, showtime, seats }: Hold): Promise<void> {
    const hall = this.#hall(showtime);
    for (const seat of seats) {
      if (hall.holds[seat] === id) hall.holds[seat] = 0;
    }
  }

  #hall(showtime: number): Hall {
    const hall = this.#halls.get(showtime);
    if (hall === undefined) throw new Error(`showtime ${showtime} was not opened`);
    return hall;
  }
}
