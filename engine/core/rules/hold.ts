/** Holding seats, by name or as the best available, and giving them back. */
import { SEAT_STATUS } from "../../../proto/index.ts";
import { decided, refuse, type Decision } from "../decision.ts";
import { CORE_LIMITS } from "../limits.ts";
import type { ShowtimeState } from "../state/state.ts";
import { keptSeats } from "./accessible.ts";
import { bestAvailable } from "./best-available.ts";
import type { CommandOf } from "./command.ts";
import { orphansOf } from "./orphan.ts";
import { liveHold, missingHold } from "./own-hold.ts";
import { badSeats, notOwned } from "./seat-list.ts";
import { deadlineOfNewHold, saleClosed } from "./time.ts";

/** All of the named seats, or none. */
export function decideHold(state: ShowtimeState, command: CommandOf<"hold">, now: number): Decision {
  const { holder, seats } = command;
  const refused = saleClosed(state, now) ?? badSeats(state, seats) ?? overLimit(state, command, seats.length);
  if (refused !== undefined) return refused;
  const taken = takenOf(state, seats);
  if (taken !== undefined) return refuse("SEAT_TAKEN", "Seats are taken.", taken);
  const kept = keptSeats(state, holder, seats, command.accessible === true, now);
  if (kept !== undefined)
    return refuse("ACCESSIBLE_ONLY", "Seats are kept for wheelchair users and their companions.", kept);
  const orphans = orphansOf(state, seats);
  if (orphans !== undefined) return refuse("ORPHAN_SEAT", "The choice leaves single seats.", orphans);
  return held(state, command, seats, now);
}

export function decideHoldBest(state: ShowtimeState, command: CommandOf<"hold-best">, now: number): Decision {
  const { count } = command;
  const closed = saleClosed(state, now);
  if (closed !== undefined) return closed;
  if (!Number.isSafeInteger(count) || count < 1) return refuse("BAD_MESSAGE", "The count is not a number of seats.");
  const category = categoryOf(state, command.category);
  // With an empty list of seats, where the refusal of an unknown showtime has no list: whoever asks can tell the two apart.
  if (category === -1) return refuse("NOT_FOUND", "There is no such category.", []);
  const refused = overLimit(state, command, count);
  if (refused !== undefined) return refused;
  const { accessible = false, split = false } = command;
  const seats = bestAvailable(state, { count, category, accessible, split });
  if (seats === undefined) return refuse("NOT_ENOUGH_SEATS", "There are not enough seats that fit the wish.");
  return held(state, command, seats, now);
}

export function decideRelease(state: ShowtimeState, command: CommandOf<"release">, now: number): Decision {
  const { holder, rid } = command;
  const hold = liveHold(state, holder, command.hold, now);
  if (hold === undefined) return missingHold(state, holder, command.hold);
  if (hold.booking !== undefined) return refuse("HOLD_PINNED", "The hold is being paid for.");
  const refused = notOwned(state, command.seats, hold.number, "hold");
  if (refused !== undefined) return refused;
  const seats = command.seats ?? hold.seats;
  return decided({ type: "released", at: now, holder, rid, hold: hold.number, seats });
}

/** Those of `seats` that somebody has, or that are blocked; undefined when all are free. */
export function takenOf(state: ShowtimeState, seats: readonly number[]): readonly number[] | undefined {
  for (let at = 0; at < seats.length; at++) {
    if (state.status[seats[at] ?? -1] !== SEAT_STATUS.free)
      return seats.filter((seat) => state.status[seat] !== SEAT_STATUS.free);
  }
  return undefined;
}

function held(
  state: ShowtimeState,
  by: CommandOf<"hold" | "hold-best">,
  seats: readonly number[],
  now: number,
): Decision {
  const deadline = deadlineOfNewHold(state.limits, state.holders.get(by.holder), by.desk === true, now);
  return decided({ type: "held", at: now, holder: by.holder, rid: by.rid, hold: state.nextNumber, seats, deadline });
}

function overLimit(state: ShowtimeState, by: CommandOf<"hold" | "hold-best">, more: number): Decision | undefined {
  const holder = state.holders.get(by.holder);
  const { maxSeatsPerHolder } = state.limits;
  const booked = by.desk === true ? 0 : (holder?.booked ?? 0);
  if ((holder?.held ?? 0) + booked + more > maxSeatsPerHolder) {
    return refuse("LIMIT_REACHED", `One holder may have ${maxSeatsPerHolder} seats of a showtime.`);
  }
  if (holder === undefined && state.holders.size >= CORE_LIMITS.holdersMax) {
    const { busyRetryMs: retryInMs } = CORE_LIMITS;
    return { kind: "refused", refusal: { type: "refused", code: "BUSY", message: "Too many holders.", retryInMs } };
  }
  return undefined;
}

/** Its index; undefined when none was named, -1 when there is none of the name. */
const categoryOf = (state: ShowtimeState, id: string | undefined): number | undefined =>
  id === undefined ? undefined : state.plan.categories.findIndex((category) => category.id === id);
