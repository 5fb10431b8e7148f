import { describe, expect, test } from "vitest";
import { archive, createShowtime, evolve, findHold, limit } from "../index.ts";
import { CORE_LIMITS } from "../limits.ts";
import { Box, booking, bytesOf, holder, holdOf, LIMITS, START, stateOf } from "../testing/fixtures.ts";

const DAY = CORE_LIMITS.archiveAfterMs;
const SALE_END = START + DAY;

/** A showtime with a booking, a day after its sale. */
function over(): Box {
  const box = new Box();
  box.ask("ann", { type: "hold", seats: [0, 1] });
  box.ask("ann", { type: "confirm", hold: holdOf(1), booking: booking("b1"), seats: [0, 1], reacquire: false });
  box.now = SALE_END + DAY;
  return box;
}

function archived(): Box {
  const box = over();
  const event = archive(box.state, box.now);
  if (event !== undefined) box.record(event);
  return box;
}

describe("archiving", () => {
  test("comes a day after the end of the sale, closed or not, and only once", () => {
    const box = over();
    expect(archive(box.state, box.now - 1)).toBeUndefined();
    expect(archive(box.state, box.now)).toEqual({ type: "archived", at: box.now });
    box.ask("admin", { type: "close" });
    expect(archive(box.state, box.now)).toEqual({ type: "archived", at: box.now });
    expect(archive(archived().state, box.now + DAY)).toBeUndefined();
    expect(archive(createShowtime(box.state.id), box.now)).toBeUndefined();
  });

  test("waits for the show where the sale ended before, so that it can be prolonged", () => {
    const box = new Box(undefined, { showEndsAt: SALE_END + 10 * DAY });
    box.now = SALE_END + 11 * DAY - 1;
    expect(archive(box.state, box.now)).toBeUndefined();
    const salesEndAt = SALE_END + 12 * DAY;
    expect(box.ask("admin", { type: "amend", rules: { ...box.state.rules, salesEndAt } })).toEqual({ type: "done" });
    expect(archive(stateOf(bytesOf(box.state)), salesEndAt + DAY - 1)).toBeUndefined();
    expect(archive(box.state, salesEndAt + DAY)).toMatchObject({ type: "archived" });
  });

  test("waits for whoever still pays", () => {
    const box = new Box();
    box.now = SALE_END - 1;
    box.ask("ann", { type: "hold", seats: [0] });
    box.ask("ann", { type: "pin", hold: holdOf(1), booking: booking("b1") });
    expect(archive(box.state, SALE_END + DAY)).toBeUndefined();
  });

  test("forgets the hall and keeps the showtime's place in its stream", () => {
    const box = archived();
    expect(box.state).toMatchObject({ phase: "archived", seq: 4, at: box.now });
    expect(box.state.status).toHaveLength(0);
    expect(box.state.bookings.size).toBe(0);
    expect(bytesOf(box.state).length).toBeLessThan(40);
  });

  test("is the same from events and from a snapshot", () => {
    const box = archived();
    const replayed = createShowtime(box.state.id);
    for (const event of box.events) evolve(replayed, event);
    expect(bytesOf(replayed)).toEqual(bytesOf(box.state));
    expect(bytesOf(stateOf(bytesOf(box.state)))).toEqual(bytesOf(box.state));
  });

  test("is for good: nothing is sold, confirmed or opened any more", () => {
    const box = archived();
    const plan = { ...over().state.plan };
    for (const wish of [
      { type: "hold", seats: [0] },
      { type: "open", plan, rules: over().state.rules },
      { type: "confirm", hold: holdOf(1), booking: booking("b2"), seats: [2], reacquire: true },
      { type: "cancel", booking: booking("b1") },
    ] as const) {
      expect(box.ask("ann", wish)).toMatchObject({ type: "refused", code: "SALE_CLOSED" });
    }
    expect(findHold(box.state, holder("ann"), holdOf(1), box.now)).toMatchObject({ code: "HOLD_NOT_FOUND" });
    expect(limit(box.state, { ...LIMITS, holdTtlMs: 1 }, box.now)).toBeUndefined();
    expect(() => box.record({ type: "archived", at: box.now })).toThrow("no events any more");
  });
});
