import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checksumOf, CorruptBytes } from "../../proto/index.ts";
import { BrokenInvariant, createShowtime, decide, decodeState, encodeState, evolve } from "./index.ts";
import { CORE_LIMITS } from "./limits.ts";
import { block, booking, Box, bytesOf, commandOf, holdOf, LIMITS, SHOWTIME, stateOf } from "./testing/fixtures.ts";

/** `later()` in format 1, which had each answer as an event. What was written once is read for ever: these bytes never change. */
const FORMAT_1 =
  "AQhwcmVtaWVyZQEPwKSuw7E0AQZtaWRkbGUAAAAAAIBGQAAAAAAAAC5AKAAAAAAAAAAAAAACAAAAAAAAAAAAAgAAAAAAAAAAAAIAAAAAAAAAAAAAFBQUFB" +
  "QUFBQUswEUFBQUFBQUFBSzARQUFBQUFBQUFLMBFBQUFBQUFBQUAAAAAAAAAAAAABQAAAAAAAAAAAAUAAAAAAAAAAAAFAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgKDxwrE0gNiK7LE0AADgpxKg9z" +
  "bAmgwIAgcDAAI6AgIDY2VtAYCg8cKxNODHg8OxNAADYW5uAcCkrsOxNKDMwMOxNAABBgNhbm4BAQoAAQJiMgMDY2VtATwDAQNhbm4CA2JvYgUDZXZlAQJi" +
  "MwNkYW4GCQWAoPHCsTQDYm9iAnI0AgJiMcC6/cKxNAIcAgGAoPHCsTQDY2VtAnI1A+DHg8OxNAI8AgaAoPHCsTQDY2VtAnI2AwJiMgI8AgiAoPHCsTQDY2" +
  "VtAnI3AmIyAT4HgKDxwrE0A2RhbgJyOAJiMwESCICg8cKxNANkYW4CcjkCYjMBEgqAoPHCsTQFYWRtaW4DcjEwAwACOgGAoPHCsTQDZXZlePCfjqzDvPCf" +
  "jqzDvPCfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvP" +
  "CfjqzDvPCfjqzDvPCfjqzDvPCfjqzDvAXgx4PDsTQBTgHApK7DsTQDYW5uA3IxMQagzMDDsTQBCpPm/NkO";

/** `later()` in format 2, its sale closed. Nor do these. */
const FORMAT_2 =
  "AghwcmVtaWVyZQIQwKSuw7E0AQZtaWRkbGUAAAAAAIBGQAAAAAAAAC5AKAAAAAAAAAAAAAACAAAAAAAAAAAAAgAAAAAAAAAAAAIAAAAAAAAAAAAAFBQUFB" +
  "QUFBQUswEUFBQUFBQUFBSzARQUFBQUFBQUFLMBFBQUFBQUFBQUAAAAAAAAAAAAABQAAAAAAAAAAAAUAAAAAAAAAAAAFAAAAAAAAAAAAAAAAAAAAAAAAAAA" +
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAgKDxwrE0gNiK7LE0AADgpxKg9z" +
  "bAmgwIAgcDAAI6AgIDY2VtAYCg8cKxNODHg8OxNAADYW5uAcCkrsOxNKDMwMOxNAABBgNhbm4BAQoAAQJiMgMDY2VtATwDAQNhbm4CA2JvYgUDZXZlAQJi" +
  "MwNkYW4GBQNjZW0DZGFuBWFkbWluA2V2ZQNhbm4IAQaAoPHCsTQDY2VtAnI2AwJiMgI8AgEIgKDxwrE0A2NlbQJyNwJiMgE+AQeAoPHCsTQDZGFuAnI4Am" +
  "IzARIBCICg8cKxNANkYW4CcjkCYjMBEgEKgKDxwrE0BWFkbWluA3IxMAMAAjoCAwAF4MeDw7E0PLywA6y/A/wBvLADrL8D/AG8sAOsvwP8AbywA6y/A/wB" +
  "vLADrL8D/AG8sAOsvwP8AbywA6y/A/wBvLADrL8D/AG8sAOsvwP8AbywA6y/A/wBvLADrL8D/AG8sAOsvwP8AbywA6y/A/wBvLADrL8D/AG8sAOsvwP8Ab" +
  "ywA6y/A/wBvLADrL8D/AG8sAOsvwP8AbywA6y/A/wBvLADrL8D/AEBJwIEwIQ9BqDMwMOxNANyMTEBBQEPwKSuw7E0BWFkbWluA3IxNJPm/NkO";

/** A box with something of everything in it. */
function busy(): Box {
  const box = new Box(block(4, 10));
  box.ask("ann", { type: "hold", seats: [3, 1, 2] });
  box.ask("bob", { type: "hold-best", count: 2 });
  box.ask("bob", { type: "pin", hold: holdOf(2), booking: booking("b1") });
  box.ask("cem", { type: "hold", seats: [30, 31] });
  box.ask("cem", { type: "confirm", hold: holdOf(3), booking: booking("b2"), seats: [30, 31], reacquire: false });
  box.ask("cem", { type: "cancel", booking: booking("b2"), seats: [31] });
  box.ask("dan", { type: "confirm", hold: holdOf(99), booking: booking("b3"), seats: [9], reacquire: true });
  box.ask("dan", { type: "cancel", booking: booking("b3") });
  box.ask("admin", { type: "block", seats: [0, 1, 30] });
  box.ask("eve", { type: "hold", seats: [39] }, "🎬ü".repeat(20));
  box.now += 1_000_000;
  box.expireDue();
  box.ask("ann", { type: "hold", seats: [5] });
  return box;
}

/** `busy()`, after which ann extended her last hold and gave back its one seat. */
function later(): Box {
  const box = busy();
  box.ask("ann", { type: "extend", hold: holdOf(5) });
  box.ask("ann", { type: "release", hold: holdOf(5), seats: [5] });
  return box;
}

describe("a showtime as bytes", () => {
  test("reads as what was written", () => {
    for (const state of [busy().state, new Box().state, createShowtime(SHOWTIME)]) {
      const read = stateOf(bytesOf(state));
      expect(bytesOf(read)).toEqual(bytesOf(state));
      expect(read.status).toEqual(state.status);
      expect(read.checksum).toBe(checksumOf(state.status));
      expect([...read.available]).toEqual([...state.available]);
      expect([...read.owner]).toEqual([...state.owner]);
    }
  });

  describe("that never change (add a format):", () => {
    test("reads as it was written in format 1", () => {
      expect(bytesOf(stateOf(Buffer.from(FORMAT_1, "base64")))).toEqual(bytesOf(later().state));
    });

    test("reads as it was written in format 2", () => {
      const box = later();
      box.ask("admin", { type: "close" });
      expect(bytesOf(stateOf(Buffer.from(FORMAT_2, "base64")))).toEqual(bytesOf(box.state));
    });
  });

  test("goes on as if it had never been bytes, with answers older than they are kept for", () => {
    const box = new Box(block(1, 10));
    for (let at = 0; at < 300; at++) box.ask("admin", { type: at % 2 === 0 ? "block" : "unblock", seats: [0] });
    box.now += CORE_LIMITS.answerAgeMs + 1;
    box.ask("ann", { type: "hold", seats: [1] });
    const read = stateOf(bytesOf(box.state));
    const before = box.events.length;
    for (let at = 0; at < 500; at++) box.ask("admin", { type: at % 2 === 0 ? "block" : "unblock", seats: [0] });
    for (const event of box.events.slice(before)) evolve(read, event);
    expect(bytesOf(read)).toEqual(bytesOf(box.state));
    expect(read.answers.size).toBeLessThan(600);
  });

  test("is written and read in steps, however much it remembers", () => {
    const box = new Box(block(1, 10));
    for (let at = 0; at < 5_000; at++) box.ask("admin", { type: at % 2 === 0 ? "block" : "unblock", seats: [0] });
    const inFull = Math.floor(5_000 / 4_096);
    expect([...encodeState(box.state)].length).toBe(inFull);
    expect([...decodeState(bytesOf(box.state))].length).toBe(inFull);
  });

  test("is read in steps, however many have booked and cancelled", () => {
    const box = new Box(block(2, 600));
    for (let seat = 0; seat < 1_100; seat++) {
      const [holder, hold] = [`holder-${seat}`, holdOf(box.state.nextNumber)];
      box.ask(holder, { type: "hold", seats: [seat] });
      box.ask(holder, { type: "confirm", hold, booking: booking(`b${seat}`), seats: [seat], reacquire: false });
    }
    const steps = (): number => [...decodeState(bytesOf(box.state))].length;
    expect(steps()).toBe(2); // Holders, and bookings.
    for (let seat = 0; seat < 1_100; seat++)
      box.ask(`holder-${seat}`, { type: "cancel", booking: booking(`b${seat}`) });
    expect(box.state.bookings.size).toBe(0);
    expect(steps()).toBeGreaterThanOrEqual(1); // What was cancelled.
  });

  test("forgets nothing that a holder has used up", () => {
    const box = new Box();
    box.ask("ann", { type: "hold", seats: [0] });
    for (const extensionsLeft of [1, 0]) {
      box.ask("ann", { type: "extend", hold: holdOf(1) });
      const next = decide(
        stateOf(bytesOf(box.state)),
        commandOf("ann", { type: "extend", hold: holdOf(1) }, "r"),
        box.now,
        LIMITS,
      );
      expect(next.kind).toBe(extensionsLeft > 0 ? "event" : "refused");
    }
  });

  test("whatever bytes come, a state or a clear error comes out, quickly", () => {
    const bytes = bytesOf(busy().state);
    const flips = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(flips, fc.option(fc.nat(bytes.length)), (changes, length) => {
        const damaged = bytes.slice(0, length ?? bytes.length);
        for (const [at, value] of changes) if (at < damaged.length) damaged[at] = value;
        try {
          stateOf(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptBytes);
        }
      }),
      { numRuns: 3_000 },
    );
    expect(() => stateOf(new Uint8Array(0))).toThrow(CorruptBytes);
    expect(() => stateOf(Uint8Array.from([...bytes, 0]))).toThrow("left over");
    expect(() => stateOf(Uint8Array.of(99))).toThrow("format 99");
  });
});

describe("events that were never decided", () => {
  const asked = { holder: "ann" as never, rid: "r" as never };
  test.each([
    { type: "held", hold: 2, seats: [0], deadline: 9e12, ...asked },
    { type: "held", hold: 99, seats: [20], deadline: 9e12, ...asked },
    { type: "released", hold: 1, seats: [39], ...asked },
    { type: "expired", hold: 77, holder: "ann" as never, seats: [] },
    { type: "confirmed", booking: booking("b9"), seats: [5], ...asked },
    { type: "cancelled", booking: booking("b9"), seats: [5], ...asked },
    { type: "unblocked", seats: [20], ...asked },
    { type: "resumed", pausedMs: 1, at: 0 },
    { type: "archived" },
  ] as const)("%j breaks an invariant", (event) => {
    const box = busy();
    expect(() => evolve(box.state, { at: box.now, ...event })).toThrow(BrokenInvariant);
  });
});
