import { describe, expect, test } from "vitest";
import { booking, Box, hall, holdOf, RULES, START } from "../testing/fixtures.ts";

/** Seats: 0 wheelchair place, 1 companion, 2 plain, 3 companion, 4 wheelchair place | 5 companion. */
const PLAN = hall("ac.ca|c");

describe("while they are kept", () => {
  const kept = () => new Box(PLAN, { accessibleRelease: { when: "never" } });

  test("wheelchair places and companion seats are refused by name", () => {
    expect(kept().ask("ann", { type: "hold", seats: [0, 1, 2] })).toMatchObject({
      code: "ACCESSIBLE_ONLY",
      seats: [0, 1],
    });
    expect(kept().ask("ann", { type: "hold", seats: [2] })).toMatchObject({ type: "held" });
  });

  test("who needs a wheelchair place gets it, with companions in the same command", () => {
    expect(kept().ask("ann", { type: "hold", seats: [0, 1, 3], accessible: true })).toMatchObject({ type: "held" });
  });

  test("a companion seat alone goes only beside the holder's own wheelchair place, held or booked", () => {
    const box = kept();
    const companion = { type: "hold", seats: [1], accessible: true } as const;
    expect(box.ask("ann", companion)).toMatchObject({ code: "ACCESSIBLE_ONLY", seats: [1] });
    box.ask("ann", { type: "hold", seats: [0], accessible: true });
    expect(box.ask("bob", companion)).toMatchObject({ code: "ACCESSIBLE_ONLY" });
    expect(box.ask("ann", { type: "hold", seats: [3], accessible: true })).toMatchObject({ code: "ACCESSIBLE_ONLY" });
    box.ask("ann", { type: "confirm", hold: holdOf(1), booking: booking("b1"), seats: [0], reacquire: false });
    expect(box.ask("ann", companion)).toMatchObject({ type: "held" });
  });

  test("an aisle parts a companion seat from the place", () => {
    const box = kept();
    box.ask("ann", { type: "hold", seats: [4], accessible: true });
    expect(box.ask("ann", { type: "hold", seats: [5], accessible: true })).toMatchObject({ code: "ACCESSIBLE_ONLY" });
    expect(box.ask("ann", { type: "hold", seats: [3], accessible: true })).toMatchObject({ type: "held" });
  });
});

test("released they go to anybody: always, or from so long before the end", () => {
  expect(new Box(PLAN).ask("ann", { type: "hold", seats: [0, 1] })).toMatchObject({ type: "held" });
  const box = new Box(PLAN, { accessibleRelease: { when: "before-end", ms: 1_000 } });
  box.now = RULES.salesEndAt - 1_001;
  expect(box.ask("ann", { type: "hold", seats: [1] })).toMatchObject({ code: "ACCESSIBLE_ONLY" });
  box.now += 1;
  expect(box.ask("ann", { type: "hold", seats: [1] })).toMatchObject({ type: "held" });
  expect(box.now).toBeGreaterThan(START);
});
