import { expect, test } from "vitest";
import type { LayoutSeat } from "../../client/index.ts";
import { FloorPlan } from "./floor-plan.ts";

test("the seat in the middle is the nearest to it, also where there is none for a long way around", () => {
  // Two stands, each side of a field.
  const seats = [0, 60, 120, 8_000, 8_060, 8_200].map((x, index) => ({
    index,
    row: "A",
    number: String(index),
    section: "",
    x,
    y: 0,
  }));
  // The cast: what is looked for needs no more of a seat.
  const plan = new FloorPlan({ seats: seats as unknown as LayoutSeat[] } as ConstructorParameters<typeof FloorPlan>[0]);
  expect(plan.middle).toBe(3);
});
