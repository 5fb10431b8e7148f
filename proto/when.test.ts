import { expect, it } from "vitest";
import { formatWhen } from "./when.ts";

it.each([
  ["en", "America/New_York", "Saturday, November 28, 2026 at 01:30 PM"],
  ["de", "Europe/Berlin", "Samstag, 28. November 2026 um 19:30"],
])("in %s an instant is written by the clocks of %s: %s", (locale, timeZone, text) => {
  expect(formatWhen("2026-11-28T18:30:00.000Z", timeZone, locale).replaceAll(/\s/g, " ")).toBe(text);
});
