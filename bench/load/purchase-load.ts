/**
 * Buyers who purchase over REST from beginning to end, again and again, each time as somebody new: come as a guest, hold seats, book them, pay with a
 * token that succeeds, and look until the booking is confirmed. Closed: a buyer begins anew when the last purchase is done. The load is over early
 * when one of them finds every seat sold.
 */
import { setTimeout } from "node:timers/promises";
import { BenchError, explain } from "../bench-error.ts";
import { ask } from "./json-http.ts";
import { Recorder, type Sample } from "./recorder.ts";

export interface PurchaseLoadOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly buyers: number;
  /** Bought in turn; no seat twice. */
  readonly showtimes: readonly string[];
  readonly seatsAShowtime: number;
}

interface Seats {
  readonly showtime: string;
  readonly seats: readonly number[];
}

const SEATS_A_PURCHASE = 2;
/** Between two looks at a booking. */
const LOOK_EVERY_MS = 25;
const CONFIRMED_WITHIN_MS = 30_000;

export class PurchaseLoad {
  readonly #recorder = new Recorder();
  #options: PurchaseLoadOptions | undefined;
  #buyers: Promise<void>[] = [];
  /** Resolves when the first of them stops. */
  #stopped: Promise<void> = Promise.resolve();
  #isRunning = false;
  #begun = 0;
  #looks = 0;
  #failure: Error | undefined;

  open(options: PurchaseLoadOptions): void {
    this.#options = options;
  }

  begin(): void {
    const { buyers } = this.#settings;
    this.#isRunning = true;
    this.#recorder.mark();
    this.#buyers = Array.from({ length: buyers }, () => this.#buy());
    this.#stopped = Promise.race(this.#buyers);
  }

  mark(): void {
    this.#looks = 0;
    this.#recorder.mark();
  }

  /** Resolves after so many ms, or as soon as a buyer has nothing left to buy. */
  async last(ms: number): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.#stopped, setTimeout(ms, undefined, { signal: over.signal }).catch(() => undefined)]);
    over.abort();
  }

  take(): Sample {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#recorder.take({ looks: this.#looks });
  }

  /** Once the purchases under way are done. */
  async end(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#buyers);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #buy(): Promise<void> {
    try {
      while (this.#isRunning) {
        const wanted = this.#nextSeats();
        if (wanted === undefined) return;
        const begun = performance.now();
        await this.#purchase(wanted);
        const now = performance.now();
        this.#recorder.record(now, now - begun);
      }
    } catch (error) {
      const explained = explain(error);
      this.#failure ??= explained instanceof Error ? explained : new Error(String(error));
    }
  }

  async #purchase({ showtime, seats }: Seats): Promise<void> {
    const api = `${this.#settings.url}/api/v1`;
    const { accessToken: token } = await ask<{ accessToken: string }>("POST", `${api}/auth/guest`);
    const { holdId } = await ask<{ holdId: string }>("POST", `${api}/showtimes/${showtime}/holds`, {
      token,
      body: { seats },
    });
    const { id } = await ask<{ id: string }>("POST", `${api}/bookings`, { token, body: { holdId } });
    const booking = `${api}/bookings/${id}`;
    await ask("POST", `${booking}/payments`, { token, body: { method: "mock", token: "tok_ok" } });
    const end = performance.now() + CONFIRMED_WITHIN_MS;
    for (;;) {
      const { status } = await ask<{ status: string }>("GET", booking, { token });
      this.#looks++;
      if (status === "confirmed") return;
      if (status !== "paying" && status !== "pending") throw new BenchError(`A booking that was paid is ${status}.`);
      if (performance.now() > end) throw new BenchError("A booking that was paid was not confirmed within 30 s.");
      await setTimeout(LOOK_EVERY_MS);
    }
  }

  /** Undefined when every seat is sold. */
  #nextSeats(): Seats | undefined {
    const { showtimes, seatsAShowtime } = this.#settings;
    const number = this.#begun++;
    const showtime = showtimes[number % showtimes.length];
    const first = Math.floor(number / showtimes.length) * SEATS_A_PURCHASE;
    if (showtime === undefined || first + SEATS_A_PURCHASE > seatsAShowtime) return undefined;
    return { showtime, seats: Array.from({ length: SEATS_A_PURCHASE }, (_, seat) => first + seat) };
  }

  get #settings(): PurchaseLoadOptions {
    if (this.#options === undefined) throw new Error("the load was never opened");
    return this.#options;
  }
}
