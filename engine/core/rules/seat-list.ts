import { refuse, type Refused } from "../decision.ts";
import type { ShowtimeState } from "../state/state.ts";

/** Up to here comparing each with each is quicker than a set. */
const COMPARED_MAX = 16;

/** Why these cannot be seats of a command, or undefined when they can: at least one, each of them there, none twice. */
export function badSeats(state: ShowtimeState, seats: readonly number[]): Refused | undefined {
  if (seats.length === 0) return refuse("BAD_MESSAGE", "No seat is named.");
  if (hasTwins(seats)) return refuse("BAD_MESSAGE", "A seat is named twice.");
  for (let at = 0; at < seats.length; at++) {
    if (!isSeat(state, seats[at] ?? -1)) {
      return refuse(
        "NOT_FOUND",
        "There are no such seats.",
        seats.filter((seat) => !isSeat(state, seat)),
      );
    }
  }
  return undefined;
}

/** Why these are not seats of the hold or booking with this number; undefined when they are, or when none is named, which means all. */
export function notOwned(
  state: ShowtimeState,
  seats: readonly number[] | undefined,
  number: number,
  kind: "hold" | "booking",
): Refused | undefined {
  if (seats === undefined) return undefined;
  const bad = badSeats(state, seats);
  if (bad !== undefined) return bad;
  const others = seats.filter((seat) => state.owner[seat] !== number);
  return others.length > 0 ? refuse("NOT_FOUND", `Seats are not of this ${kind}.`, others) : undefined;
}

/** `status` has an entry for every seat and for nothing else: not for -1, not for 1.5. */
const isSeat = (state: ShowtimeState, seat: number): boolean => state.status[seat] !== undefined;

function hasTwins(seats: readonly number[]): boolean {
  if (seats.length > COMPARED_MAX) return new Set(seats).size < seats.length;
  for (let at = 1; at < seats.length; at++) {
    for (let before = 0; before < at; before++) if (seats[at] === seats[before]) return true;
  }
  return false;
}

/** Whether two lists without twins name the same seats. */
export const sameSeats = (some: readonly number[], others: readonly number[]): boolean =>
  some === others || (some.length === others.length && some.every((seat) => others.includes(seat)));
