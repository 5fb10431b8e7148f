import { describe, expect, test } from "vitest";
import type { HoldId } from "../../../proto/index.ts";
import { CORE_LIMITS } from "../limits.ts";
import { booking, Box, hall, holdOf, LIMITS, START, type Wish } from "../testing/fixtures.ts";

const confirm = (hold: HoldId, id: string, seats: number[], reacquire = false): Wish => ({
  type: "confirm",
  hold,
  booking: booking(id),
  seats,
  reacquire,
});
const pin = (hold: HoldId, id: string): Wish => ({ type: "pin", hold, booking: booking(id) });
const cancel = (id: string, seats?: number[]): Wish => ({
  type: "cancel",
  booking: booking(id),
  ...(seats && { seats }),
});

function held(...seats: number[]): Box {
  const box = new Box();
  box.ask("ann", { type: "hold", seats });
  return box;
}

describe("confirming", () => {
  test("books the seats of a live hold, pinned or not", () => {
    const box = held(0, 1);
    expect(box.ask("ann", confirm(holdOf(1), "b1", [1, 0]))).toEqual({
      type: "confirmed",
      booking: "b1",
      seats: [0, 1],
      reacquired: false,
    });
    box.ask("ann", { type: "hold", seats: [2] });
    box.ask("ann", pin(holdOf(2), "b2"));
    expect(box.ask("ann", confirm(holdOf(2), "b2", [2]))).toMatchObject({ type: "confirmed" });
    expect(box.look).toBe("bbb.....");
    expect(box.ask("ann", { type: "release", hold: holdOf(1) })).toMatchObject({ code: "HOLD_NOT_FOUND" });
  });

  test("is answered the same again, by booking id, with whatever request", () => {
    const box = held(0);
    const first = box.ask("ann", confirm(holdOf(1), "b1", [0]));
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0], true))).toEqual(first);
    expect(box.events.filter(({ type }) => type === "confirmed")).toHaveLength(1);
    expect(box.ask("bob", confirm(holdOf(1), "b1", [0]))).toMatchObject({ code: "CONFLICT" });
  });

  test("a hold pinned for one booking is not another's", () => {
    const box = held(0);
    box.ask("ann", { type: "hold", seats: [1] });
    box.ask("ann", pin(holdOf(1), "b1"));
    expect(box.ask("ann", confirm(holdOf(1), "b2", [0]))).toMatchObject({ code: "HOLD_PINNED" });
    expect(box.ask("ann", confirm(holdOf(2), "b1", [1]))).toMatchObject({ code: "CONFLICT" });
    expect(box.ask("bob", confirm(holdOf(1), "b3", [0]))).toMatchObject({ code: "HOLD_NOT_FOUND" });
  });

  test("the seats must be those of the hold", () => {
    expect(held(0, 1).ask("ann", confirm(holdOf(1), "b1", [0]))).toMatchObject({ code: "CONFLICT", seats: [0, 1] });
  });

  test("too late is too late, unless the seats may be taken again", () => {
    const box = held(0, 1);
    box.now += LIMITS.holdTtlMs;
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0, 1]))).toMatchObject({ code: "HOLD_EXPIRED" });
    box.expireDue();
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0, 1]))).toMatchObject({ code: "HOLD_EXPIRED" });
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0, 1], true))).toMatchObject({
      type: "confirmed",
      reacquired: true,
    });
    expect(box.look).toBe("bb......");
  });

  test("a hold that nobody gave away yet is confirmed as it is", () => {
    const box = held(0, 1);
    box.ask("ann", pin(holdOf(1), "b1"));
    box.now += LIMITS.holdTtlMs;
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0, 1], true))).toMatchObject({
      type: "confirmed",
      reacquired: false,
    });
  });

  test("seats are taken again only if every one is free and none is blocked", () => {
    const box = held(0, 1, 2);
    box.now += LIMITS.holdTtlMs;
    box.expireDue();
    box.ask("bob", { type: "hold", seats: [1] });
    box.ask("admin", { type: "block", seats: [2] });
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0, 1, 2], true))).toMatchObject({
      code: "SEAT_TAKEN",
      seats: [1, 2],
    });
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0, 99], true))).toMatchObject({ code: "NOT_FOUND", seats: [99] });
    expect(box.look).toBe(".hx.....");
  });

  test("once the show is over nothing is booked, whatever time is left, and what was booked is answered the same again", () => {
    const box = new Box(undefined, { salesEndAt: START + 10, showEndsAt: START + 20 });
    for (const seat of [0, 1, 2]) box.ask("ann", { type: "hold", seats: [seat] });
    for (const at of [1, 2, 3]) box.ask("ann", pin(holdOf(at), `b${at}`));
    box.now = START + 19;
    const first = box.ask("ann", confirm(holdOf(1), "b1", [0]), "first");
    expect(first).toMatchObject({ type: "confirmed" });
    box.now = START + 20;
    for (const reacquire of [false, true]) {
      expect(box.ask("ann", confirm(holdOf(2), "b2", [1], reacquire))).toMatchObject({ code: "SALE_CLOSED" });
      expect(box.ask("ann", confirm(holdOf(1), "b1", [0], reacquire))).toEqual(first);
    }
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0]), "first")).toEqual(first);
    box.ask("ann", cancel("b3"));
    expect(box.ask("ann", confirm(holdOf(4), "b4", [2], true))).toMatchObject({ code: "SALE_CLOSED" });
    expect(box.ask("ann", cancel("b2"))).toMatchObject({ type: "cancelled", seats: [1] });
    expect(box.look).toBe("b.......");
  });

  test("a show of which nobody has said when it is over may be booked for a day after its sale", () => {
    const box = new Box(undefined, { salesEndAt: START + 10 });
    box.ask("ann", { type: "hold", seats: [0] });
    box.ask("ann", { type: "hold", seats: [1] });
    box.now = START + 10 + CORE_LIMITS.archiveAfterMs - 1;
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0], true))).toMatchObject({ type: "confirmed" });
    box.now++;
    expect(box.ask("ann", confirm(holdOf(2), "b2", [1], true))).toMatchObject({ code: "SALE_CLOSED" });
  });

  test("after a close what is being paid for is still booked, and nothing else", () => {
    const box = held(0);
    box.ask("ann", { type: "hold", seats: [1] });
    box.ask("ann", pin(holdOf(1), "b1"));
    box.ask("admin", { type: "close" });
    expect(box.ask("ann", confirm(holdOf(2), "b2", [1]))).toMatchObject({ code: "SALE_CLOSED" });
    expect(box.ask("ann", pin(holdOf(2), "b2"))).toMatchObject({ code: "SALE_CLOSED" });
    expect(box.ask("ann", confirm(holdOf(9), "b3", [3], true))).toMatchObject({ code: "SALE_CLOSED" });
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0]))).toMatchObject({ type: "confirmed" });
  });
});

describe("cancelling", () => {
  test("gives back all seats of a booking, or some", () => {
    const box = held(0, 1, 2);
    box.ask("ann", confirm(holdOf(1), "b1", [0, 1, 2]));
    expect(box.ask("admin", cancel("b1", [1]))).toEqual({ type: "cancelled", booking: "b1", seats: [1] });
    expect(box.ask("admin", cancel("b1", [1]))).toMatchObject({ code: "NOT_FOUND", seats: [1] });
    expect(box.ask("admin", cancel("b1"))).toEqual({ type: "cancelled", booking: "b1", seats: [0, 2] });
    expect(box.look).toBe("........");
    expect(box.ask("admin", cancel("b1"))).toEqual({ type: "cancelled", booking: "b1", seats: [] });
  });

  test("a cancelled booking does not come back by a late confirm", () => {
    const box = held(0);
    box.ask("ann", confirm(holdOf(1), "b1", [0]));
    box.ask("ann", cancel("b1"));
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0], true))).toMatchObject({ code: "BOOKING_NOT_FOUND" });
  });

  test("a booking that was cancelled before it was heard of is not confirmed any more", () => {
    const box = held(0);
    expect(box.ask("ann", cancel("b1", [0]))).toMatchObject({ code: "BOOKING_NOT_FOUND" });
    expect(box.ask("ann", cancel("b1"))).toEqual({ type: "cancelled", booking: "b1", seats: [] });
    expect(box.ask("ann", confirm(holdOf(1), "b1", [0], true))).toMatchObject({ code: "BOOKING_NOT_FOUND" });
    expect(box.ask("ann", pin(holdOf(1), "b1"))).toMatchObject({ code: "CONFLICT" });
    expect(box.ask("ann", cancel("b1"))).toEqual({ type: "cancelled", booking: "b1", seats: [] });
    expect(box.ask("ann", confirm(holdOf(1), "b2", [0], true))).toMatchObject({ type: "confirmed" });
  });

  test("a booking that was never confirmed gives back its pinned hold, whole", () => {
    const box = held(0, 1);
    box.ask("ann", pin(holdOf(1), "b1"));
    expect(box.ask("ann", cancel("b1", [0]))).toMatchObject({ code: "HOLD_PINNED" });
    expect(box.ask("ann", cancel("b1"))).toEqual({ type: "cancelled", booking: "b1", seats: [0, 1] });
    expect(box.look).toBe("........");
    expect(box.ask("ann", { type: "hold", seats: [0] })).toMatchObject({ type: "held" });
    expect(box.ask("ann", pin(holdOf(2), "b1"))).toMatchObject({ code: "CONFLICT" });
  });
});

test("a blocked seat shows blocked once it is given back, and free when unblocked", () => {
  const box = new Box(hall("...."));
  box.ask("ann", { type: "hold", seats: [0, 1] });
  box.ask("ann", confirm(holdOf(1), "b1", [0, 1]));
  expect(box.ask("admin", { type: "block", seats: [1, 2] })).toEqual({ type: "done" });
  expect(box.look).toBe("bbx.");
  box.ask("ann", cancel("b1"));
  expect(box.look).toBe(".xx.");
  box.ask("admin", { type: "unblock", seats: [0, 1, 2] });
  expect(box.look).toBe("....");
});
