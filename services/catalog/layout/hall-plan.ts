import type { HallPlan } from "../../../proto/index.ts";
import { type HallLayout, seatCountOf } from "./hall-layout.ts";

/** The layout as the engine wants it: parallel arrays in index order, without names. */
export function hallPlanOf(layout: HallLayout): HallPlan {
  const seatCount = seatCountOf(layout);
  const plan = {
    row: new Uint16Array(seatCount),
    x: new Int16Array(seatCount),
    y: new Int16Array(seatCount),
    category: new Uint8Array(seatCount),
    flags: new Uint8Array(seatCount),
    categories: layout.categories.map(({ id, focalX, focalY }) => ({ id, focalX, focalY })),
  };
  let seat = 0;
  layout.rows.forEach((row, rowNumber) => {
    for (const [, x, y, category, flags] of row.seats) {
      plan.row[seat] = rowNumber;
      plan.x[seat] = x;
      plan.y[seat] = y;
      plan.category[seat] = category;
      plan.flags[seat] = flags;
      seat++;
    }
  });
  return plan;
}
