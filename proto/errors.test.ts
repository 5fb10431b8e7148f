import { describe, expect, it } from "vitest";
import { CLOSE_CODES, mayReconnect } from "./close-codes.ts";
import { ERRORS, isErrorCode } from "./errors.ts";

describe("the error catalogue", () => {
  it.each(Object.entries(ERRORS))("says of %s when it comes, with a status of its kind", (code, error) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(error.status).toBeGreaterThanOrEqual(400);
    expect(error.status).toBeLessThan(600);
    expect(error.meaning).toMatch(/^[A-Z].*\.$/);
    expect(isErrorCode(code)).toBe(true);
  });

  it("does not take what every object has for a code", () => {
    for (const text of ["constructor", "__proto__", "toString", "", "bad_message"])
      expect(isErrorCode(text)).toBe(false);
  });

  it("has the codes that clients were promised", () => {
    const promised =
      "BAD_MESSAGE UNAUTHORIZED FORBIDDEN NOT_FOUND SEAT_TAKEN NOT_ENOUGH_SEATS ORPHAN_SEAT LIMIT_REACHED " +
      "HOLD_NOT_FOUND HOLD_EXPIRED SALE_CLOSED RATE_LIMITED BUSY UNAVAILABLE";
    expect(Object.keys(ERRORS)).toEqual(expect.arrayContaining(promised.split(" ")));
  });
});

describe("a close code", () => {
  it.each(Object.entries(CLOSE_CODES))(
    "%s fits a close frame and says whether to come back",
    (_name, { code, reason }) => {
      expect(new TextEncoder().encode(reason).length).toBeLessThanOrEqual(123);
      expect(reason.startsWith("reconnect")).toBe(code >= 4000 && code < 4500);
      if (code >= 4000) expect(mayReconnect(code)).toBe(code < 4500);
    },
  );

  it("that the network made means: come back; one for bad behaviour means: do not", () => {
    expect([1001, 1006, 1011, 1012].map(mayReconnect)).toStrictEqual([true, true, true, true]);
    expect([1008, 1009].map(mayReconnect)).toStrictEqual([false, false]);
  });
});
