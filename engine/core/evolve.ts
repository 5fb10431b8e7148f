/**
 * The one function that changes a showtime. It checks again what `decide` checked before: an event that does not fit
 * the state throws `BrokenInvariant`, and the showtime must then be read again from the journal.
 */
import { SEAT_STATUS, type AnswerEvent, type Event } from "../../proto/index.ts";
import type { EventOf } from "./rules/command.ts";
import { assert } from "./state/assert.ts";
import { addBooking, dropSeats } from "./state/bookings.ts";
import { hashOf } from "./state/hash.ts";
import { newHolder, type Holder } from "./state/holders.ts";
import type { Hold } from "./state/holds.ts";
import { block, book, giveBack, layOut, take, unblock, type Changes } from "./state/seats.ts";
import { tombstoneOf, type ShowtimeState } from "./state/state.ts";

/** Appends `seat * 4 + status` to `changes` for every seat that looks different now. */
export function evolve(state: ShowtimeState, event: Event, changes?: number[]): void {
  assert(event.at >= state.at, "time does not run backwards");
  assert((state.phase === "unopened") === (event.type === "opened"), "a showtime's first event opens it, and no other");
  assert(state.phase !== "archived", "an archived showtime has no events any more");
  apply(state, event, changes);
  state.seq++;
  state.at = event.at;
  state.holders.sweep(event.at);
}

function apply(state: ShowtimeState, event: Event, changes: Changes): void {
  switch (event.type) {
    case "held":
      return hold(state, event, changes);
    case "released":
      return release(state, event, changes);
    case "expired":
      return expire(state, event, changes);
    case "extended":
      return extend(state, event);
    case "pinned":
      return pin(state, event);
    case "confirmed":
      return confirm(state, event, changes);
    case "cancelled":
      return cancel(state, event, changes);
    case "blocked":
      for (const seat of event.seats) block(state, seat, changes);
      return remember(state, event);
    case "unblocked":
      for (const seat of event.seats) unblock(state, seat, changes);
      return remember(state, event);
    case "opened":
      // Not remembered: opening again answers the same by itself, and the plan would be kept twice.
      return layOut(state, event.plan, event.rules, event.limits);
    case "amended":
      state.rules = event.rules;
      return remember(state, event);
    case "limited":
      state.limits = event.limits;
      return;
    case "closed":
      state.phase = "closed";
      return remember(state, event);
    case "resumed":
      return resume(state, event);
    case "archived":
      return archive(state);
  }
}

function hold(state: ShowtimeState, event: EventOf<"held">, changes: Changes): void {
  assert(event.hold === state.nextNumber, "holds are numbered one after another");
  state.nextNumber++;
  const holder = state.holders.get(event.holder) ?? state.holders.add(newHolder(event.holder));
  const joins = event.at < holder.deadline && event.deadline === holder.deadline;
  if (!joins) {
    assert(event.at >= holder.deadline || holder.held === 0, "a hold joins the clock that runs");
    holder.clock++;
    holder.startedAt = event.at;
    holder.deadline = event.deadline;
    holder.extensions = 0;
  }
  const seats = event.seats;
  for (let at = 0; at < seats.length; at++) take(state, seats[at] ?? -1, SEAT_STATUS.held, event.hold, changes);
  holder.held += seats.length;
  const number = event.hold;
  state.holds.add({ number, holder, seats, clock: holder.clock, booking: undefined, payBy: 0, next: undefined });
  state.answers.add(holder, event);
}

function release(state: ShowtimeState, event: EventOf<"released">, changes: Changes): void {
  const hold = holdOf(state, event.hold);
  assert(hold.booking === undefined && hold.holder.id === event.holder, "a holder releases its own unpinned holds");
  const seats = event.seats;
  for (let at = 0; at < seats.length; at++) giveBack(state, seats[at] ?? -1, hold.number, changes);
  hold.holder.held -= seats.length;
  if (seats.length === hold.seats.length) state.holds.delete(hold);
  else hold.seats = hold.seats.filter((seat) => !seats.includes(seat));
  state.answers.add(hold.holder, event);
}

function expire(state: ShowtimeState, event: EventOf<"expired">, changes: Changes): void {
  const hold = holdOf(state, event.hold);
  endHold(state, hold, changes);
  state.expired.add(hold.number, hold.holder.id);
}

function extend(state: ShowtimeState, event: EventOf<"extended">): void {
  const hold = holdOf(state, event.hold);
  const holder = hold.holder;
  assert(hold.booking === undefined && hold.clock === holder.clock, "only a hold on the present clock is extended");
  assert(event.deadline >= holder.deadline, "an extension takes no time away");
  holder.deadline = event.deadline;
  holder.extensions++;
  remember(state, event);
}

function pin(state: ShowtimeState, event: EventOf<"pinned">): void {
  const hold = holdOf(state, event.hold);
  assert(hold.booking === undefined && !state.pinned.has(event.booking), "a hold is pinned once, for one booking");
  hold.booking = event.booking;
  hold.payBy = event.deadline;
  state.pinned.set(event.booking, hold);
  remember(state, event);
}

function confirm(state: ShowtimeState, event: EventOf<"confirmed">, changes: Changes): void {
  const holder = state.holders.get(event.holder) ?? state.holders.add(newHolder(event.holder));
  const { booking: id, seats } = event;
  let number = event.hold;
  if (number === undefined) {
    number = state.nextNumber++;
    for (const seat of seats) take(state, seat, SEAT_STATUS.booked, number, changes);
  } else {
    const hold = holdOf(state, number);
    assert(hold.holder === holder && hold.seats.length === seats.length, "a booking takes its holder's whole hold");
    assert(hold.booking === undefined || hold.booking === id, "a pinned hold waits for one booking");
    for (const seat of seats) book(state, seat, number, changes);
    forgetHold(state, hold);
  }
  addBooking(state, { id, number, holder, seats });
  remember(state, event);
}

function cancel(state: ShowtimeState, event: EventOf<"cancelled">, changes: Changes): void {
  if (event.hold !== undefined) {
    const hold = holdOf(state, event.hold);
    assert(hold.booking === event.booking, "the hold is pinned for the booking");
    endHold(state, hold, changes);
    state.cancelled.add(event.booking, hold.holder.id);
    return remember(state, event);
  }
  const booking = state.bookings.get(event.booking);
  if (booking === undefined) {
    assert(event.seats.length === 0, "only a confirmed booking gives seats back");
    state.cancelled.add(event.booking, event.holder);
    return remember(state, event);
  }
  for (const seat of event.seats) giveBack(state, seat, booking.number, changes);
  dropSeats(state, booking, event.seats);
  remember(state, event);
}

/** The engine was away: what was left of every clock and payment is left still. */
function resume(state: ShowtimeState, event: EventOf<"resumed">): void {
  for (const holder of state.holders.roster) shiftClock(holder, event.pausedMs);
  for (const hold of state.pinned.values()) hold.payBy += event.pausedMs;
}

function archive(state: ShowtimeState): void {
  assert(state.holds.size === 0, "no hold lives in a showtime that is archived");
  Object.assign(state, tombstoneOf(state));
}

function shiftClock(holder: Holder, ms: number): void {
  if (holder.clock === 0) return; // It has none: its seats were reacquired for a booking.
  holder.startedAt += ms;
  holder.deadline += ms;
}

function holdOf(state: ShowtimeState, number: number): Hold {
  const hold = state.holds.get(number);
  assert(hold !== undefined, "the event's hold is there");
  return hold;
}

function endHold(state: ShowtimeState, hold: Hold, changes: Changes): void {
  for (const seat of hold.seats) giveBack(state, seat, hold.number, changes);
  forgetHold(state, hold);
}

function forgetHold(state: ShowtimeState, hold: Hold): void {
  hold.holder.held -= hold.seats.length;
  if (hold.booking !== undefined) state.pinned.delete(hold.booking);
  state.holds.delete(hold);
}

function remember(state: ShowtimeState, event: AnswerEvent): void {
  state.answers.add(state.holders.get(event.holder) ?? { id: event.holder, hash: hashOf(event.holder) }, event);
}
