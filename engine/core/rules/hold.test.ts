import { describe, expect, test } from "vitest";
import { CORE_LIMITS } from "../limits.ts";
import { block, Box, hall, holdOf, START } from "../testing/fixtures.ts";

describe("holding named seats", () => {
  test("holds all of them, until the holder's time is over", () => {
    const box = new Box();
    expect(box.ask("ann", { type: "hold", seats: [2, 1] })).toEqual({
      type: "held",
      hold: "premiere.1",
      seats: [2, 1],
      expiresInMs: 300_000,
    });
    expect(box.look).toBe(".hh.....");
  });

  test("holds none when any is taken or blocked, and names exactly those", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [1, 2] });
    box.ask("admin", { type: "block", seats: [4] });
    expect(box.ask("bob", { type: "hold", seats: [0, 1, 2, 3, 4] })).toMatchObject({
      code: "SEAT_TAKEN",
      seats: [1, 2, 4],
    });
    expect(box.look).toBe(".hh.x...");
  });

  test("the holder's own held seats are taken too", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [1] });
    expect(box.ask("ann", { type: "hold", seats: [1] })).toMatchObject({ code: "SEAT_TAKEN", seats: [1] });
  });

  test.each([[[]], [[1, 1]], [[...Array(20).keys(), 3]]])("%j is no list of seats", (seats) => {
    expect(new Box().ask("ann", { type: "hold", seats })).toMatchObject({ code: "BAD_MESSAGE" });
  });

  test("names the seats that are not there", () => {
    expect(new Box().ask("ann", { type: "hold", seats: [-1, 0, 1.5, 8, 2 ** 40] })).toMatchObject({
      code: "NOT_FOUND",
      seats: [-1, 1.5, 8, 2 ** 40],
    });
  });

  test("counts held and booked seats of the holder against the limit, and lets go of them when they are free again", () => {
    const box = new Box(hall("........"), {}, { maxSeatsPerHolder: 4 });
    box.ask("ann", { type: "hold", seats: [0, 1] });
    box.ask("ann", { type: "confirm", hold: holdOf(1), booking: "b1" as never, seats: [0, 1], reacquire: false });
    box.ask("ann", { type: "hold", seats: [2] });
    expect(box.ask("ann", { type: "hold", seats: [3, 4] })).toMatchObject({ code: "LIMIT_REACHED" });
    expect(box.ask("ann", { type: "hold-best", count: 2 })).toMatchObject({ code: "LIMIT_REACHED" });
    box.ask("ann", { type: "release", hold: holdOf(2) });
    expect(box.ask("ann", { type: "hold", seats: [3, 4] })).toMatchObject({ type: "held" });
  });

  test("at a desk counts only what is held now: what it sold went to customers before", () => {
    const box = new Box(hall("........"), {}, { maxSeatsPerHolder: 2 });
    box.ask("kiosk", { type: "hold", seats: [0, 1], desk: true });
    box.ask("kiosk", { type: "confirm", hold: holdOf(1), booking: "b1" as never, seats: [0, 1], reacquire: false });
    expect(box.ask("kiosk", { type: "hold", seats: [2, 3], desk: true })).toMatchObject({ type: "held" });
    expect(box.ask("kiosk", { type: "hold-best", count: 1, desk: true })).toMatchObject({ code: "LIMIT_REACHED" });
    expect(box.ask("kiosk", { type: "hold", seats: [4] })).toMatchObject({ code: "LIMIT_REACHED" });
  });

  test("a refusal is for the first reason in the order: sale, seats, limit, taken", () => {
    const box = new Box(hall("............"));
    box.ask("ann", { type: "hold", seats: [0] });
    const nine = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    expect(box.ask("bob", { type: "hold", seats: [...nine, 99] })).toMatchObject({ code: "NOT_FOUND", seats: [99] });
    expect(box.ask("bob", { type: "hold", seats: nine })).toMatchObject({ code: "LIMIT_REACHED" });
    expect(box.ask("bob", { type: "hold", seats: [0] })).toMatchObject({ code: "SEAT_TAKEN" });
    box.ask("admin", { type: "close" });
    expect(box.ask("bob", { type: "hold", seats: [99] })).toMatchObject({ code: "SALE_CLOSED" });
  });

  test("only while the sale lasts", () => {
    const box = new Box(hall("...."), { salesStartAt: START + 10, salesEndAt: START + 20 });
    const hold = { type: "hold", seats: [0] } as const;
    expect(box.ask("ann", hold)).toMatchObject({ code: "SALE_CLOSED" });
    box.now = START + 10;
    expect(box.ask("ann", hold)).toMatchObject({ type: "held" });
    box.now = START + 20;
    expect(box.ask("bob", { type: "hold", seats: [1] })).toMatchObject({ code: "SALE_CLOSED" });
    expect(box.ask("bob", { type: "hold-best", count: 1 })).toMatchObject({ code: "SALE_CLOSED" });
  });
});

describe("releasing", () => {
  test("gives back all seats, or some", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0, 1, 2] });
    expect(box.ask("ann", { type: "release", hold: holdOf(1), seats: [1] })).toEqual({
      type: "released",
      hold: "premiere.1",
    });
    expect(box.look).toBe("h.h.....");
    box.ask("ann", { type: "release", hold: holdOf(1) });
    expect(box.look).toBe("........");
    expect(box.ask("ann", { type: "release", hold: holdOf(1) })).toMatchObject({ code: "HOLD_NOT_FOUND" });
  });

  test("names the seats that are not of the hold", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0, 1] });
    box.ask("ann", { type: "hold", seats: [2] });
    const release = { type: "release", hold: holdOf(1) } as const;
    expect(box.ask("ann", { ...release, seats: [1, 2, 3] })).toMatchObject({ code: "NOT_FOUND", seats: [2, 3] });
    expect(box.ask("ann", { ...release, seats: [] })).toMatchObject({ code: "BAD_MESSAGE" });
    expect(box.look).toBe("hhh.....");
  });

  test("somebody else's hold looks like none, and so does a name that none has", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    expect(box.ask("bob", { type: "release", hold: holdOf(1) })).toMatchObject({ code: "HOLD_NOT_FOUND" });
    for (const hold of ["premiere.01", "premiere.", "premiere", "premiere.1!", "premiers.1", "premiere.zzzzzzzzzzz"]) {
      expect(box.ask("ann", { type: "release", hold: hold as never })).toMatchObject({ code: "HOLD_NOT_FOUND" });
    }
    expect(box.look).toBe("h.......");
  });

  test("a hold that is being paid for stays", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.ask("ann", { type: "pin", hold: holdOf(1), booking: "b1" as never });
    expect(box.ask("ann", { type: "release", hold: holdOf(1) })).toMatchObject({ code: "HOLD_PINNED" });
    expect(box.ask("ann", { type: "extend", hold: holdOf(1) })).toMatchObject({ code: "HOLD_PINNED" });
  });

  test("a hold whose time is over is expired, whether that was decided yet or not", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    box.now += 300_000;
    expect(box.ask("ann", { type: "release", hold: holdOf(1) })).toMatchObject({ code: "HOLD_EXPIRED" });
    expect(box.expireDue()).toEqual([1]);
    expect(box.ask("ann", { type: "release", hold: holdOf(1) })).toMatchObject({ code: "HOLD_EXPIRED" });
    expect(box.ask("bob", { type: "release", hold: holdOf(1) })).toMatchObject({ code: "HOLD_NOT_FOUND" });
  });
});

describe("what is remembered has a bound", () => {
  test("holders without seats are forgotten once their clock has run out", () => {
    const box = new Box(block(1, 10));
    for (let at = 0; at < 100; at++) {
      box.ask(`guest${at}`, { type: "hold", seats: [0] });
      box.ask(`guest${at}`, { type: "release", hold: holdOf(at + 1) });
    }
    expect(box.state.holders.size).toBe(100);
    box.now += 300_000;
    for (let at = 0; at < 60; at++) box.ask("admin", { type: at % 2 === 0 ? "block" : "unblock", seats: [1] });
    expect(box.state.holders.size).toBe(0);
  });

  test("the oldest expired holds are forgotten", () => {
    const box = new Box(block(1, 1), { salesEndAt: START * 2 });
    for (let at = 0; at <= CORE_LIMITS.expiredHoldsMax; at++) {
      box.ask("ann", { type: "hold", seats: [0] });
      box.now += 300_000;
      box.expireDue();
    }
    expect(box.ask("ann", { type: "release", hold: holdOf(1) })).toMatchObject({ code: "HOLD_NOT_FOUND" });
    expect(box.ask("ann", { type: "release", hold: holdOf(2) })).toMatchObject({ code: "HOLD_EXPIRED" });
  });
});
