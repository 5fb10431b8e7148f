import { expect, it } from "vitest";
import { SEAT_FLAG } from "../../../proto/index.ts";
import { buildLayout, type HallSpec, type RowSpec } from "./layout-builder.ts";

const hall = (rows: RowSpec[], more: Partial<HallSpec> = {}): HallSpec => ({
  categories: [{ id: "all", name: "All", focal: { x: 0, y: 100 } }],
  sections: [
    {
      name: "Floor",
      shape: { kind: "straight", front: { x: 0, y: 0 } },
      rowPitch: 100,
      seatPitch: 50,
      aisleWidth: 120,
      rows,
    },
  ],
  ...more,
});

it("puts seats, aisles and flags where the plan says", () => {
  const layout = buildLayout(hall([{ name: "A", parts: [2, 1], category: "all", accessible: [1], companions: [2] }]));
  expect(layout.rows[0]?.seats).toEqual([
    [1, 0, 0, 0, SEAT_FLAG.accessible],
    [2, 50, 0, 0, SEAT_FLAG.companion | SEAT_FLAG.aisleAfter],
    [3, 220, 0, 0, 0],
  ]);
});

it("moves the focal points together with the seats", () => {
  const { categories } = buildLayout(hall([{ name: "A", parts: [3], category: "all" }]));
  expect(categories).toEqual([{ id: "all", name: "All", focalX: 50, focalY: 100 }]);
});

it.each([
  ["a category that it does not have", hall([{ name: "A", parts: [2], category: "box" }]), "no category box"],
  [
    "two rows of one name",
    hall([
      { name: "A", parts: [2], category: "all" },
      { name: "A", parts: [2], category: "all" },
    ]),
    "two seats are called A1",
  ],
  ["a row of a kilometre", hall([{ name: "A", parts: [2_000], category: "all" }]), "outside of the floor plan"],
  ["no seat", hall([]), "at least one seat"],
])("refuses a hall with %s", (_name, spec, message) => {
  expect(() => buildLayout(spec)).toThrow(message);
});
