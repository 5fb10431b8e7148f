import { beforeEach, expect, it, vi } from "vitest";
import { formatDay, formatTime, formatWhen } from "./format.ts";

// Formats are the browser's.
vi.hoisted(() => vi.stubGlobal("navigator", { language: "en-US" }));

const STARTS_AT = "2031-05-02T02:30:00Z";
/** The zone and the year of the reader are Berlin's and the show's, unless a test says otherwise. */
beforeEach(() => {
  vi.stubEnv("TZ", "Europe/Berlin");
  vi.setSystemTime("2031-01-01T12:00:00Z");
  return () => {
    vi.unstubAllEnvs();
    vi.useRealTimers();
  };
});
/** Blanks are of other kinds in other versions. */
const plain = (text: string): string => text.replaceAll(/\s/g, " ");

it("times are those of the cinema", () => {
  expect(plain(formatTime(STARTS_AT, "Europe/Berlin"))).toBe("4:30 AM");
  expect(plain(formatDay(STARTS_AT, "Europe/Berlin"))).toBe("Fri, May 2");
});

it("times in a zone that the browser does not know are UTC's, and say so", () => {
  expect(plain(formatTime(STARTS_AT, "Mars/Olympus"))).toBe("2:30 AM UTC");
  expect(plain(formatDay(STARTS_AT, "Mars/Olympus"))).toBe("Fri, May 2, UTC");
});

it("whoever is elsewhere is told whose clocks a time is by, and nobody whose clocks show the same", () => {
  expect(plain(formatWhen(STARTS_AT, "America/New_York"))).toBe("Thu, May 1, 10:30 PM EDT");
  vi.stubEnv("TZ", "Asia/Tokyo");
  expect(plain(formatWhen(STARTS_AT, "Europe/Berlin"))).toBe("Fri, May 2, 4:30 AM GMT+2");
  // Of another name, and at that instant the same.
  vi.stubEnv("TZ", "Africa/Johannesburg");
  expect(plain(formatWhen(STARTS_AT, "Europe/Berlin"))).toBe("Fri, May 2, 4:30 AM");
});

it("a day of another year says so, by the cinema's calendar", () => {
  const newYear = "2031-12-31T23:30:00Z";
  expect(plain(formatDay(newYear, "Europe/Berlin"))).toBe("Thu, Jan 1, 2032");
  expect(plain(formatDay(newYear, "America/New_York"))).toBe("Wed, Dec 31");
});

it.each(["en-US@posix", "C", ""])(
  "a browser whose language is %o, which is no tag, shows times and prices",
  async (language) => {
    vi.stubGlobal("navigator", { language });
    vi.resetModules();
    const format = await import("./format.ts");
    expect(format.formatDay(STARTS_AT, "Europe/Berlin")).toMatch(/2/);
    expect(format.formatMoney({ amount: 1250, currency: "EUR" })).toMatch(/12[.,]50/);
    vi.stubGlobal("navigator", { language: "en-US" });
  },
);
