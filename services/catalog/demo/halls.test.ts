import { describe, expect, it } from "vitest";
import { SEAT_FLAG } from "../../../proto/index.ts";
import { seatCountOf, seatsOf } from "../layout/hall-layout.ts";
import { hallPlanOf } from "../layout/hall-plan.ts";
import { arenaHall, classicHall, premiereHall, studioHall } from "./halls.ts";

const HALLS = [
  ["studio", studioHall(), 96],
  ["classic", classicHall(), 240],
  ["premiere", premiereHall(), 480],
  ["arena", arenaHall(), 20_000],
] as const;

describe.each(HALLS)("the %s hall", (_name, layout, seatCount) => {
  const seats = [...seatsOf(layout)];
  const plan = hallPlanOf(layout);

  it(`has exactly ${seatCount} seats, counted without a gap`, () => {
    expect(seatCountOf(layout)).toBe(seatCount);
    expect(seats.map((seat) => seat.index)).toEqual(Array.from({ length: seatCount }, (_, index) => index));
  });

  it("calls no two seats the same, and each by its row and number", () => {
    expect(new Set(seats.map((seat) => seat.label)).size).toBe(seatCount);
    for (const seat of seats) expect(seat.label.endsWith(`${seat.row}${seat.number}`)).toBe(true);
  });

  it("has no two seats in one place, and no coordinate that the engine cannot hold", () => {
    expect(new Set(seats.map(({ x, y }) => `${x} ${y}`)).size).toBe(seatCount);
    expect(seats.every(({ x, y }) => x >= 0 && y >= 0 && x <= 32_767 && y <= 32_767)).toBe(true);
  });

  it("has neighbours side by side, and an aisle wherever two seats of a row are further apart", () => {
    for (let seat = 1; seat < seatCount; seat++) {
      if (plan.row[seat] !== plan.row[seat - 1]) continue;
      const [here, before] = [seats[seat], seats[seat - 1]];
      if (here === undefined || before === undefined) throw new Error("both are within the hall");
      const apart = Math.hypot(here.x - before.x, here.y - before.y);
      const aisle = ((plan.flags[seat - 1] ?? 0) & SEAT_FLAG.aisleAfter) !== 0;
      expect(here.number).toBe(before.number + 1);
      expect(apart > 100, `${before.label} and ${here.label} are ${apart} cm apart`).toBe(aisle);
      expect(apart).toBeGreaterThan(50);
    }
  });

  it("gives every seat a category with a focal point inside the hall", () => {
    expect(layout.categories).toHaveLength(3);
    expect(new Set(seats.map((seat) => seat.category))).toEqual(
      new Set(layout.categories.map((category) => category.id)),
    );
    const [width, depth] = [Math.max(...seats.map((seat) => seat.x)), Math.max(...seats.map((seat) => seat.y))];
    for (const { focalX, focalY } of layout.categories) {
      expect(Math.abs(focalX - width / 2)).toBeLessThan(5);
      expect(focalY).toBeGreaterThanOrEqual(0);
      expect(focalY).toBeLessThan(depth);
    }
  });

  it("has wheelchair places, each beside a companion's seat", () => {
    const accessible = seats.filter((seat) => seat.accessible);
    expect(accessible.length).toBeGreaterThanOrEqual(2);
    for (const { index } of accessible) {
      const beside = [index - 1, index + 1].filter((other) => plan.row[other] === plan.row[index]);
      expect(beside.some((other) => seats[other]?.companion)).toBe(true);
    }
    expect(seats.some((seat) => seat.accessible && seat.companion)).toBe(false);
  });

  it("becomes a plan whose arrays say the same", () => {
    expect([...plan.x]).toEqual(seats.map((seat) => seat.x));
    expect([...plan.y]).toEqual(seats.map((seat) => seat.y));
    expect(seats.every((seat) => plan.categories[plan.category[seat.index] ?? -1]?.id === seat.category)).toBe(true);
    expect(
      seats.every((seat) => (((plan.flags[seat.index] ?? 0) & SEAT_FLAG.accessible) !== 0) === seat.accessible),
    ).toBe(true);
    expect(new Set(plan.row).size).toBe(layout.rows.length);
  });
});

it("curves the cinema's rows towards the screen at both ends", () => {
  const [row] = premiereHall().rows;
  const depths = row?.seats.map(([, , y]) => y) ?? [];
  const middle = depths[depths.length >> 1] ?? 0;
  expect(depths[0]).toBeLessThan(middle);
  expect(depths.at(-1)).toBeLessThan(middle);
});
