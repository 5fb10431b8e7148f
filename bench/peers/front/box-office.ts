import { Slab } from "../../../platform/slab/index.ts";
import { CLIENT_OP, SERVER_OP } from "../../peer.ts";
import { type Hold, HOLD_TTL_MS, SEATS_A_HALL, type SeatStore } from "./seat-store.ts";

const SHOWTIMES_MAX = 1_000;

/** Hold ids are a front's number times this, plus a count; all are below 2^32. */
const HOLDS_A_FRONT = 2 ** 26;
const SEATS_A_HOLD_MAX = 8;
const EXPIRY_CHECK_MS = 1_000;

/** One connection. It is the holder of its holds: who somebody is would be known from a token, which costs nothing once read. */
export interface Customer {
  readonly id: number;
  answer(message: readonly unknown[]): void;
}

interface Kept {
  readonly hold: Hold;
  /** In the slab. */
  key: number;
}

interface Options {
  readonly store: SeatStore;
  /** Tells watchers that these seats of the showtime now have this status (0 free, 1 held). */
  show(showtime: number, seats: readonly number[], status: 0 | 1): void;
}

/** What every seat server does besides keeping seats and sending frames; the peers share it, so that they differ in those alone. */
export class BoxOffice {
  readonly #store: SeatStore;
  readonly #show: Options["show"];
  readonly #opened = new Map<number, Promise<void>>();
  /** By the number that their holder knows. Not in a Map, which would cost collections that Usher does without. */
  readonly #holds = new Slab<Kept>();
  #lastHold = 0;

  private constructor({ store, show }: Options) {
    this.#store = store;
    this.#show = show;
  }

  /** Opens the first SHOWTIMES (of the environment; 1 when unset) at once; any other when it is first asked for. */
  static async open(options: Options): Promise<BoxOffice> {
    const office = new BoxOffice(options);
    office.#lastHold = (await options.store.frontNumber()) * HOLDS_A_FRONT;
    const showtimes = Array.from({ length: Number(process.env["SHOWTIMES"] ?? 1) }, (_, showtime) => showtime);
    const opened = options.store.open(showtimes);
    for (const showtime of showtimes) office.#opened.set(showtime, opened);
    await opened;
    setInterval(() => void office.#expire(), EXPIRY_CHECK_MS).unref();
    return office;
  }

  /** A hold or a release. Anything else is answered with BAD_MESSAGE. */
  async receive(customer: Customer, message: unknown): Promise<void> {
    const [op, number, showtime, what] = Array.isArray(message) ? (message as unknown[]) : [];
    try {
      if (typeof number !== "number" || !isShowtime(showtime)) this.#refuse(customer, 0, "BAD_MESSAGE");
      else if (op === CLIENT_OP.hold && isSeats(what)) await this.#hold(customer, number, showtime, what);
      else if (op === CLIENT_OP.release) await this.#release(customer, number, what);
      else this.#refuse(customer, number, "BAD_MESSAGE");
    } catch (error) {
      console.error(error);
      this.#refuse(customer, typeof number === "number" ? number : 0, "UNAVAILABLE");
    }
  }

  async #hold(customer: Customer, number: number, showtime: number, wanted: readonly number[]): Promise<void> {
    await this.opened(showtime);
    const seats = wanted.length === 1 ? wanted : [...wanted].sort((a, b) => a - b);
    const expiresAt = Date.now() + HOLD_TTL_MS;
    const hold = { id: ++this.#lastHold, showtime, seats, holder: customer.id, expiresAt };
    if (!(await this.#store.hold(hold))) return this.#refuse(customer, number, "SEAT_TAKEN");
    const kept: Kept = { hold, key: 0 };
    kept.key = this.#holds.add(kept);
    customer.answer([SERVER_OP.held, number, kept.key]);
    this.#show(showtime, seats, 1);
  }

  async #release(customer: Customer, number: number, id: unknown): Promise<void> {
    const kept = typeof id === "number" ? this.#holds.get(id) : undefined;
    if (kept?.hold.holder !== customer.id) return this.#refuse(customer, number, "HOLD_NOT_FOUND");
    const { hold, key } = kept;
    this.#holds.delete(key, kept);
    await this.#store.release(hold);
    customer.answer([SERVER_OP.released, number]);
    this.#show(hold.showtime, hold.seats, 0);
  }

  /** Resolves once the showtime has seats. */
  opened(showtime: number): Promise<void> {
    let opened = this.#opened.get(showtime);
    if (opened === undefined) {
      opened = this.#store.open([showtime]);
      this.#opened.set(showtime, opened);
    }
    return opened;
  }

  async #expire(): Promise<void> {
    for (const kept of this.#holds.values()) {
      const { hold, key } = kept;
      if (hold.expiresAt > Date.now()) continue;
      if (!this.#holds.delete(key, kept)) continue; // Released while another was.
      try {
        await this.#store.release(hold);
        this.#show(hold.showtime, hold.seats, 0);
      } catch (error) {
        console.error(error); // The store takes seats past their time for free ones all the same.
      }
    }
  }

  #refuse(customer: Customer, number: number, code: string): void {
    customer.answer([SERVER_OP.refused, number, code]);
  }
}

export const isShowtime = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) < SHOWTIMES_MAX;

function isSeats(value: unknown): value is readonly number[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > SEATS_A_HOLD_MAX) return false;
  const isSeat = (seat: unknown): boolean => Number.isInteger(seat) && Number(seat) >= 0 && Number(seat) < SEATS_A_HALL;
  return value.every(isSeat) && (value.length === 1 || new Set(value).size === value.length);
}
