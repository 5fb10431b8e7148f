import type { PlanSeat } from "../../../proto/services/index.ts";

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Dot {
  readonly x: number;
  readonly y: number;
}

export interface HallPicture {
  readonly dots: readonly Dot[];
  /** The seat that the ticket is for; undefined when the plan does not have it. */
  readonly mark: Dot | undefined;
  /** A dot's. */
  readonly radius: number;
}

/** A chair's share of the floor, in centimetres. */
const CHAIR = 55;

/** The hall seen from above, the screen at the top, scaled into `box`, with at most `dotsMax` of its seats. */
export function hallPicture(plan: readonly PlanSeat[], seat: number, box: Box, dotsMax: number): HallPicture {
  const [left, right] = rangeOf(plan, ({ x }) => x);
  const [front, back] = rangeOf(plan, ({ y }) => y);
  const scale = Math.min(box.width / (right - left + CHAIR), box.height / (back - front + CHAIR));
  const middle = box.x + box.width / 2;
  const placeOf = ({ x, y }: PlanSeat): Dot => ({
    x: middle + (x - (left + right) / 2) * scale,
    y: box.y + (y - front + CHAIR / 2) * scale,
  });
  const step = Math.ceil(plan.length / dotsMax);
  const marked = plan[seat];
  return {
    dots: plan.filter((_, index) => index % step === 0).map(placeOf),
    mark: marked && placeOf(marked),
    radius: Math.min(4, Math.max(0.4, CHAIR * 0.38 * scale)),
  };
}

function rangeOf(plan: readonly PlanSeat[], of: (seat: PlanSeat) => number): [least: number, most: number] {
  let [least, most] = [Infinity, -Infinity];
  for (const seat of plan) {
    least = Math.min(least, of(seat));
    most = Math.max(most, of(seat));
  }
  return [least, most];
}
