import { expect, it, vi } from "vitest";
import { formatDay, formatTime, formatWhen } from "./format.ts";

// Formats are the browser's.
vi.hoisted(() => vi.stubGlobal("navigator", { language: "en-US" }));

const STARTS_AT = "2031-05-02T02:30:00Z";
/** Blanks are of other kinds in other versions. */
const plain = (text: string): string => text.replaceAll(/\s/g, " ");

it("times are those of the cinema", () => {
  expect(plain(formatTime(STARTS_AT, "Europe/Berlin"))).toBe("4:30 AM");
  expect(plain(formatDay(STARTS_AT, "Europe/Berlin"))).toBe("Fri, May 2");
  expect(plain(formatWhen(STARTS_AT, "America/New_York"))).toBe("Thu, May 1, 10:30 PM");
});

it("times in a zone that the browser does not know are UTC's, and say so", () => {
  expect(plain(formatTime(STARTS_AT, "Mars/Olympus"))).toBe("2:30 AM UTC");
  expect(plain(formatDay(STARTS_AT, "Mars/Olympus"))).toBe("Fri, May 2, UTC");
});
