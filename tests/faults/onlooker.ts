/** Asks for a hall over REST again and again, and lets no answer be older than one that was given before it was asked. */
import { setTimeout as pause } from "node:timers/promises";
import { Rest, type SeatView } from "../support/rest.ts";

const EVERY_MS = 50;

export class Onlooker {
  readonly #rest: Rest;
  readonly #newest = new Map<string, { epoch: number; seq: number }>();
  readonly #wrong: (what: string) => void;
  #isGone = false;

  constructor(httpPort: number, wrong: (what: string) => void) {
    this.#rest = new Rest(httpPort);
    this.#wrong = wrong;
  }

  leave(): void {
    this.#isGone = true;
  }

  /** Until `leave`. */
  async stay(showtimes: readonly string[]): Promise<void> {
    while (!this.#isGone) {
      for (const showtime of showtimes) {
        await this.#look(showtime).catch(() => undefined); // Away: asked again in the next turn.
        await pause(EVERY_MS);
      }
    }
  }

  async #look(showtime: string): Promise<void> {
    const known = this.#newest.get(showtime) ?? { epoch: 0, seq: 0 };
    const { status, body } = await this.#rest.get<SeatView>(`showtimes/${showtime}/seats`);
    if (status !== 200) return;
    const { epoch, seq } = body;
    if (seq < known.seq || epoch < known.epoch) {
      this.#wrong(`${showtime} was at (${known.epoch}, ${known.seq}), and then answered as of (${epoch}, ${seq})`);
    }
    if (seq >= known.seq) this.#newest.set(showtime, { epoch, seq });
  }
}
