import { expect, it } from "vitest";
import { carryOut, carryOutAll, holdSeats, LIMITS, opened, plan, START } from "./sale.ts";

const HALL = plan(2, 20);
const tooMany = holdSeats(0, [...Array(LIMITS.maxSeatsPerHolder + 1).keys()]);

it("a command that is refused is not counted among those that came about, and is an error where all must", () => {
  expect(carryOut(opened(HALL), [tooMany, holdSeats(1, [0])])).toBe(1);
  expect(() => carryOutAll(opened(HALL), [tooMany])).toThrow("only 0 of 1 were carried out");
});

it("the clock of a sale goes on from one go to the next", () => {
  const state = opened(HALL);
  carryOutAll(state, [holdSeats(1, [0])]);
  carryOutAll(state, [holdSeats(2, [1])]);
  expect(state.at).toBe(START + 2);
});
