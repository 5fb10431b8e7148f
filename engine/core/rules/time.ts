/** Whether the sale is on, and how long holds live. All instants in ms since 1970 on the shard's clock. */
import { holdIdOf, type SaleLimits } from "../../../proto/index.ts";
import { already, decided, refuse, type Decision, type Refused } from "../decision.ts";
import { CORE_LIMITS } from "../limits.ts";
import type { Holder } from "../state/holders.ts";
import { deadlineOfHold, isLive } from "../state/holds.ts";
import type { ShowtimeState } from "../state/state.ts";
import type { CommandOf, EventOf } from "./command.ts";
import { liveHold, missingHold } from "./own-hold.ts";
import { sameLimits } from "./sale.ts";

/** Why nothing may be held or extended now, or undefined when it may. */
export function saleClosed(state: ShowtimeState, now: number): Refused | undefined {
  if (state.phase === "closed") return refuse("SALE_CLOSED", "The sale is closed.");
  if (now < state.rules.salesStartAt) return refuse("SALE_CLOSED", "The sale has not begun.");
  if (now >= state.rules.salesEndAt) return refuse("SALE_CLOSED", "The sale has ended.");
  return undefined;
}

/** Where nobody has said when it ends, as in sales of 0.1.0, it is as long after its sale as that is archived. */
export function showIsOver({ rules }: ShowtimeState, now: number): boolean {
  const { salesEndAt, showEndsAt = salesEndAt + CORE_LIMITS.archiveAfterMs } = rules;
  return now >= Math.max(salesEndAt, showEndsAt);
}

/**
 * When a hold made now ends: with the holder's clock where that runs, so that holding again does not wind it up. A `desk` that holds
 * nothing has turned to its next customer, and the clock that still runs was the last one's.
 */
export function deadlineOfNewHold(limits: SaleLimits, holder: Holder | undefined, desk: boolean, now: number): number {
  if (holder !== undefined && now < holder.deadline && !(desk && holder.held === 0)) return holder.deadline;
  return now + Math.min(limits.holdTtlMs, limits.holdMaxMs);
}

/**
 * Extends the holder's clock, and with it every unpinned hold of the holder: a buyer sees one countdown, and needs one
 * extension however many holds the seats were gathered in. It reaches `holdTtlMs` from now, but not past `holdMaxMs`
 * from the first hold, and never takes time away.
 */
export function decideExtend(state: ShowtimeState, command: CommandOf<"extend">, now: number): Decision {
  const closed = saleClosed(state, now);
  if (closed !== undefined) return closed;
  const hold = liveHold(state, command.holder, command.hold, now);
  if (hold === undefined) return missingHold(state, command.holder, command.hold);
  if (hold.booking !== undefined) return refuse("HOLD_PINNED", "The hold is being paid for.");
  const { limits } = state;
  const holder = hold.holder;
  if (holder.extensions >= limits.maxExtensions)
    return refuse("LIMIT_REACHED", "The hold was extended as often as it may be.");
  const furthest = Math.min(now + limits.holdTtlMs, holder.startedAt + limits.holdMaxMs);
  const deadline = Math.max(holder.deadline, furthest);
  return decided({ type: "extended", at: now, holder: command.holder, rid: command.rid, hold: hold.number, deadline });
}

/** The payment has started: the hold is taken off its clock, and its end moves once to the payment's, be that later or sooner. */
export function decidePin(state: ShowtimeState, command: CommandOf<"pin">, now: number): Decision {
  const { holder, rid, booking } = command;
  if (state.phase === "closed") return refuse("SALE_CLOSED", "The sale is closed.");
  const hold = liveHold(state, holder, command.hold, now);
  if (hold === undefined) return missingHold(state, holder, command.hold);
  if (hold.booking === booking) {
    const { seats, payBy } = hold;
    return already({ type: "pinned", hold: holdIdOf(state.id, hold.number), booking, seats, expiresInMs: payBy - now });
  }
  if (hold.booking !== undefined) return refuse("HOLD_PINNED", "The hold is being paid for under another booking.");
  if (state.pinned.has(booking) || state.bookings.has(booking) || state.cancelled.get(booking) !== undefined) {
    return refuse("CONFLICT", "The booking id is taken.");
  }
  const deadline = now + state.limits.paymentTtlMs;
  return decided({ type: "pinned", at: now, holder, rid, hold: hold.number, booking, seats: hold.seats, deadline });
}

/** The `expired` event of a hold whose time is over; undefined when it is gone, or has time left: see `deadlineOfHold`. */
export function expire(state: ShowtimeState, number: number, now: number): EventOf<"expired"> | undefined {
  const hold = state.holds.get(number);
  if (hold === undefined || isLive(hold, now)) return undefined;
  return { type: "expired", at: now, holder: hold.holder.id, hold: number, seats: hold.seats };
}

/**
 * Gives every hold back the time that the engine was away, with whatever grace `pausedMs` holds; undefined when nothing is held and no clock
 * ran when it went. The clock of one who holds nothing counts, since the next hold joins it.
 */
export function resume(state: ShowtimeState, pausedMs: number, now: number): EventOf<"resumed"> | undefined {
  if (pausedMs <= 0 || (state.holds.size === 0 && latestClock(state) <= now - pausedMs)) return undefined;
  return { type: "resumed", at: now, pausedMs };
}

/** Takes up the operator's limits; undefined when they are the showtime's already, or it was never opened. */
export function limit(state: ShowtimeState, limits: SaleLimits, now: number): EventOf<"limited"> | undefined {
  if (state.phase === "unopened" || state.phase === "archived" || sameLimits(state.limits, limits)) return undefined;
  return { type: "limited", at: now, limits };
}

/** Archives a showtime that was over a day ago, its sale too; undefined while it is not, or somebody still pays. */
export function archive(state: ShowtimeState, now: number): EventOf<"archived"> | undefined {
  if (state.phase === "unopened" || state.phase === "archived" || state.holds.size > 0) return undefined;
  const { salesEndAt, showEndsAt = salesEndAt } = state.rules;
  const isOver = now >= Math.max(salesEndAt, showEndsAt) + CORE_LIMITS.archiveAfterMs;
  return isOver ? { type: "archived", at: now } : undefined;
}

/** When the last clock of a holder ends, also of one who holds nothing just now; -Infinity where there is none. */
export function latestClock(state: ShowtimeState): number {
  let latest = -Infinity;
  for (const { deadline } of state.holders.roster) if (deadline > latest) latest = deadline;
  return latest;
}

/** Every hold with its deadline, in no order. Every event that moves one says to when. */
export function* deadlines(state: ShowtimeState): Iterable<{ readonly hold: number; readonly deadline: number }> {
  for (const hold of state.holds.values()) yield { hold: hold.number, deadline: deadlineOfHold(hold) };
}
