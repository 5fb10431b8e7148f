/**
 * Wheelchair places and the seats beside them for companions.
 *
 * Until the hall's release rule gives them to everybody they are kept: a wheelchair place for who says `accessible`, and a companion
 * seat for who also takes a wheelchair place, in the same command or right beside it earlier. So nobody gets a companion
 * seat by ticking a box, and nobody is parted from the person they came with.
 */
import { SEAT_FLAG, SEAT_STATUS, type HolderId, type SaleRules } from "../../../proto/index.ts";
import type { ShowtimeState } from "../state/state.ts";

export const KEPT_FLAGS = SEAT_FLAG.accessible | SEAT_FLAG.companion;

/** Whether anybody may take accessible seats now. */
function isReleased(rules: SaleRules, now: number): boolean {
  const release = rules.accessibleRelease;
  switch (release.when) {
    case "always":
      return true;
    case "never":
      return false;
    case "before-end":
      return now >= rules.salesEndAt - release.ms;
  }
}

/** Those of `seats` that are kept from this holder; undefined when none is. */
export function keptSeats(
  state: ShowtimeState,
  holder: HolderId,
  seats: readonly number[],
  accessible: boolean,
  now: number,
): readonly number[] | undefined {
  let flags = 0;
  for (let at = 0; at < seats.length; at++) flags |= flagsOf(state, seats[at] ?? -1);
  if ((flags & KEPT_FLAGS) === 0 || isReleased(state.rules, now)) return undefined;
  if (accessible && (flags & SEAT_FLAG.accessible) !== 0) return undefined;
  const kept = seats.filter((seat) => {
    if ((flagsOf(state, seat) & KEPT_FLAGS) === 0) return false;
    // Only companion seats are left when `accessible` was said: no wheelchair place is in the command.
    return !(accessible && (isPlaceOf(state, holder, seat, seat - 1) || isPlaceOf(state, holder, seat, seat + 1)));
  });
  return kept.length === 0 ? undefined : kept;
}

/** Whether `place` is a wheelchair place beside `seat`, held or booked by the holder. */
function isPlaceOf(state: ShowtimeState, holder: HolderId, seat: number, place: number): boolean {
  if (state.layout.part[place] !== state.layout.part[seat]) return false;
  if ((flagsOf(state, place) & SEAT_FLAG.accessible) === 0) return false;
  const owner = state.owner[place] ?? 0;
  const claim = state.status[place] === SEAT_STATUS.held ? state.holds.get(owner) : state.bookingNumbers.get(owner);
  return claim?.holder.id === holder;
}

const flagsOf = (state: ShowtimeState, seat: number): number => state.plan.flags[seat] ?? 0;
