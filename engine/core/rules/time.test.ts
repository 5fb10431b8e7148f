import { describe, expect, test } from "vitest";
import { createShowtime, deadlines, evolve, expire, limit, resume } from "../index.ts";
import { booking, Box, bytesOf, hall, holdOf, LIMITS, START } from "../testing/fixtures.ts";

const TTL = LIMITS.holdTtlMs;

describe("the hold clock", () => {
  test("starts at the first hold; later holds join it", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.now += 100_000;
    expect(box.ask("ann", { type: "hold", seats: [1] })).toMatchObject({ expiresInMs: 200_000 });
    expect(box.ask("bob", { type: "hold", seats: [2] })).toMatchObject({ expiresInMs: TTL });
  });

  test("is not wound up by releasing and holding again", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.now += 100_000;
    box.ask("ann", { type: "release", hold: holdOf(1) });
    expect(box.ask("ann", { type: "hold", seats: [0] })).toMatchObject({ expiresInMs: 200_000 });
  });

  test("starts anew for the next customer at a desk, once the one before has nothing held", () => {
    const box = new Box();
    box.ask("kiosk", { type: "hold", seats: [0], desk: true });
    box.now += 100_000;
    expect(box.ask("kiosk", { type: "hold", seats: [1], desk: true })).toMatchObject({ expiresInMs: 200_000 });
    box.ask("kiosk", { type: "release", hold: holdOf(1) });
    box.ask("kiosk", { type: "release", hold: holdOf(2) });
    expect(box.ask("kiosk", { type: "hold", seats: [0], desk: true })).toMatchObject({ expiresInMs: TTL });
    const replayed = createShowtime(box.state.id);
    for (const event of box.events) evolve(replayed, event);
    expect(bytesOf(replayed)).toEqual(bytesOf(box.state));
  });

  test("starts anew once it has run out, and the holds of the old one are over", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.now += TTL;
    expect(box.ask("ann", { type: "hold", seats: [1] })).toMatchObject({ expiresInMs: TTL });
    expect(box.ask("ann", { type: "extend", hold: holdOf(1) })).toMatchObject({ code: "HOLD_EXPIRED" });
    expect(box.expireDue()).toEqual([1]);
    expect(box.look).toBe(".h......");
  });

  test("an extension reaches a full time from now, for every hold on the clock", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.ask("ann", { type: "hold", seats: [1] });
    box.now += 200_000;
    expect(box.ask("ann", { type: "extend", hold: holdOf(1) })).toEqual({
      type: "extended",
      hold: "premiere.1",
      expiresInMs: TTL,
    });
    expect([...deadlines(box.state)]).toContainEqual({ hold: 2, deadline: box.now + TTL });
  });

  test("extensions are counted, and never reach past the longest a clock may run", () => {
    const box = new Box(hall("...."), {}, { holdMaxMs: 500_000 });
    box.ask("ann", { type: "hold", seats: [0] });
    box.now += 250_000;
    expect(box.ask("ann", { type: "extend", hold: holdOf(1) })).toMatchObject({ expiresInMs: 250_000 });
    box.now += 10_000;
    expect(box.ask("ann", { type: "extend", hold: holdOf(1) })).toMatchObject({ expiresInMs: 240_000 });
    expect(box.ask("ann", { type: "extend", hold: holdOf(1) })).toMatchObject({ code: "LIMIT_REACHED" });
    box.ask("ann", { type: "release", hold: holdOf(1) });
    box.ask("ann", { type: "hold", seats: [0] });
    expect(box.ask("ann", { type: "extend", hold: holdOf(2) })).toMatchObject({ code: "LIMIT_REACHED" });
  });

  test("an extension takes no time away when the operator has shortened it", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    const limited = limit(box.state, { ...LIMITS, holdTtlMs: 1_000 }, box.now);
    if (limited !== undefined) box.record(limited);
    expect(box.ask("ann", { type: "extend", hold: holdOf(1) })).toMatchObject({ expiresInMs: TTL });
  });

  test("nothing is extended after the sale", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.ask("admin", { type: "close" });
    expect(box.ask("ann", { type: "extend", hold: holdOf(1) })).toMatchObject({ code: "SALE_CLOSED" });
  });
});

describe("pinning", () => {
  test("moves the deadline once to the payment's, later or sooner", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    expect(box.ask("ann", { type: "pin", hold: holdOf(1), booking: booking("b1") })).toEqual({
      type: "pinned",
      hold: "premiere.1",
      booking: "b1",
      seats: [0],
      expiresInMs: LIMITS.paymentTtlMs,
    });
    box.now += 299_000;
    box.ask("bob", { type: "hold", seats: [1] });
    box.now += 299_000;
    expect(box.ask("bob", { type: "pin", hold: holdOf(2), booking: booking("b2") })).toMatchObject({
      expiresInMs: 200_000,
    });
    box.now += 100_000;
    expect(box.ask("bob", { type: "pin", hold: holdOf(2), booking: booking("b2") })).toMatchObject({
      expiresInMs: 100_000,
    });
  });

  test("is for one booking and one hold", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.ask("ann", { type: "hold", seats: [1] });
    box.ask("ann", { type: "pin", hold: holdOf(1), booking: booking("b1") });
    expect(box.ask("ann", { type: "pin", hold: holdOf(1), booking: booking("b2") })).toMatchObject({
      code: "HOLD_PINNED",
    });
    expect(box.ask("ann", { type: "pin", hold: holdOf(2), booking: booking("b1") })).toMatchObject({
      code: "CONFLICT",
    });
    expect(box.ask("bob", { type: "pin", hold: holdOf(2), booking: booking("b3") })).toMatchObject({
      code: "HOLD_NOT_FOUND",
    });
  });

  test("a pinned hold outlives its clock, and ends when nobody pays", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.now += TTL - 1;
    box.ask("ann", { type: "pin", hold: holdOf(1), booking: booking("b1") });
    box.now += 1;
    expect(box.expireDue()).toEqual([]);
    box.now += 199_999;
    expect(box.expireDue()).toEqual([1]);
    expect(box.look).toBe("........");
  });
});

describe("expiry", () => {
  test("comes at the deadline, not before, and once", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0, 1] });
    expect(expire(box.state, 1, box.now + TTL - 1)).toBeUndefined();
    box.now += TTL;
    expect(expire(box.state, 1, box.now)).toEqual({
      type: "expired",
      at: box.now,
      holder: "ann",
      hold: 1,
      seats: [0, 1],
    });
    box.expireDue();
    expect(expire(box.state, 1, box.now)).toBeUndefined();
    expect(box.look).toBe("........");
  });

  test("until it is decided the seats stay taken", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.now += TTL;
    expect(box.ask("bob", { type: "hold", seats: [0] })).toMatchObject({ code: "SEAT_TAKEN", seats: [0] });
  });

  test("every hold is listed with its deadline", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.now += 5;
    box.ask("bob", { type: "hold", seats: [1] });
    expect([...deadlines(box.state)]).toEqual([
      { hold: 1, deadline: START + TTL },
      { hold: 2, deadline: START + TTL + 5 },
    ]);
  });
});

describe("after a pause of the engine", () => {
  test("every hold has what was left of its time", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.ask("bob", { type: "hold", seats: [1] });
    box.ask("bob", { type: "pin", hold: holdOf(2), booking: booking("b1") });
    box.now += 1_000_000;
    const resumed = resume(box.state, 1_000_000, box.now);
    if (resumed === undefined) throw new Error("holds are running");
    box.record(resumed);
    expect(box.expireDue()).toEqual([]);
    expect([...deadlines(box.state)]).toEqual([
      { hold: 1, deadline: box.now + TTL },
      { hold: 2, deadline: box.now + LIMITS.paymentTtlMs },
    ]);
    box.now += 1_000;
    expect(box.ask("ann", { type: "extend", hold: holdOf(1) })).toMatchObject({ expiresInMs: TTL });
    expect(resume(box.state, 0, box.now)).toBeUndefined();
  });

  test("a clock that ran when it began goes on, also of one who holds nothing just then", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.ask("ann", { type: "release", hold: holdOf(1) });
    box.now += TTL - 1;
    box.now += 1_000_000;
    const resumed = resume(box.state, 1_000_000, box.now);
    if (resumed === undefined) throw new Error("a clock ran");
    box.record(resumed);
    expect(box.ask("ann", { type: "hold", seats: [0] })).toMatchObject({ expiresInMs: 1 });
  });

  test("nothing is given back where no clock ran, though seats are booked", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.ask("ann", { type: "confirm", hold: holdOf(1), booking: booking("b1"), seats: [0], reacquire: false });
    box.now += TTL;
    expect(resume(box.state, 1_000_000, box.now + 1_000_000)).toBeUndefined();
    expect(resume(box.state, 1_000_001, box.now + 1_000_000)).toMatchObject({ pausedMs: 1_000_001 });
  });
});
