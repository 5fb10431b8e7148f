import fc from "fast-check";
import { expect, test } from "vitest";
import { TOKEN_LENGTH_MAX } from "../proto/index.ts";
import { decodeClientJson } from "../proto/ws/index.ts";
import { clientMessages } from "../proto/ws/testing/arbitrary-messages.ts";
import { faultOf } from "./fault.ts";

const hold = { op: "hold", rid: "r1", showtime: "s1" };
const release = { op: "release", rid: "r1", holdId: "s1.1" };

test("what the server takes has no fault", () => {
  fc.assert(fc.property(clientMessages, (message) => faultOf(message) === undefined));
});

test("nor has the longest token", () => {
  expect(faultOf({ op: "auth", token: "t".repeat(TOKEN_LENGTH_MAX) })).toBeUndefined();
});

test.each(["", "t".repeat(TOKEN_LENGTH_MAX + 1), "\ud800"])("text that can be no token has one: %j", (token) => {
  const message = { op: "auth", token } as const;
  expect(decodeClientJson(JSON.stringify(message)).ok).toBe(true); // The server answers that it is no token.
  expect(faultOf(message)).toContain("token must");
});

test.each<[string, object]>([
  ["token must", { op: "auth", token: null }],
  ["rid must", { ...hold, rid: "", seats: [1] }],
  ["rid must", { ...release, rid: "r".repeat(65) }],
  ["rid must", { ...release, rid: 7 }],
  ["seats must", { ...hold, seats: [] }],
  ["seats must", { ...hold, seats: [5, 5] }],
  ["seats must", { ...hold, seats: [-1] }],
  ["seats must", { ...hold, seats: [1.5] }],
  ["seats must", { ...hold, seats: [65_536] }],
  ["seats must", { ...hold, seats: ["1"] }],
  ["seats must", { ...release, seats: [] }],
  ["accessible must", { ...hold, seats: [1], accessible: null }],
  ["best.count must", { ...hold, best: { count: 0 } }],
  ["best.count must", { ...hold, best: { count: 2_049 } }],
  ["best.count must", { ...hold, best: {} }],
  ["best.category must", { ...hold, best: { count: 1, category: "" } }],
  ["best.category must", { ...hold, best: { count: 1, category: null } }],
  ["best.split must", { ...hold, best: { count: 1, split: 1 } }],
  ['there is no field "row"', { ...hold, best: { count: 1, row: 3 } }],
  ["holdId must", { ...release, holdId: "" }],
  ["holdId must", { op: "extend", rid: "r1", holdId: "h".repeat(81) }],
  ["holdId must", { op: "extend", rid: "r1" }],
])("%s ... is said of what the server refuses: %j", (fault, message) => {
  expect(decodeClientJson(JSON.stringify(message)).ok).toBe(false);
  // The cast: the types keep callers in TypeScript from most of these.
  expect(faultOf(message as never)).toContain(fault);
});
