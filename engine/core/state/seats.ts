/** The only places where a seat changes hands. `changes` collects `seat * 4 + status` of every seat that looks different. */
import {
  rollChecksum,
  SEAT_STATUS,
  seatChange,
  type HallPlan,
  type SaleLimits,
  type SaleRules,
  type SeatStatus,
} from "../../../proto/index.ts";
import { assert } from "./assert.ts";
import { layoutOf } from "./layout.ts";
import type { ShowtimeState } from "./state.ts";

export type Changes = number[] | undefined;

/** Every seat of the plan free. */
export function layOut(state: ShowtimeState, plan: HallPlan, rules: SaleRules, limits: SaleLimits): void {
  assert(state.phase === "unopened", "a showtime is opened once");
  const layout = layoutOf(plan);
  state.phase = "open";
  state.plan = plan;
  state.rules = rules;
  state.limits = limits;
  state.layout = layout;
  state.status = new Uint8Array(layout.seatCount);
  state.blocked = new Uint8Array(layout.seatCount);
  state.owner = new Float64Array(layout.seatCount);
  const starts = layout.partStart;
  state.turns = new Uint32Array(starts.length - 1).fill(1);
  state.available = Uint32Array.from(
    { length: starts.length - 1 },
    (_, part) => (starts[part + 1] ?? 0) - (starts[part] ?? 0),
  );
}

/** A free seat becomes held or booked. */
export function take(state: ShowtimeState, seat: number, status: SeatStatus, owner: number, changes: Changes): void {
  assert(state.status[seat] === SEAT_STATUS.free, "only a free seat is taken");
  state.owner[seat] = owner;
  show(state, seat, SEAT_STATUS.free, status, changes);
}

/** A held seat becomes booked by the same number. */
export function book(state: ShowtimeState, seat: number, owner: number, changes: Changes): void {
  assert(
    state.owner[seat] === owner && state.status[seat] === SEAT_STATUS.held,
    "only the hold's own seats are booked",
  );
  show(state, seat, SEAT_STATUS.held, SEAT_STATUS.booked, changes);
}

/** A held or booked seat is given back. */
export function giveBack(state: ShowtimeState, seat: number, owner: number, changes: Changes): void {
  assert(state.owner[seat] === owner, "only its owner gives a seat back");
  const before = state.status[seat];
  assert(before === SEAT_STATUS.held || before === SEAT_STATUS.booked, "only a taken seat is given back");
  state.owner[seat] = 0;
  show(state, seat, before, state.blocked[seat] === 1 ? SEAT_STATUS.blocked : SEAT_STATUS.free, changes);
}

export function block(state: ShowtimeState, seat: number, changes: Changes): void {
  assert(state.blocked[seat] === 0, "only an unblocked seat is blocked");
  state.blocked[seat] = 1;
  if (state.status[seat] === SEAT_STATUS.free) show(state, seat, SEAT_STATUS.free, SEAT_STATUS.blocked, changes);
}

export function unblock(state: ShowtimeState, seat: number, changes: Changes): void {
  assert(state.blocked[seat] === 1, "only a blocked seat is unblocked");
  state.blocked[seat] = 0;
  if (state.status[seat] === SEAT_STATUS.blocked) show(state, seat, SEAT_STATUS.blocked, SEAT_STATUS.free, changes);
}

function show(state: ShowtimeState, seat: number, before: SeatStatus, after: SeatStatus, changes: Changes): void {
  state.status[seat] = after;
  state.checksum = rollChecksum(state.checksum, seat, before, after);
  if (before === SEAT_STATUS.free) addAvailable(state, seat, -1);
  else if (after === SEAT_STATUS.free) addAvailable(state, seat, 1);
  if (changes !== undefined) changes.push(seatChange(seat, after));
}

function addAvailable(state: ShowtimeState, seat: number, more: number): void {
  const part = state.layout.part[seat] ?? 0;
  state.available[part] = (state.available[part] ?? 0) + more;
  state.turns[part] = (state.turns[part] ?? 0) + 1;
}
