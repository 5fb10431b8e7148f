import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { isOnSale, saleWords } from "./sale-words.ts";

// Formats are the browser's.
vi.hoisted(() => vi.stubGlobal("navigator", { language: "en" }));

const TIMES = { salesStartAt: "2031-05-01T08:00:00Z", salesEndAt: "2031-05-03T18:00:00Z", timeZone: "Europe/Berlin" };
// Its reader is there.
beforeAll(() => void vi.stubEnv("TZ", TIMES.timeZone));
afterAll(() => void vi.unstubAllEnvs());

const [BEFORE, WHILE, AFTER] = ["2031-05-01T07:59:59Z", "2031-05-01T08:00:00Z", "2031-05-03T18:00:00Z"].map((iso) =>
  Date.parse(iso),
);

test.each([
  ["announced", BEFORE, false, /^On sale from Thu.* May.* 10:00.AM\.$/],
  // The page may not have heard of it yet.
  ["announced", WHILE, true, /^On sale until Sat.* May.* 8:00.PM\.$/],
  ["on-sale", WHILE, true, /^On sale until Sat/],
  // The clock here may be wrong, on either side.
  ["on-sale", BEFORE, true, /^On sale until Sat/],
  ["on-sale", AFTER, true, /^On sale until Sat/],
  ["closed", WHILE, false, /no longer on sale/],
  ["cancelled", WHILE, false, /cancelled/],
] as const)("a showtime that is %s at %d: %s, %s", (status, now = 0, open, words) => {
  expect(isOnSale({ status, ...TIMES }, now)).toBe(open);
  expect(saleWords({ status, ...TIMES }, now)).toMatch(words);
});
