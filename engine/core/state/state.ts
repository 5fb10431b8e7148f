/**
 * All that the engine knows of one showtime. `evolve` alone changes it, and everything in it follows from the events.
 * Seats are parallel arrays, so a hall of 20,000 is five allocations.
 */
import type { BookingId, HallPlan, HolderId, SaleLimits, SaleRules, ShowtimeId } from "../../../proto/index.ts";
import { CORE_LIMITS } from "../limits.ts";
import { Answers } from "./answers.ts";
import { Holders, type Holder } from "./holders.ts";
import { Holds, type Hold } from "./holds.ts";
import { layoutOf, type Layout } from "./layout.ts";
import { NearestGroups } from "./nearest-groups.ts";
import { Recent } from "./recent.ts";

export interface ShowtimeState {
  readonly id: ShowtimeId;
  /** Events evolved since it was opened, the opening among them. */
  seq: number;
  /** When the last event was decided, in ms since 1970. */
  at: number;
  phase: "unopened" | "open" | "closed" | "archived";
  plan: HallPlan;
  rules: SaleRules;
  limits: SaleLimits;
  layout: Layout;

  /** What a viewer sees of each seat: a `SeatStatus`. A seat can be had when this is `free`. */
  status: Uint8Array;
  /** 1 where the operator blocked the seat; it shows once nobody holds or booked it. */
  blocked: Uint8Array;
  /** The number of the hold or booking that has the seat; 0 for none. */
  owner: Float64Array;
  /** Free seats of each row part. */
  available: Uint32Array;
  /** Counts, from 1, how often seats of each row part stopped or began to be free; modulo 2^32. */
  turns: Uint32Array;
  readonly nearest: NearestGroups;
  /** Checksum of `status`, see `rollChecksum`. */
  checksum: number;

  readonly holds: Holds;
  /** Pinned holds, by the booking that they wait for. */
  readonly pinned: Map<BookingId, Hold>;
  readonly bookings: Map<BookingId, Booking>;
  readonly bookingNumbers: Map<number, Booking>;
  holders: Holders;
  /** Holds and bookings share their numbers: a booking keeps that of its hold. */
  nextNumber: number;

  answers: Answers;
  readonly expired: Recent<number, HolderId>;
  readonly cancelled: Recent<BookingId, HolderId>;
}

export interface Booking {
  readonly id: BookingId;
  readonly number: number;
  readonly holder: Holder;
  seats: readonly number[];
}

const NO_PLAN: HallPlan = {
  row: new Uint16Array(0),
  x: new Int16Array(0),
  y: new Int16Array(0),
  category: new Uint8Array(0),
  flags: new Uint8Array(0),
  categories: [],
};
const NO_RULES: SaleRules = { salesStartAt: 0, salesEndAt: 0, orphan: "none", accessibleRelease: { when: "always" } };
const NO_LIMITS: SaleLimits = { holdTtlMs: 0, holdMaxMs: 0, paymentTtlMs: 0, maxSeatsPerHolder: 0, maxExtensions: 0 };

/** A showtime that nobody has opened: `decide` treats it as unknown, and its first event opens it. */
export const createShowtime = (id: ShowtimeId): ShowtimeState => ({
  id,
  seq: 0,
  at: 0,
  phase: "unopened",
  plan: NO_PLAN,
  rules: NO_RULES,
  limits: NO_LIMITS,
  layout: layoutOf(NO_PLAN),
  status: new Uint8Array(0),
  blocked: new Uint8Array(0),
  owner: new Float64Array(0),
  available: new Uint32Array(0),
  turns: new Uint32Array(0),
  nearest: new NearestGroups(),
  checksum: 0,
  holds: new Holds(),
  pinned: new Map(),
  bookings: new Map(),
  bookingNumbers: new Map(),
  holders: new Holders(),
  nextNumber: 1,
  answers: new Answers(),
  expired: new Recent(CORE_LIMITS.expiredHoldsMax),
  cancelled: new Recent(CORE_LIMITS.cancelledBookingsMax),
});

/**
 * What is left of a showtime that is archived: its name and its place in the stream, so that it is never opened anew. Nothing changes it
 * any more, and shards keep them for good: so they share all else.
 */
export const tombstoneOf = ({ id, seq, at }: Pick<ShowtimeState, "id" | "seq" | "at">): ShowtimeState => ({
  ...NOTHING,
  id,
  seq,
  at,
  phase: "archived",
});

const NOTHING: Omit<ShowtimeState, "id" | "seq" | "at" | "phase"> = {
  ...createShowtime("" as ShowtimeId), // It is nobody's.
  answers: new Answers(1),
};
