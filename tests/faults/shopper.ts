/** Somebody who buys tickets over REST, one purchase after another, gives some back, and asks again whenever there is no answer. */
import { setTimeout as pause } from "node:timers/promises";
import type { Booking } from "../../proto/rest/index.ts";
import { pick } from "../simulation/random.ts";
import type { Person } from "../support/box-office.ts";
import { type Answer, Rest } from "../support/rest.ts";

export interface Shop {
  readonly httpPort: number;
  readonly showtimes: readonly string[];
  readonly random: () => number;
  /** A request was refused as UNAVAILABLE: nobody was there to answer it. */
  postponed(): void;
  /** Something that must not be. */
  wrong(what: string): void;
}

/** What was bought, and was not given back. */
export interface Bought {
  readonly bookingId: string;
  readonly showtime: string;
  readonly seats: readonly number[];
  /** Minor units. */
  readonly total: number;
}

const SEATS = 2;
/** So many purchases are followed by giving one back, the oldest first; each is where more than that many are kept. */
const GIVEN_BACK = 1 / 8;
const KEPT_AT_MOST = 40;
const AGAIN_MS = 100;
/** Between two looks at a booking: twice as long each time, up to the last. */
const LOOK_FIRST_MS = 200;
const LOOK_LAST_MS = 1_600;
/** How long a purchase may take with everything that goes wrong. */
const PATIENCE_MS = 90_000;
/** What is no answer yet: the same request is sent again. */
const NOT_YET = new Set([429, 502, 503, 504]);

export class Shopper {
  readonly bought: Bought[] = [];
  /** Answers that made it ask again, by status and code. */
  readonly retries = new Map<string, number>();
  /** Until there was an answer to a request, or the connection broke, in milliseconds. */
  longestMs = 0;
  purchases = 0;
  cancellations = 0;
  /** Between purchases. */
  isIdle = true;
  readonly #shop: Shop;
  readonly #person: Person;
  readonly #rest: Rest;
  #keys = 0;

  constructor(shop: Shop, person: Person) {
    this.#shop = shop;
    this.#person = person;
    this.#rest = new Rest(shop.httpPort);
  }

  /** One purchase, and a cancellation where it has bought enough. */
  async buy(): Promise<void> {
    this.isIdle = false;
    try {
      await this.#purchase();
      this.purchases++;
      if (this.bought.length > KEPT_AT_MOST || this.#shop.random() < GIVEN_BACK) await this.#cancelOldest();
    } catch (error) {
      this.#shop.wrong(`a purchase failed: ${(error as Error).message}`);
    } finally {
      this.isIdle = true;
    }
  }

  async #purchase(): Promise<void> {
    const showtime = pick(this.#shop.random, this.#shop.showtimes);
    const best = { best: { count: SEATS } };
    const hold = await this.#post<{ holdId: string; seats: number[] }>(`showtimes/${showtime}/holds`, best, 201);
    const booking = await this.#post<Booking>("bookings", { holdId: hold.holdId }, 201);
    await this.#post(`bookings/${booking.id}/payments`, { method: "mock", token: "tok_ok" }, 202);
    const done = await this.#until(booking.id, ["confirmed"]);
    if (ascending(done.seats) !== ascending(hold.seats)) {
      this.#shop.wrong(`${booking.id} has ${done.seats.join()} instead of ${hold.seats.join()}`);
    }
    this.bought.push({ bookingId: booking.id, showtime, seats: done.seats, total: done.total.amount });
  }

  async #cancelOldest(): Promise<void> {
    const [oldest] = this.bought;
    if (oldest === undefined) return;
    await this.#post(`bookings/${oldest.bookingId}/cancel`, {}, 200);
    await this.#until(oldest.bookingId, ["refunded", "cancelled"]);
    this.bought.shift();
    this.cancellations++;
  }

  async #until(id: string, wanted: readonly string[]): Promise<Booking> {
    const end = performance.now() + PATIENCE_MS;
    for (let lookMs = LOOK_FIRST_MS; ; lookMs = Math.min(2 * lookMs, LOOK_LAST_MS)) {
      await pause(lookMs);
      const booking = await this.#ask<Booking>("GET", `bookings/${id}`, undefined, 200);
      if (wanted.includes(booking.status)) return booking;
      if (["failed", "expired"].includes(booking.status) || performance.now() > end)
        throw new Error(`${id} is ${booking.status} (${booking.reason ?? "no reason"}), not ${wanted.join(" or ")}`);
    }
  }

  #post<Body>(path: string, body: unknown, wanted: number): Promise<Body> {
    return this.#ask<Body>("POST", path, body, wanted);
  }

  /** Until there is an answer: the same key says that it is the same request. */
  async #ask<Body>(method: string, path: string, body: unknown, wanted: number): Promise<Body> {
    const end = performance.now() + PATIENCE_MS;
    const headers = { "idempotency-key": `${this.#person.userId}-${++this.#keys}` };
    for (;;) {
      let answer: Answer<Body & { code?: string }> | undefined;
      const asked = performance.now();
      try {
        answer = await this.#rest.call(method, path, {
          token: this.#person.token,
          ...(body !== undefined && { body, headers }),
        });
      } catch {
        // The connection broke: whether it was carried out is not known.
      }
      this.longestMs = Math.max(this.longestMs, performance.now() - asked);
      if (answer?.status === wanted) return answer.body;
      const isNotYet = answer === undefined || NOT_YET.has(answer.status) || answer.body.code === "IN_PROGRESS";
      if (!isNotYet || performance.now() > end)
        throw new Error(`${method} ${path}: ${answer?.status} ${JSON.stringify(answer?.body)}`);
      if (answer?.status === 503 && answer.body.code === "UNAVAILABLE") this.#shop.postponed();
      const why = answer === undefined ? "no answer" : `${answer.status} ${answer.body?.code ?? ""}`;
      this.retries.set(why, (this.retries.get(why) ?? 0) + 1);
      await pause(AGAIN_MS);
    }
  }
}

const ascending = (seats: readonly number[]): string => [...seats].sort((a, b) => a - b).join();
