import { expect, it } from "vitest";
import { requireConnections } from "./machine-limits.ts";

const TOO_MANY = 10_000_000;

/** How many connections it says may be asked for. */
function mostWith(others: number): number {
  try {
    requireConnections(TOO_MANY, others);
  } catch (error) {
    return Number(/ (\d+) at most\.$/.exec(String(error))?.[1]);
  }
  throw new Error("no machine bears so many");
}

it("leaves room for connections that come on top of those that are asked for", () => {
  const most = mostWith(0);
  expect(mostWith(40)).toBe(most - 40);
  expect(() => requireConnections(most, 1)).toThrow(new RegExp(`^${most + 1} connections `));
});
