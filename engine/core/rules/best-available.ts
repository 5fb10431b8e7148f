/**
 * Best available: `count` seats side by side in one row part, nearest to the focal point of their category.
 *
 * A group's distance is the sum of its seats' squared distances to the focal point of each one's category, so a row is entered
 * near its middle and the group stays compact; of equals the first found wins. A group that leaves no orphan seat comes before every
 * group that does, however near, and one that the hall's rule forbids is never taken.
 *
 * Row parts are visited from the nearest on, those without enough free seats are passed over, and the search ends where no
 * part can hold anything nearer. Of each part the nearest group is remembered until one of its seats changes: one pass over the hall
 * at worst, and most often over one part.
 */
import { SEAT_FLAG, SEAT_STATUS, type OrphanRule } from "../../../proto/index.ts";
import { PartGroups } from "../state/nearest-groups.ts";
import type { ShowtimeState } from "../state/state.ts";
import { KEPT_FLAGS } from "./accessible.ts";

export interface Wish {
  readonly count: number;
  /** Index into the plan's categories; undefined for any, mixed too. */
  readonly category: number | undefined;
  /** The group has a wheelchair place, and companion seats are allowed in it; otherwise neither is in it, released or not. */
  readonly accessible: boolean;
  /** The group may be split, over rows and aisles, when it fits nowhere in one. */
  readonly split: boolean;
}

/** The seats, ascending within each group; undefined when there are not enough. */
export function bestAvailable(state: ShowtimeState, wish: Wish): readonly number[] | undefined {
  const first = nearestGroup(state, state.status, rememberedOf(state, wish), wish, wish.count, wish.accessible);
  if (first !== undefined) return groupFrom(first, wish.count);
  return wish.split ? splitGroup(state, wish) : undefined;
}

/**
 * The largest group that fits, then the next, without going back. One seat is not cut off from four or more while two can be.
 * The wheelchair place, when one is wished for, is in the first group.
 */
function splitGroup(state: ShowtimeState, wish: Wish): readonly number[] | undefined {
  const status = state.status.slice();
  const seats: number[] = [];
  // What is remembered is of the hall as it is; from the second group on, what is found has the seats that were just taken, too.
  let own: { readonly size: number; readonly groups: PartGroups } | undefined;
  let size = wish.count;
  while (seats.length < wish.count) {
    const rest = wish.count - seats.length;
    size = Math.min(size, rest);
    if (rest >= 4 && size === rest - 1) size--;
    const isFirst = seats.length === 0;
    if (!isFirst && own?.size !== size) own = { size, groups: new PartGroups(state.turns.length) };
    const groups = own?.groups ?? rememberedOf(state, { ...wish, count: size });
    const start = nearestGroup(state, status, groups, wish, size, wish.accessible && isFirst);
    if (start === undefined) {
      if (--size === 0) return undefined;
      continue;
    }
    if (own !== undefined) own.groups.turns[state.layout.part[start] ?? 0] = 0;
    for (const seat of groupFrom(start, size)) {
      seats.push(seat);
      status[seat] = SEAT_STATUS.held;
    }
  }
  return seats;
}

const groupFrom = (start: number, size: number): number[] => Array.from({ length: size }, (_, at) => start + at);

function rememberedOf(state: ShowtimeState, { category, count, accessible }: Wish): PartGroups {
  return state.nearest.of(`${category} ${count} ${accessible} ${state.rules.orphan}`, state.turns.length);
}

/** The first seat of the nearest group of `size`, given how each seat looks; `groups` is what is known of that. */
function nearestGroup(
  state: ShowtimeState,
  status: Uint8Array,
  groups: PartGroups,
  wish: Wish,
  size: number,
  accessible: boolean,
): number | undefined {
  const { available, turns } = state;
  const ranking = state.layout.rankings[wish.category ?? state.plan.categories.length];
  if (ranking === undefined) return undefined;
  let tidy: number | undefined;
  let tidyDistance = Infinity;
  let untidy: number | undefined;
  let untidyDistance = Infinity;
  for (let rank = 0; rank < ranking.parts.length; rank++) {
    if ((ranking.floors[rank] ?? 0) * size >= tidyDistance) break;
    const part = ranking.parts[rank] ?? 0;
    if ((available[part] ?? 0) < size) continue;
    if (groups.turns[part] !== turns[part]) lookThrough(state, status, groups, part, wish, size, accessible);
    const near = groups.tidyDistance[part] ?? Infinity;
    if (near < tidyDistance) {
      tidy = groups.tidy[part];
      tidyDistance = near;
    }
    const other = groups.untidyDistance[part] ?? Infinity;
    if (other < untidyDistance) {
      untidy = groups.untidy[part];
      untidyDistance = other;
    }
  }
  return tidy ?? untidy;
}

/** Finds the nearest groups of one part: one that leaves no orphan, and one that leaves what the rule allows. */
function lookThrough(
  state: ShowtimeState,
  status: Uint8Array,
  groups: PartGroups,
  part: number,
  wish: Wish,
  size: number,
  accessible: boolean,
): void {
  const { partStart, distance } = state.layout;
  const { category: categories, flags } = state.plan;
  const category = wish.category ?? -1;
  const partFrom = partStart[part] ?? 0;
  const partTo = partStart[part + 1] ?? 0;
  let tidyDistance = Infinity;
  let untidyDistance = Infinity;
  let run = 0;
  let sum = 0;
  let places = 0;
  for (let seat = partFrom; seat < partTo; seat++) {
    const kept = (flags[seat] ?? 0) & KEPT_FLAGS;
    const fits =
      status[seat] === SEAT_STATUS.free &&
      (category < 0 || categories[seat] === category) &&
      (accessible || kept === 0);
    if (!fits) {
      run = sum = places = 0;
      continue;
    }
    run++;
    sum += distance[seat] ?? 0;
    places += kept & SEAT_FLAG.accessible;
    if (run > size) {
      sum -= distance[seat - size] ?? 0;
      places -= (flags[seat - size] ?? 0) & SEAT_FLAG.accessible;
    }
    if (run < size || (accessible && places === 0) || sum >= tidyDistance) continue;
    const start = seat - size + 1;
    const orphans = orphansBeside(status, flags, partFrom, partTo, start, seat);
    if (orphans === NO_ORPHAN) {
      groups.tidy[part] = start;
      tidyDistance = sum;
    } else if (sum < untidyDistance && isAllowed(state.rules.orphan, orphans)) {
      groups.untidy[part] = start;
      untidyDistance = sum;
    }
  }
  groups.tidyDistance[part] = tidyDistance;
  groups.untidyDistance[part] = untidyDistance;
  groups.turns[part] = state.turns[part] ?? 0;
}

const NO_ORPHAN = 0;
/** An orphan is all that stays over of the gap: any group of the size would leave one. */
const LAST_OF_GAP = 1;
const AVOIDABLE = 2;
type Orphans = typeof NO_ORPHAN | typeof LAST_OF_GAP | typeof AVOIDABLE;

/** `orphansOf` for a group of neighbours, from `first` to `last`, without looking further than two seats. */
function orphansBeside(
  status: Uint8Array,
  flags: Uint8Array,
  partFrom: number,
  partTo: number,
  first: number,
  last: number,
): Orphans {
  const isFree = (seat: number) => seat >= partFrom && seat < partTo && status[seat] === SEAT_STATUS.free;
  const isOrphan = (seat: number, beyond: number) =>
    isFree(seat) && !isFree(beyond) && ((flags[seat] ?? 0) & KEPT_FLAGS) === 0;
  const left = isOrphan(first - 1, first - 2);
  const right = isOrphan(last + 1, last + 2);
  if (!left && !right) return NO_ORPHAN;
  return (left && !isFree(last + 1)) || (right && !isFree(first - 1)) ? LAST_OF_GAP : AVOIDABLE;
}

function isAllowed(rule: OrphanRule, orphans: Orphans): boolean {
  switch (rule) {
    case "none":
      return true;
    case "lenient":
      return orphans === LAST_OF_GAP;
    case "strict":
      return false;
  }
}
