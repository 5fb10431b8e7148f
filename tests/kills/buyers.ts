/** What buyers do in the kill tests, over a few halls, from a seed: every command of theirs, and of the services that sell for them. */
import { seeded } from "../../platform/random/index.ts";
import {
  bookingId,
  type Command,
  holderId,
  type HoldId,
  type Reply,
  type RequestId,
  type SaleLimits,
  type ShowtimeId,
  showtimeId,
} from "../../proto/index.ts";
import { smallHall } from "../../engine/testing/small-hall.ts";
import { between, pick } from "../simulation/random.ts";

export const KILL_SHARDS = 4;
const KILL_SEATS = 6_000;
export const KILL_LIMITS: SaleLimits = {
  holdTtlMs: 300_000,
  holdMaxMs: 900_000,
  paymentTtlMs: 300_000,
  maxSeatsPerHolder: 8,
  maxExtensions: 3,
};
const KILL_SHOWTIMES = ["kill-a", "kill-b", "kill-c", "kill-d"].map(showtimeId);

export const catalogOpens = (): Command[] =>
  KILL_SHOWTIMES.map((showtime) => ({
    type: "open",
    showtime,
    holder: holderId("catalog"),
    rid: `open ${showtime}` as RequestId, // Within the length of a request id.
    plan: smallHall(KILL_SEATS),
    rules: { salesStartAt: 0, salesEndAt: Date.UTC(2100, 0, 1), orphan: "none", accessibleRelease: { when: "always" } },
  }));

interface Buyer {
  readonly showtime: ShowtimeId;
  hold: HoldId | undefined;
  seats: readonly number[];
  phase: "holds" | "released" | "booked";
}

export class Buyers {
  readonly #random: () => number;
  readonly #seed: number;
  readonly #buyers = new Map<number, Buyer>();
  #rids = 0;

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.#seed = seed;
  }

  next(number: number): Command {
    const buyer = this.#buyer(number);
    const random = this.#random;
    const addressed = {
      showtime: buyer.showtime,
      holder: holderId(`buyer-${this.#seed}-${number}`),
      rid: `${this.#seed}-${++this.#rids}` as RequestId, // Within the length of a request id.
    };
    const { hold, seats } = buyer;
    if (hold === undefined) {
      if (random() < 0.2) return { type: "hold-best", count: 2, ...addressed };
      const first = between(random, 0, KILL_SEATS - 4);
      return { type: "hold", seats: [first, first + 1, first + 2].slice(0, between(random, 1, 3)), ...addressed };
    }
    const booking = bookingId(`booking-${hold.replace(".", "-")}`);
    const confirm = (reacquire: boolean): Command => ({
      type: "confirm",
      hold,
      booking,
      seats,
      reacquire,
      ...addressed,
    });
    if (buyer.phase === "released") return confirm(true);
    if (buyer.phase === "booked") {
      const some = seats.length > 1 && random() < 0.5 ? { seats: seats.slice(0, 1) } : undefined;
      return { type: "cancel", booking, ...some, ...addressed };
    }
    return pick(random, [
      (): Command => ({ type: "release", hold, ...addressed }),
      (): Command => ({ type: "release", hold, seats: seats.slice(0, 1), ...addressed }),
      (): Command => ({ type: "extend", hold, ...addressed }),
      (): Command => ({ type: "pin", hold, booking, ...addressed }),
      (): Command => confirm(random() < 0.5),
    ])();
  }

  /** A buyer who is refused begins anew, and so does one with nothing left. */
  learn(number: number, reply: Reply): void {
    const buyer = this.#buyer(number);
    if (reply.type === "held") Object.assign(buyer, { hold: reply.hold, seats: reply.seats });
    else if (reply.type === "released") buyer.phase = "released";
    else if (reply.type === "confirmed") buyer.phase = "booked";
    else if (reply.type === "cancelled" && reply.seats.length < buyer.seats.length)
      buyer.seats = buyer.seats.filter((seat) => !reply.seats.includes(seat));
    else if (reply.type !== "extended" && reply.type !== "pinned") this.#buyers.delete(number);
  }

  #buyer(number: number): Buyer {
    let buyer = this.#buyers.get(number);
    if (buyer === undefined) {
      buyer = { showtime: pick(this.#random, KILL_SHOWTIMES), hold: undefined, seats: [], phase: "holds" };
      this.#buyers.set(number, buyer);
    }
    return buyer;
  }
}
