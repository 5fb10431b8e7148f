import { ClientClosed, type Hall, type Hold, Refused, type UsherClient } from "../../client/index.ts";
import { SEAT_STATUS } from "../../proto/index.ts";
import type { Chance } from "./chance.ts";
import type { Referee } from "./referee.ts";
import type { Score } from "./score.ts";

export interface BuyerOptions {
  readonly client: UsherClient;
  readonly hall: Hall;
  /** Seats from the best to the worst. */
  readonly dreamSeats: readonly number[];
  readonly categories: readonly string[];
  readonly chance: Chance;
  readonly referee: Referee;
  readonly score: Score;
  readonly now: () => number;
  /** Resolves early when the rush is over. */
  readonly sleep: (ms: number) => Promise<void>;
  readonly over: AbortSignal;
}

/** How many of the best free seats a buyer hesitates between: everybody sees the same few. */
const TEMPTING = 24;

/** Somebody who wants good seats, dithers, changes their mind, and tries again when others were quicker. */
export class Buyer {
  readonly #options: BuyerOptions;
  #hold: Hold | undefined;

  constructor(options: BuyerOptions) {
    this.#options = options;
    options.client.on("expired", ({ holdId }) => {
      if (this.#hold?.holdId !== holdId) return;
      options.score.expired++;
      options.referee.lettingGo(this.#hold);
      this.#hold = undefined;
    });
    // Granted after the buyer had given up waiting: given back, as a buyer would who finds it in the basket.
    options.client.on("lateHold", (hold) => void options.client.release(hold.holdId).catch(() => {}));
  }

  /** Until the rush is over; what is held then is kept, for the last count. */
  async run(): Promise<void> {
    const { chance, over, sleep } = this.#options;
    try {
      while (!over.aborted) {
        await sleep(chance.between(0, 400));
        await this.#take();
        await sleep(chance.between(100, 3_000));
        if (this.#hold !== undefined) await this.#dither(this.#hold);
      }
    } catch (error) {
      if (!(error instanceof ClientClosed)) throw error;
      this.#options.score.lost++;
    }
  }

  /** Gives everything back, so that the hall is as it was. */
  async leave(): Promise<void> {
    if (this.#hold !== undefined) await this.#release(this.#hold);
    this.#options.client.close();
  }

  async #take(): Promise<void> {
    if (this.#hold !== undefined || this.#options.over.aborted) return;
    const { categories, chance, client, hall, referee, score } = this.#options;
    const count = chance.between(1, 4);
    const category = categories[chance.between(0, categories.length * 2)];
    const asksForBest = chance.next() < 0.5;
    const best = { count, ...(category !== undefined && { category }) };
    const hold = await this.#timed(() =>
      asksForBest ? client.holdBest(hall.showtime, best) : client.hold(hall.showtime, this.#choose(count)),
    );
    if (hold === undefined) return;
    this.#hold = hold;
    score.holds++;
    score.seats += hold.seats.length;
    referee.granted(hold);
  }

  /** Neighbours in the list of dreams that look free just now; others look at the same ones. */
  #choose(count: number): number[] {
    const { chance, dreamSeats, hall } = this.#options;
    const free = dreamSeats.filter((seat) => hall.statuses[seat] === SEAT_STATUS.free);
    // A full house: try somebody else's seat, as people do.
    const wanted = free.length >= count ? free : dreamSeats;
    const first = chance.between(0, Math.max(0, Math.min(TEMPTING, wanted.length) - count));
    return wanted.slice(first, first + count);
  }

  async #dither(hold: Hold): Promise<void> {
    const { chance, client, over, score } = this.#options;
    const mood = chance.next();
    if (mood < 0.2) {
      const extended = await this.#timed(() => client.extend(hold.holdId));
      if (extended !== undefined) score.extensions++;
    } else if (mood < 0.35 && hold.seats.length > 1) {
      await this.#release(hold, hold.seats.slice(0, 1));
    } else if (mood < 0.8 && !over.aborted) {
      await this.#release(hold);
    }
  }

  async #release(hold: Hold, seats: readonly number[] = hold.seats): Promise<void> {
    const { client, referee, score } = this.#options;
    const left = hold.seats.filter((seat) => !seats.includes(seat));
    referee.lettingGo(hold, seats);
    this.#hold = left.length > 0 ? { ...hold, seats: left } : undefined;
    await this.#timed(() => client.release(hold.holdId, left.length > 0 ? { seats } : {}));
    score.releases++;
  }

  /** Undefined when it was refused, which is counted. */
  async #timed<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
    const { now, score } = this.#options;
    const begun = now();
    try {
      const answer = await ask();
      score.took(now() - begun);
      return answer;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      score.took(now() - begun);
      score.refused(error.code);
      return undefined;
    }
  }
}
