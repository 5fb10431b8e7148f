import { describe, expect, test } from "vitest";
import type { OrphanRule } from "../../../proto/index.ts";
import { Box, hall } from "../testing/fixtures.ts";

/** The hall's row with `h` where a seat is held first, then the choice, then the orphans it is refused for (none: it is taken). */
function choose(rule: OrphanRule, row: string, choice: number[]): readonly number[] | undefined {
  const box = new Box(hall(row.replaceAll("h", ".")));
  const seats = [...row.replaceAll("|", "")].flatMap((sign, seat) => (sign === "h" ? [seat] : []));
  if (seats.length > 0) box.ask("somebody", { type: "hold", seats });
  box.ask("admin", { type: "amend", rules: { ...box.state.rules, orphan: rule } });
  const answer = box.ask("ann", { type: "hold", seats: choice });
  if (answer.type === "held") return undefined;
  expect(answer).toMatchObject({ code: "ORPHAN_SEAT" });
  return answer.type === "refused" ? answer.seats : undefined;
}

describe("strict: never a new single seat", () => {
  test.each<[string, number[], number[] | undefined]>([
    ["....", [0, 1], undefined],
    ["....", [0, 1, 2], [3]],
    ["....", [1], [0]],
    ["....", [1, 2], [0, 3]],
    [".....", [2], undefined],
    ["...", [1], [0, 2]],
    ["..", [0], [1]],
    ["h.", [1], undefined],
    ["h.h..", [3, 4], undefined],
    ["h...", [1, 3], [2]],
    ["...|...", [2], undefined],
    ["...|...", [1], [0, 2]],
    ["a..", [1], [2]],
    ["c..", [1, 2], undefined],
  ])("%s choosing %j leaves %j", (row, choice, orphans) => expect(choose("strict", row, choice)).toEqual(orphans));
});

describe("lenient: a single seat only where any choice of as many would leave it", () => {
  test.each<[string, number[], number[] | undefined]>([
    ["..", [0], undefined],
    ["...", [0, 1], undefined],
    ["...", [0, 2], undefined],
    ["...", [1], [0, 2]],
    ["...", [0], undefined],
    ["....", [1, 2], [0, 3]],
    ["....", [0, 1, 2], undefined],
    [".....", [1, 2], [0]],
    [".....h..", [6], undefined],
  ])("%s choosing %j leaves %j", (row, choice, orphans) => expect(choose("lenient", row, choice)).toEqual(orphans));
});

test("none: any choice is taken", () => expect(choose("none", "...", [1])).toBeUndefined());

test("a seat that is taken is named before an orphan is", () => {
  const box = new Box(hall("...."), { orphan: "strict" });
  box.ask("ann", { type: "hold", seats: [0, 1] });
  expect(box.ask("bob", { type: "hold", seats: [1, 2] })).toMatchObject({ code: "SEAT_TAKEN", seats: [1] });
});
