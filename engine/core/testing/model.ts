/**
 * The rules of a sale said a second time, as plainly as possible and without a thought for speed: seats with an owner, holds in a list.
 * For halls without orphan and accessible rules; those have specifications of their own.
 */
import type { Command, SaleLimits, SaleRules } from "../../../proto/index.ts";

type Wish<Type extends Command["type"]> = Omit<Extract<Command, { type: Type }>, "showtime" | "holder" | "rid">;
interface Clock {
  startedAt: number;
  deadline: number;
  extensions: number;
}
interface Hold {
  number: number;
  who: string;
  seats: number[];
  clock: Clock;
  booking?: string;
  payBy: number;
  state: "live" | "expired" | "over";
}
interface Booking {
  id: string;
  who: string;
  seats: number[];
  cancelled: boolean;
}

/** The sale, and then the show. */
type Ends = Required<Pick<SaleRules, "salesEndAt" | "showEndsAt">>;

/** What must be in the answer; the rest is for other tests. */
export type Verdict = { type: string; code?: string; seats?: number[]; expiresInMs?: number; reacquired?: boolean };
const refused = (code: string, seats?: number[]): Verdict => ({ type: "refused", code, ...(seats && { seats }) });

export class Model {
  readonly holds: Hold[] = [];
  readonly bookings: Booking[] = [];
  readonly blocked = new Set<number>();
  readonly clocks = new Map<string, Clock>();
  readonly #limits: SaleLimits;
  readonly #seatCount: number;
  readonly #ends: Ends;
  closed = false;
  #numbers = 0;

  constructor(seatCount: number, limits: SaleLimits, ends: Ends) {
    this.#seatCount = seatCount;
    this.#limits = limits;
    this.#ends = ends;
  }

  /** Whether anything may be held. */
  sells(now: number): boolean {
    return !this.closed && now < this.#ends.salesEndAt;
  }

  look(seat: number): string {
    if (this.#live().some((hold) => hold.seats.includes(seat))) return "h";
    if (this.bookings.some((booking) => booking.seats.includes(seat))) return "b";
    return this.blocked.has(seat) ? "x" : ".";
  }

  deadline(hold: Hold): number {
    return hold.booking !== undefined ? hold.payBy : hold.clock === this.clocks.get(hold.who) ? hold.clock.deadline : 0;
  }

  hold(who: string, seats: number[], now: number): Verdict {
    if (!this.sells(now)) return refused("SALE_CLOSED");
    if (seats.length === 0 || new Set(seats).size < seats.length) return refused("BAD_MESSAGE");
    const unknown = seats.filter((seat) => seat >= this.#seatCount);
    if (unknown.length > 0) return refused("NOT_FOUND", unknown);
    if (this.overLimit(who, seats.length)) return refused("LIMIT_REACHED");
    const taken = seats.filter((seat) => this.look(seat) !== ".");
    return taken.length > 0 ? refused("SEAT_TAKEN", taken) : this.held(who, seats, now);
  }

  overLimit(who: string, more: number): boolean {
    const mine = [...this.#live(), ...this.bookings].filter((each) => each.who === who).flatMap((each) => each.seats);
    return mine.length + more > this.#limits.maxSeatsPerHolder;
  }

  held(who: string, seats: number[], now: number): Verdict {
    let clock = this.clocks.get(who);
    if (clock === undefined || now >= clock.deadline) {
      const { holdTtlMs, holdMaxMs } = this.#limits;
      clock = { startedAt: now, deadline: now + Math.min(holdTtlMs, holdMaxMs), extensions: 0 };
      this.clocks.set(who, clock);
    }
    this.holds.push({ number: ++this.#numbers, who, seats, clock, payBy: 0, state: "live" });
    return { type: "held", seats, expiresInMs: clock.deadline - now };
  }

  extend(who: string, number: number, now: number): Verdict {
    if (!this.sells(now)) return refused("SALE_CLOSED");
    const hold = this.#find(who, number, now);
    if ("code" in hold) return hold;
    if (hold.booking !== undefined) return refused("HOLD_PINNED");
    const { clock } = hold;
    if (clock.extensions === this.#limits.maxExtensions) return refused("LIMIT_REACHED");
    clock.extensions++;
    const furthest = Math.min(now + this.#limits.holdTtlMs, clock.startedAt + this.#limits.holdMaxMs);
    clock.deadline = Math.max(clock.deadline, furthest);
    return { type: "extended", expiresInMs: clock.deadline - now };
  }

  release(who: string, { seats }: Wish<"release">, number: number, now: number): Verdict {
    const hold = this.#find(who, number, now);
    if ("code" in hold) return hold;
    if (hold.booking !== undefined) return refused("HOLD_PINNED");
    if (seats !== undefined) {
      if (seats.length === 0 || new Set(seats).size < seats.length) return refused("BAD_MESSAGE");
      const others = seats.filter((seat) => !hold.seats.includes(seat));
      if (others.length > 0) return refused("NOT_FOUND");
    }
    hold.seats = hold.seats.filter((seat) => seats !== undefined && !seats.includes(seat));
    if (hold.seats.length === 0) hold.state = "over";
    return { type: "released" };
  }

  pin(who: string, booking: string, number: number, now: number): Verdict {
    if (this.closed) return refused("SALE_CLOSED");
    const hold = this.#find(who, number, now);
    if ("code" in hold) return hold;
    if (hold.booking !== undefined && hold.booking !== booking) return refused("HOLD_PINNED");
    if (hold.booking === undefined) {
      if (this.#isTaken(booking)) return refused("CONFLICT");
      hold.payBy = now + this.#limits.paymentTtlMs;
      hold.booking = booking;
    }
    return { type: "pinned", seats: hold.seats, expiresInMs: hold.payBy - now };
  }

  confirm(who: string, { booking: id, seats, reacquire }: Wish<"confirm">, number: number, now: number): Verdict {
    const known = this.bookings.find((booking) => booking.id === id);
    if (known?.cancelled) return refused("BOOKING_NOT_FOUND");
    if (known !== undefined) return known.who === who ? { type: "confirmed", seats: known.seats } : refused("CONFLICT");
    if (now >= this.#ends.showEndsAt) return refused("SALE_CLOSED");
    const hold = this.#live().find((each) => each.number === number && each.who === who);
    if (hold?.booking !== id && this.#live().some(({ booking }) => booking === id)) return refused("CONFLICT");
    if (hold !== undefined && (reacquire || now < this.deadline(hold))) {
      if (hold.booking !== undefined && hold.booking !== id) return refused("HOLD_PINNED");
      if (hold.booking === undefined && this.closed) return refused("SALE_CLOSED");
      if (seats.length !== hold.seats.length || hold.seats.some((seat) => !seats.includes(seat)))
        return refused("CONFLICT");
      hold.state = "over";
      this.bookings.push({ id, who, seats: hold.seats, cancelled: false });
      return { type: "confirmed", seats: hold.seats, reacquired: false };
    }
    if (!reacquire) return this.#missing(who, number);
    if (this.closed) return refused("SALE_CLOSED");
    if (seats.length === 0 || new Set(seats).size < seats.length) return refused("BAD_MESSAGE");
    const unknown = seats.filter((seat) => seat >= this.#seatCount);
    if (unknown.length > 0) return refused("NOT_FOUND", unknown);
    const taken = seats.filter((seat) => this.look(seat) !== ".");
    if (taken.length > 0) return refused("SEAT_TAKEN", taken);
    this.#numbers++;
    this.bookings.push({ id, who, seats: [...seats], cancelled: false });
    return { type: "confirmed", seats: [...seats], reacquired: true };
  }

  cancel(who: string, { booking: id }: Wish<"cancel">): Verdict {
    const pinned = this.#live().find(({ booking }) => booking === id);
    if (pinned !== undefined) {
      pinned.state = "over";
      this.bookings.push({ id, who: pinned.who, seats: [], cancelled: true });
      return { type: "cancelled", seats: pinned.seats };
    }
    const booking = this.bookings.find((each) => each.id === id);
    if (booking === undefined) {
      this.bookings.push({ id, who, seats: [], cancelled: true });
      return { type: "cancelled", seats: [] };
    }
    const { seats } = booking;
    booking.seats = [];
    booking.cancelled = true;
    return { type: "cancelled", seats };
  }

  block(type: "block" | "unblock", seats: readonly number[]): Verdict {
    for (const seat of seats) {
      if (type === "block") this.blocked.add(seat);
      else this.blocked.delete(seat);
    }
    return { type: "done" };
  }

  /** The numbers of those that ended. */
  expire(now: number): number[] {
    const due = this.#live().filter((hold) => now >= this.deadline(hold));
    for (const hold of due) hold.state = "expired";
    return due.map(({ number }) => number);
  }

  resume(pausedMs: number): void {
    for (const clock of this.clocks.values()) {
      clock.startedAt += pausedMs;
      clock.deadline += pausedMs;
    }
    for (const hold of this.holds) hold.payBy += pausedMs;
  }

  #live(): Hold[] {
    return this.holds.filter(({ state }) => state === "live");
  }

  #isTaken(booking: string): boolean {
    return this.#live().some((hold) => hold.booking === booking) || this.bookings.some(({ id }) => id === booking);
  }

  #find(who: string, number: number, now: number): Hold | (Verdict & { code: string }) {
    const hold = this.#live().find((each) => each.number === number && each.who === who);
    return hold !== undefined && now < this.deadline(hold) ? hold : this.#missing(who, number);
  }

  #missing(who: string, number: number): Verdict & { code: string } {
    const was = this.holds.find((hold) => hold.number === number && hold.who === who && hold.state !== "over");
    return { type: "refused", code: was === undefined ? "HOLD_NOT_FOUND" : "HOLD_EXPIRED" };
  }
}
