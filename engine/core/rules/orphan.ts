/**
 * Orphan seats: a free seat with no free neighbour is hard to sell, since few come alone.
 *
 * A row part is what lies between row ends and aisles; a gap is a longest run of free seats in it. A choice of seats leaves an
 * orphan when a free seat that had a free neighbour before has none after: what was single before is nobody's fault now.
 * - `none`: any choice is taken.
 * - `strict`: a choice that leaves an orphan is refused, so one of a pair cannot be bought alone.
 * - `lenient`: the same, except when just one seat of the gap stays over, for then any choice of as many seats leaves it: one of
 *   two, two of three. A choice that leaves two or more could have been moved so that they stay together.
 *
 * Wheelchair places and companion seats are never orphans: they are sold by a rule of their own. As neighbours they count.
 */
import { SEAT_STATUS } from "../../../proto/index.ts";
import type { ShowtimeState } from "../state/state.ts";
import { KEPT_FLAGS } from "./accessible.ts";

/** The seats that holding `seats`, all of them free, would leave as orphans against the hall's rule; undefined for none. */
export function orphansOf(state: ShowtimeState, seats: readonly number[]): readonly number[] | undefined {
  const rule = state.rules.orphan;
  if (rule === "none") return undefined;
  const orphans: number[] = [];
  for (const seat of seats) {
    for (const neighbour of [seat - 1, seat + 1]) {
      if (!isNeighbour(state, seat, neighbour) || orphans.includes(neighbour)) continue;
      if (!isOrphan(state, seats, neighbour)) continue;
      if (rule === "strict" || staysOver(state, seats, neighbour) > 1) orphans.push(neighbour);
    }
  }
  return orphans.length === 0 ? undefined : orphans;
}

const isNeighbour = (state: ShowtimeState, seat: number, other: number): boolean =>
  state.layout.part[other] === state.layout.part[seat];

const isFree = (state: ShowtimeState, seat: number): boolean => state.status[seat] === SEAT_STATUS.free;

function isOrphan(state: ShowtimeState, chosen: readonly number[], seat: number): boolean {
  if (!isFree(state, seat) || chosen.includes(seat) || ((state.plan.flags[seat] ?? 0) & KEPT_FLAGS) !== 0) return false;
  const isCompany = (other: number) =>
    isNeighbour(state, seat, other) && isFree(state, other) && !chosen.includes(other);
  return !isCompany(seat - 1) && !isCompany(seat + 1);
}

/** How many seats of the gap around `seat` are free after the choice. */
function staysOver(state: ShowtimeState, chosen: readonly number[], seat: number): number {
  let count = 0;
  for (let at = seat; isNeighbour(state, seat, at) && isFree(state, at); at--) if (!chosen.includes(at)) count++;
  for (let at = seat + 1; isNeighbour(state, seat, at) && isFree(state, at); at++) if (!chosen.includes(at)) count++;
  return count;
}
