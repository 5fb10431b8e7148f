/** Small halls and short commands for the tests of the core. */
import {
  bookingId,
  holderId,
  holdIdOf,
  SEAT_FLAG,
  showtimeId,
  type AnswerEvent,
  type BookingId,
  type Command,
  type Event,
  type HallPlan,
  type HolderId,
  type HoldId,
  type Outcome,
  type Refusal,
  type RequestId,
  type SaleLimits,
  type SaleRules,
} from "../../../proto/index.ts";
import {
  allSteps,
  createShowtime,
  decide,
  decodeState,
  encodeState,
  evolve,
  expire,
  outcomeOf,
  type Decision,
  type ShowtimeState,
} from "../index.ts";

export const SHOWTIME = showtimeId("premiere");
export const START = 1_800_000_000_000;

export const LIMITS: SaleLimits = {
  holdTtlMs: 300_000,
  holdMaxMs: 900_000,
  paymentTtlMs: 200_000,
  maxSeatsPerHolder: 8,
  maxExtensions: 2,
};

export const RULES: SaleRules = {
  salesStartAt: START,
  salesEndAt: START + 86_400_000,
  orphan: "none",
  accessibleRelease: { when: "always" },
};

/**
 * A hall drawn in text, a row a line: `.` a seat, `a` a wheelchair place, `c` a companion seat, `|` an aisle; upper case or `:` for
 * the second category ("side"). Seats are 10 units apart, rows too; both focal points are in the middle of the first row.
 */
export function hall(...rows: string[]): HallPlan {
  const seats: { row: number; x: number; y: number; category: number; flags: number }[] = [];
  rows.forEach((text, row) => {
    let x = 0;
    for (const sign of text) {
      const before = seats.at(-1);
      if (sign === "|" && before !== undefined) before.flags |= SEAT_FLAG.aisleAfter;
      const kind = sign.toLowerCase();
      const flags = kind === "a" ? SEAT_FLAG.accessible : kind === "c" ? SEAT_FLAG.companion : 0;
      if (sign !== "|") seats.push({ row, x, y: row * 10, category: sign === kind && sign !== ":" ? 0 : 1, flags });
      x += 10;
    }
  });
  const focalX = ((rows[0]?.length ?? 0) - 1) * 5;
  return {
    row: Uint16Array.from(seats, (seat) => seat.row),
    x: Int16Array.from(seats, (seat) => seat.x),
    y: Int16Array.from(seats, (seat) => seat.y),
    category: Uint8Array.from(seats, (seat) => seat.category),
    flags: Uint8Array.from(seats, (seat) => seat.flags),
    categories: [
      { id: "middle", focalX, focalY: 0 },
      { id: "side", focalX, focalY: 0 },
    ],
  };
}

/** `rows` rows of `seats` seats without aisles, the focal point in the middle of the middle row. */
export function block(rows: number, seats: number): HallPlan {
  const count = rows * seats;
  const rowOf = (seat: number) => Math.floor(seat / seats);
  return {
    row: Uint16Array.from({ length: count }, (_, seat) => rowOf(seat)),
    x: Int16Array.from({ length: count }, (_, seat) => (seat % seats) * 10),
    y: Int16Array.from({ length: count }, (_, seat) => rowOf(seat) * 10),
    category: new Uint8Array(count),
    flags: new Uint8Array(count),
    categories: [{ id: "middle", focalX: (seats - 1) * 5, focalY: (rows - 1) * 5 }],
  };
}

type WithoutAddress<T> = T extends unknown ? Omit<T, "showtime" | "holder" | "rid"> : never;
/** A command but for whom it is from. */
export type Wish = WithoutAddress<Command>;

/** The cast: a test's request ids need no parser. */
export const commandOf = (who: string, wish: Wish, rid: string): Command => ({
  ...wish,
  showtime: SHOWTIME,
  holder: holderId(who),
  rid: rid as RequestId,
});

/** One showtime with a clock set by hand; keeps its events, so that a test can replay them. */
export class Box {
  readonly events: Event[] = [];
  readonly state: ShowtimeState = createShowtime(SHOWTIME);
  now = START;
  #rid = 0;

  constructor(plan: HallPlan = hall("....", "...."), rules: Partial<SaleRules> = {}, limits: Partial<SaleLimits> = {}) {
    const open: Wish = { type: "open", plan, rules: { ...RULES, ...rules } };
    this.ask("admin", open, undefined, { ...LIMITS, ...limits });
  }

  decide(holder: string, wish: Wish, rid = `r${++this.#rid}`, limits = LIMITS): Decision {
    return decide(this.state, commandOf(holder, wish, rid), this.now, limits);
  }

  /** Decides and evolves, as the shard does. */
  ask(holder: string, wish: Wish, rid?: string, limits?: SaleLimits): Outcome | Refusal {
    const decision = this.decide(holder, wish, rid, limits);
    switch (decision.kind) {
      case "event":
        return this.evolve(decision.event);
      case "repeat":
        return decision.outcome;
      case "refused":
        return decision.refusal;
    }
  }

  evolve(event: AnswerEvent): Outcome {
    this.record(event);
    return outcomeOf(SHOWTIME, event);
  }

  record(event: Event): void {
    this.events.push(event);
    evolve(this.state, event);
  }

  /** Decides every expiry that is due. */
  expireDue(): number[] {
    const due: number[] = [];
    for (const { number } of this.state.holds.inOrder()) {
      const event = expire(this.state, number, this.now);
      if (event === undefined) continue;
      this.record(event);
      due.push(number);
    }
    return due;
  }

  /** How the hall looks: `.` free, `h` held, `b` booked, `x` blocked. */
  get look(): string {
    return Array.from(this.state.status, (status) => ".hbx"[status]).join("");
  }
}

export const holdOf = (number: number): HoldId => holdIdOf(SHOWTIME, number);
export const booking = (text: string): BookingId => bookingId(text);
export const holder = (text: string): HolderId => holderId(text);

export const bytesOf = (state: ShowtimeState): Uint8Array => allSteps(encodeState(state));
export const stateOf = (bytes: Uint8Array): ShowtimeState => allSteps(decodeState(bytes));
