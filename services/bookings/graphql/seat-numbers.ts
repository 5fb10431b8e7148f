import type { Bus } from "../../../platform/bus/index.ts";
import { HALL_PLAN, QUOTE } from "../../../proto/services/index.ts";
import { Problem } from "../../../platform/http/index.ts";
import { ANSWER_WITHIN_MS, LABELLED_SHOWTIMES_MAX } from "../limits.ts";
import type { SeatNumber } from "./schema.ts";

type Labels = ReadonlyMap<string, number>;

/** From what people call seats to their indexes. A showtime keeps the layout that it was sold with, so what was read stays true. */
export class SeatNumbers {
  readonly #bus: Bus;
  /** By showtime; the one that was used last is the last. */
  readonly #labels = new Map<string, Labels>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** @throws Problem NOT_FOUND, BAD_MESSAGE, UNAVAILABLE */
  async indexes(showtimeId: string, numbers: readonly SeatNumber[]): Promise<number[]> {
    const labelled = numbers.some((number) => typeof number === "string");
    const labels = labelled ? await this.#labelsOf(showtimeId) : new Map<string, number>();
    const indexes = numbers.map((number) => (typeof number === "number" ? number : indexOf(labels, number)));
    if (new Set(indexes).size < indexes.length) throw new Problem("BAD_MESSAGE", "seatNumbers names a seat twice.");
    return indexes;
  }

  async #labelsOf(showtimeId: string): Promise<Labels> {
    const labels = this.#labels.get(showtimeId) ?? (await this.#read(showtimeId));
    this.#labels.delete(showtimeId);
    this.#labels.set(showtimeId, labels);
    const [oldest] = this.#labels.keys();
    if (this.#labels.size > LABELLED_SHOWTIMES_MAX && oldest !== undefined) this.#labels.delete(oldest);
    return labels;
  }

  async #read(showtimeId: string): Promise<Labels> {
    const options = { timeoutMs: ANSWER_WITHIN_MS };
    const unavailable = () => {
      throw new Problem("UNAVAILABLE", "The catalogue does not answer just now; try again.");
    };
    const plan = await this.#bus.request(HALL_PLAN, { showtimeId }, options).catch(unavailable);
    const seats = Array.from(plan ?? [], (_, seat) => seat);
    const quote = plan && (await this.#bus.request(QUOTE, { showtimeId, seats }, options).catch(unavailable));
    if (!quote) throw new Problem("NOT_FOUND", "There is no such showtime.");
    return new Map(quote.seats.map(({ label, seat }) => [label, seat]));
  }
}

function indexOf(labels: Labels, label: string): number {
  const index = labels.get(label) ?? (/^\d{1,5}$/.test(label) ? Number(label) : undefined);
  if (index === undefined) throw new Problem("NOT_FOUND", "The hall has no seat of that label.");
  return index;
}
