import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bookingId, holderId, holdIdOf, isPlainId, parseHoldId, showtimeId } from "./ids.ts";

const plain = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/);

describe("an id", () => {
  it("is 1 to 64 letters, digits, _ and -, safe in a URL and in a bus subject", () => {
    fc.assert(
      fc.property(plain, (text) => isPlainId(text) && encodeURIComponent(text) === text && !/[.*>]/.test(text)),
    );
    for (const text of ["", "a b", "a.b", "é", "a\n", "*", ">", "../a", "x".repeat(65)])
      expect(isPlainId(text)).toBe(false);
  });

  it("is minted only of such a text", () => {
    for (const mint of [showtimeId, bookingId, holderId]) {
      expect(mint("a-1_B")).toBe("a-1_B");
      expect(() => mint("a.b")).toThrow(TypeError);
      expect(() => mint("x".repeat(5000))).toThrow(/^.{0,120}$/);
    }
  });
});

describe("a hold id", () => {
  it("gives back the showtime and the number that it was made of", () => {
    fc.assert(
      fc.property(plain.map(showtimeId), fc.maxSafeNat(), (showtime, number) => {
        expect(parseHoldId(holdIdOf(showtime, number))).toStrictEqual({
          id: holdIdOf(showtime, number),
          showtime,
          number,
        });
      }),
    );
  });

  it("is one text for one hold: whatever parses is what would be made again", () => {
    const nearly = fc.stringMatching(/^[A-Za-z0-9_.-]{0,70}\.[0-9a-zA-Z]{0,13}$/);
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string()), (text) => {
        const parsed = parseHoldId(text);
        if (parsed !== undefined) expect(holdIdOf(parsed.showtime, parsed.number)).toBe(text);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    "",
    ".",
    "a",
    "a.",
    ".1",
    "a.01",
    "a.A",
    "a.1.1",
    "a.-1",
    "a.1 ",
    "a b.1",
    "a.zzzzzzzzzzz",
    `${"x".repeat(65)}.1`,
  ])("is not %j", (text) => {
    expect(parseHoldId(text)).toBeUndefined();
  });
});
