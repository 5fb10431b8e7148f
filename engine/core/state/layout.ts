/** What follows from a hall's plan, worked out once when the sale opens. */
import { SEAT_FLAG, type HallPlan } from "../../../proto/index.ts";

export interface Layout {
  readonly seatCount: number;
  /** The row part of each seat: neighbours are the seats next to each other in the same part; a part ends at an aisle. */
  readonly part: Uint32Array;
  /** First seat of each part, and at the end the number of seats. */
  readonly partStart: Uint32Array;
  /** Squared distance of each seat to its category's focal point, in layout units. */
  readonly distance: Float64Array;
  /** For each category the parts that have seats of it, nearest first; one more at the end for "any category". */
  readonly rankings: readonly Ranking[];
}

export interface Ranking {
  readonly parts: Uint32Array;
  /** The distance of the nearest seat of each of `parts`: no group in it or behind it can be nearer. */
  readonly floors: Float64Array;
}

export function layoutOf(plan: HallPlan): Layout {
  const seatCount = plan.row.length;
  const part = new Uint32Array(seatCount);
  const starts: number[] = [];
  for (let seat = 0; seat < seatCount; seat++) {
    const aisleBefore = seat > 0 && ((plan.flags[seat - 1] ?? 0) & SEAT_FLAG.aisleAfter) !== 0;
    if (seat === 0 || aisleBefore || plan.row[seat] !== plan.row[seat - 1]) starts.push(seat);
    part[seat] = starts.length - 1;
  }
  const distance = distancesOf(plan);
  const rankings = plan.categories.map((_, category) => rank(plan, part, distance, category));
  rankings.push(rank(plan, part, distance, undefined));
  return { seatCount, part, partStart: Uint32Array.from([...starts, seatCount]), distance, rankings };
}

function distancesOf(plan: HallPlan): Float64Array {
  const distance = new Float64Array(plan.row.length);
  for (let seat = 0; seat < distance.length; seat++) {
    const category = plan.categories[plan.category[seat] ?? 0];
    if (category === undefined) continue; // An opened plan names no category that it has not.
    const dx = (plan.x[seat] ?? 0) - category.focalX;
    const dy = (plan.y[seat] ?? 0) - category.focalY;
    distance[seat] = dx * dx + dy * dy;
  }
  return distance;
}

function rank(plan: HallPlan, part: Uint32Array, distance: Float64Array, category: number | undefined): Ranking {
  const nearest = new Map<number, number>();
  for (let seat = 0; seat < part.length; seat++) {
    if (category !== undefined && plan.category[seat] !== category) continue;
    const of = part[seat] ?? 0;
    nearest.set(of, Math.min(nearest.get(of) ?? Infinity, distance[seat] ?? 0));
  }
  const order = [...nearest].sort((a, b) => a[1] - b[1] || a[0] - b[0]);
  return { parts: Uint32Array.from(order, ([of]) => of), floors: Float64Array.from(order, ([, floor]) => floor) };
}
