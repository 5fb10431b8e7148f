import { describe, expect, test } from "vitest";
import { createShowtime, decide, findHold, limit } from "../index.ts";
import { booking, Box, hall, holder, holdOf, LIMITS, RULES, SHOWTIME, START, type Wish } from "../testing/fixtures.ts";

const open = (plan = hall("...."), rules = RULES): Wish => ({ type: "open", plan, rules });

describe("opening", () => {
  test("a showtime that nobody opened is not on sale", () => {
    for (const state of [undefined, createShowtime(SHOWTIME)]) {
      const command = {
        type: "hold",
        seats: [0],
        showtime: SHOWTIME,
        holder: holder("ann"),
        rid: "r1" as never,
      } as const;
      expect(decide(state, command, START, LIMITS)).toMatchObject({ refusal: { code: "NOT_FOUND" } });
    }
  });

  test("a showtime that nobody opened has no holds", () => {
    const by = { showtime: SHOWTIME, holder: holder("ann"), rid: "r1" as never, hold: holdOf(1) };
    for (const state of [undefined, createShowtime(SHOWTIME)]) {
      for (const command of [
        { type: "extend", ...by },
        { type: "release", ...by },
        { type: "pin", ...by, booking: booking("b1") },
      ] as const) {
        expect(decide(state, command, START, LIMITS)).toMatchObject({ refusal: { code: "HOLD_NOT_FOUND" } });
      }
      expect(findHold(state, by.holder, by.hold, START)).toMatchObject({ code: "HOLD_NOT_FOUND" });
    }
  });

  test("again with the same plan and rules changes nothing", () => {
    const box = new Box(hall("...."));
    expect(box.ask("admin", open())).toEqual({ type: "done" });
    expect(box.events).toHaveLength(1);
  });

  test("again with other rules amends them; with another plan it is refused", () => {
    const box = new Box(hall("...."));
    expect(box.ask("admin", open(hall("...."), { ...RULES, orphan: "strict" }))).toEqual({ type: "done" });
    expect(box.events.at(-1)).toMatchObject({ type: "amended" });
    expect(box.ask("admin", open(hall("..|.."), { ...RULES }))).toMatchObject({ code: "CONFLICT" });
    expect(box.ask("admin", open(hall(".....")))).toMatchObject({ code: "CONFLICT" });
  });

  test("a plan that is none is refused", () => {
    const plan = hall("....");
    const wrong = [
      { ...plan, x: new Int16Array(3) },
      { ...plan, row: [0, 0, 0, 0] as never },
      { ...plan, categories: [] },
      { ...plan, category: Uint8Array.of(0, 0, 0, 9) },
      {
        ...plan,
        categories: [
          { id: "middle", focalX: 0, focalY: 0 },
          { id: "middle", focalX: 0, focalY: 0 },
        ],
      },
      { ...plan, categories: [{ id: "middle", focalX: Number.NaN, focalY: 0 }] },
      hall(""),
    ];
    for (const each of wrong) {
      const command = {
        type: "open",
        plan: each,
        rules: RULES,
        showtime: SHOWTIME,
        holder: holder("admin"),
        rid: "r1" as never,
      } as const;
      expect(decide(undefined, command, START, LIMITS)).toMatchObject({ refusal: { code: "BAD_MESSAGE" } });
    }
  });
});

test("amended rules hold from then on", () => {
  const box = new Box(hall("...."));
  expect(box.ask("admin", { type: "amend", rules: RULES })).toEqual({ type: "done" });
  expect(box.events).toHaveLength(1);
  box.ask("admin", { type: "amend", rules: { ...RULES, salesEndAt: START } });
  expect(box.ask("ann", { type: "hold", seats: [0] })).toMatchObject({ code: "SALE_CLOSED" });
  expect(box.ask("admin", { type: "amend", rules: { ...RULES, salesEndAt: -1 } })).toMatchObject({
    code: "BAD_MESSAGE",
  });
});

test("rules that only a later version knows are not taken, rather than lost", () => {
  const later = { ...RULES, seatsAtDoor: 3 };
  const box = new Box(hall("...."));
  expect(box.ask("admin", { type: "amend", rules: later })).toMatchObject({ code: "UNAVAILABLE" });
  expect(box.ask("admin", open(hall("...."), later))).toMatchObject({ code: "UNAVAILABLE" });
  const command = { ...open(hall("...."), later), showtime: SHOWTIME, holder: holder("admin"), rid: "r1" as never };
  expect(decide(undefined, command as never, START, LIMITS)).toMatchObject({ refusal: { code: "UNAVAILABLE" } });
});

test("amended rules that come after newer ones change nothing, whether they are amended or opened again", () => {
  const box = new Box(hall("...."));
  box.ask("admin", { type: "amend", rules: { ...RULES, version: 3 } });
  const late = { ...RULES, salesEndAt: START, version: 2 };
  expect(box.ask("admin", { type: "amend", rules: late })).toEqual({ type: "done" });
  expect(box.ask("admin", open(hall("...."), late))).toEqual({ type: "done" });
  expect(box.events).toHaveLength(2);
  expect(box.ask("ann", { type: "hold", seats: [0] })).toMatchObject({ type: "held" });
  box.ask("admin", { type: "amend", rules: { ...late, version: 4 } });
  expect(box.ask("ann", { type: "hold", seats: [1] })).toMatchObject({ code: "SALE_CLOSED" });
  expect(box.ask("admin", { type: "amend", rules: { ...RULES, version: 0.5 } })).toMatchObject({ code: "BAD_MESSAGE" });
});

test("closing twice changes nothing the second time", () => {
  const box = new Box(hall("...."));
  box.ask("admin", { type: "close" });
  expect(box.ask("admin", { type: "close" })).toEqual({ type: "done" });
  expect(box.events).toHaveLength(2);
});

test("blocking names seats that are not there, and passes over what is blocked already", () => {
  const box = new Box(hall("...."));
  expect(box.ask("admin", { type: "block", seats: [4] })).toMatchObject({ code: "NOT_FOUND", seats: [4] });
  box.ask("admin", { type: "block", seats: [0] });
  box.ask("admin", { type: "block", seats: [0, 1] });
  expect(box.events.at(-1)).toMatchObject({ type: "blocked", seats: [1] });
  expect(box.ask("admin", { type: "block", seats: [0, 1] })).toEqual({ type: "done" });
  expect(box.look).toBe("xx..");
});

test("the operator's limits change by an event, and only when they differ", () => {
  const box = new Box(hall("...."));
  expect(limit(box.state, { ...LIMITS }, box.now)).toBeUndefined();
  const limited = limit(box.state, { ...LIMITS, maxSeatsPerHolder: 1 }, box.now);
  if (limited === undefined) throw new Error("the limits differ");
  box.record(limited);
  expect(box.ask("ann", { type: "hold", seats: [0, 1] })).toMatchObject({ code: "LIMIT_REACHED" });
});

describe("the same request again", () => {
  test("gets literally the first answer, even later and after the hold is gone", () => {
    const box = new Box();
    const first = box.ask("ann", { type: "hold", seats: [0] }, "r");
    box.now += 1_000;
    box.ask("ann", { type: "release", hold: holdOf(1) });
    expect(box.ask("ann", { type: "hold", seats: [0] }, "r")).toEqual(first);
    expect(box.look).toBe("........");
  });

  test("is the holder's own: another's request of the same id is another", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] }, "r");
    expect(box.ask("bob", { type: "hold", seats: [0] }, "r")).toMatchObject({ code: "SEAT_TAKEN" });
  });

  test("every kind of command is answered so", () => {
    const box = new Box();
    const wishes: [string, Wish][] = [
      ["ann", { type: "hold-best", count: 2 }],
      ["ann", { type: "extend", hold: holdOf(1) }],
      ["ann", { type: "pin", hold: holdOf(1), booking: booking("b1") }],
      ["ann", { type: "confirm", hold: holdOf(1), booking: booking("b1"), seats: [0, 1], reacquire: false }],
      ["ann", { type: "cancel", booking: booking("b1") }],
      ["admin", { type: "block", seats: [3] }],
      ["admin", { type: "unblock", seats: [3] }],
      ["admin", { type: "amend", rules: { ...RULES, orphan: "lenient" } }],
      ["admin", { type: "close" }],
    ];
    const first = wishes.map(([who, wish], at) => box.ask(who, wish, `again${at}`));
    expect(first.map(({ type }) => type)).not.toContain("refused");
    const events = box.events.length;
    box.now += 60_000;
    expect(wishes.map(([who, wish], at) => box.ask(who, wish, `again${at}`))).toEqual(first);
    expect(box.events).toHaveLength(events);
  });
});
