import { expect, it } from "vitest";
import { formatWhen } from "./when.ts";

it.each([
  ["en", "America/New_York", "Saturday, November 28, 2026 at 01:30 PM EST"],
  ["de", "Europe/Berlin", "Samstag, 28. November 2026 um 19:30 MEZ"],
])("in %s an instant is written by the clocks of %s: %s", (locale, timeZone, text) => {
  expect(formatWhen("2026-11-28T18:30:00.000Z", timeZone, locale).replaceAll(/\s/g, " ")).toBe(text);
});

it.each([
  ["en", "Sunday, October 25, 2026 at 02:30 AM GMT+2", "Sunday, October 25, 2026 at 02:30 AM GMT+1"],
  ["de", "Sonntag, 25. Oktober 2026 um 02:30 MESZ", "Sonntag, 25. Oktober 2026 um 02:30 MEZ"],
])("in %s the hour that comes twice is told apart", (locale, ...texts) => {
  const written = ["2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z"].map((instant) =>
    formatWhen(instant, "Europe/Berlin", locale).replaceAll(/\s/g, " "),
  );
  expect(written).toEqual(texts);
});
