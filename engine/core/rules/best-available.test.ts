import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SEAT_FLAG, type HallPlan, type OrphanRule } from "../../../proto/index.ts";
import { decide } from "../index.ts";
import { block, Box, bytesOf, commandOf, hall, holdOf, LIMITS, RULES, stateOf } from "../testing/fixtures.ts";
import { orphansOf } from "./orphan.ts";

const best = (box: Box, count: number, wish: { category?: string; accessible?: boolean; split?: boolean } = {}) => {
  const answer = box.ask("ann", { type: "hold-best", count, ...wish });
  return answer.type === "held" ? answer.seats : answer.type === "refused" ? answer.code : answer.type;
};

describe("best available", () => {
  test("is nearest to the focal point, side by side", () => {
    expect(best(new Box(hall(".......", ".......")), 3)).toEqual([2, 3, 4]);
    const box = new Box(block(5, 9));
    expect(best(box, 1)).toEqual([22]);
    expect(best(box, 2)).toEqual([12, 13]);
  });

  test("is in the category that is named, and never over an aisle", () => {
    expect(best(new Box(hall("..::..")), 2, { category: "side" })).toEqual([2, 3]);
    expect(best(new Box(hall("..::..")), 3, { category: "side" })).toBe("NOT_ENOUGH_SEATS");
    const unknown = new Box().ask("ann", { type: "hold-best", count: 2, category: "balcony" });
    expect(unknown).toMatchObject({ code: "NOT_FOUND", seats: [] }); // Not as the refusal of a showtime that is not known.
    expect(best(new Box(hall("...|....")), 4)).toEqual([3, 4, 5, 6]);
    expect(best(new Box(hall("...|...")), 4)).toBe("NOT_ENOUGH_SEATS");
  });

  test("without a category, seats of two may be mixed", () => {
    expect(best(new Box(hall("..::")), 4)).toEqual([0, 1, 2, 3]);
  });

  test("goes further away rather than leave an orphan", () => {
    const box = new Box(hall(".....", "....."));
    expect(best(box, 4)).toEqual([0, 1, 2, 3]);
    expect(best(new Box(hall("......")), 3)).toEqual([0, 1, 2]);
    expect(best(new Box(hall(".....", "....")), 4)).toEqual([5, 6, 7, 8]);
  });

  test("leaves an orphan only as the hall's rule allows", () => {
    const row = (orphan: OrphanRule) => new Box(hall("..."), { orphan });
    expect(best(row("none"), 2)).toHaveLength(2);
    expect(best(row("lenient"), 2)).toHaveLength(2);
    expect(best(row("strict"), 2)).toBe("NOT_ENOUGH_SEATS");
    expect(best(row("strict"), 3)).toEqual([0, 1, 2]);
  });

  test("splits over rows only when that is allowed, and cuts nobody off while it can", () => {
    expect(best(new Box(hall("...", "...")), 4)).toBe("NOT_ENOUGH_SEATS");
    expect(best(new Box(hall("...", "...")), 4, { split: true })).toEqual([0, 1, 3, 4]);
    expect(best(new Box(hall("..", "..")), 4, { split: true })).toEqual([0, 1, 2, 3]);
    expect(best(new Box(hall(".|.|.")), 3, { split: true })).toEqual([1, 0, 2]);
    expect(best(new Box(hall("..", ".")), 4, { split: true })).toBe("NOT_ENOUGH_SEATS");
  });

  test("leaves wheelchair places and companion seats alone, released or not, unless one is wished for", () => {
    expect(best(new Box(hall(".ac.")), 2)).toBe("NOT_ENOUGH_SEATS");
    expect(best(new Box(hall("....", "ca..")), 2, { accessible: true })).toEqual([4, 5]);
    expect(best(new Box(hall("....", "....")), 2, { accessible: true })).toBe("NOT_ENOUGH_SEATS");
  });

  test.each([0, -1, 1.5, Number.NaN])("%d is no number of seats", (count) =>
    expect(best(new Box(), count)).toBe("BAD_MESSAGE"),
  );

  test("agrees with trying every group of small halls", () => {
    const runs = Number(process.env["USHER_MODEL_RUNS"] ?? 1_000);
    fc.assert(fc.property(smallHalls, fc.integer({ min: 1, max: 4 }), fc.boolean(), agrees), { numRuns: runs });
  });
});

test("what was found out before changes no choice", () => {
  const runs = Number(process.env["USHER_MODEL_RUNS"] ?? 200);
  const rows = fc.array(fc.stringMatching(/^[.:acAC|]{1,12}$/), { minLength: 1, maxLength: 4 });
  const step = fc.record({
    kind: fc.constantFrom("best", "best", "best", "hold", "release", "block", "unblock", "amend"),
    count: fc.integer({ min: 1, max: 4 }),
    seat: fc.nat(47),
    category: fc.constantFrom("middle", "side", undefined),
    accessible: fc.boolean(),
    split: fc.boolean(),
    orphan: fc.constantFrom<OrphanRule>("none", "lenient", "strict"),
  });
  fc.assert(
    fc.property(rows, fc.array(step, { minLength: 10, maxLength: 60 }), (drawn, steps) => {
      const halls = drawn.filter((row) => /[^|]/.test(row));
      if (halls.length === 0) return;
      const box = new Box(hall(...halls), {}, { maxSeatsPerHolder: 1_000 });
      for (const { kind, count, seat, category, accessible, split, orphan } of steps) {
        const wish = {
          type: "hold-best",
          count,
          accessible,
          split,
          ...(category !== undefined && { category }),
        } as const;
        const anew = decide(stateOf(bytesOf(box.state)), commandOf("ann", wish, "new"), box.now, LIMITS);
        expect(box.decide("ann", wish, "new")).toEqual(anew);
        if (kind === "best") box.ask("ann", wish);
        else if (kind === "hold") box.ask("ann", { type: "hold", seats: [seat], accessible });
        else if (kind === "release") box.ask("ann", { type: "release", hold: holdOf(seat) });
        else if (kind === "amend") box.ask("admin", { type: "amend", rules: { ...RULES, orphan } });
        else box.ask("admin", { type: kind, seats: [seat] });
      }
    }),
    { numRuns: runs },
  );
});

const smallHalls = fc.record({
  rows: fc.array(fc.stringMatching(/^[.:acAC|h]{1,9}$/), { minLength: 1, maxLength: 3 }),
  orphan: fc.constantFrom<OrphanRule>("none", "lenient", "strict"),
  category: fc.constantFrom("middle", "side", undefined),
});

function agrees(
  { rows, orphan, category }: { rows: string[]; orphan: OrphanRule; category: string | undefined },
  count: number,
  accessible: boolean,
): void {
  const drawn = rows.filter((row) => /[^|]/.test(row));
  if (drawn.length === 0) return;
  const box = new Box(hall(...drawn.map((row) => row.replaceAll("h", "."))), { orphan });
  const taken = [...drawn.join("").replaceAll("|", "")].flatMap((sign, seat) => (sign === "h" ? [seat] : []));
  if (taken.length > 0) box.ask("admin", { type: "block", seats: taken });
  const groups = groupsOf(box, count, category, accessible);
  const tidy = groups.filter(({ orphans }) => orphans === undefined);
  const wanted = Math.min(...(tidy.length > 0 ? tidy : groups).map(({ distance }) => distance));
  const answer = box.ask("ann", { type: "hold-best", count, accessible, ...(category !== undefined && { category }) });
  if (groups.length === 0) {
    expect(answer).toMatchObject({ code: "NOT_ENOUGH_SEATS" });
  } else {
    if (answer.type !== "held") throw new Error(`refused, but there are ${groups.length} groups`);
    expect(distanceOf(box.state.plan, answer.seats)).toBe(wanted);
  }
}

/** Every group that the rules allow, found the long way, with the orphans it leaves by the strict rule. */
function groupsOf(box: Box, count: number, category: string | undefined, accessible: boolean) {
  const { plan, layout, status, rules } = box.state;
  const groups = [];
  for (let first = 0; first + count <= status.length; first++) {
    const seats = Array.from({ length: count }, (_, at) => first + at);
    const flags = seats.map((seat) => plan.flags[seat] ?? 0);
    const fits = seats.every(
      (seat) =>
        status[seat] === 0 &&
        layout.part[seat] === layout.part[first] &&
        (category === undefined || plan.categories[plan.category[seat] ?? 0]?.id === category),
    );
    const special = flags.some((flag) => (flag & (SEAT_FLAG.accessible | SEAT_FLAG.companion)) !== 0);
    const place = flags.some((flag) => (flag & SEAT_FLAG.accessible) !== 0);
    if (!fits || (accessible ? !place : special) || orphansOf(box.state, seats) !== undefined) continue;
    const orphans = orphansOf({ ...box.state, rules: { ...rules, orphan: "strict" } }, seats);
    groups.push({ distance: distanceOf(plan, seats), orphans });
  }
  return groups;
}

function distanceOf(plan: HallPlan, seats: readonly number[]): number {
  let sum = 0;
  for (const seat of seats) {
    const focal = plan.categories[plan.category[seat] ?? 0];
    sum += ((plan.x[seat] ?? 0) - (focal?.focalX ?? 0)) ** 2 + ((plan.y[seat] ?? 0) - (focal?.focalY ?? 0)) ** 2;
  }
  return sum;
}
