import { expect, it } from "vitest";
import { dayAfter, dayIn, instantOf, isCalendarDay } from "./local-day.ts";

it.each(["2026-11-21", "2028-02-29", "0001-01-01", "9999-12-31"])("knows the day %s", (day) => {
  expect(isCalendarDay(day)).toBe(true);
});

it.each([
  "2026-02-29",
  "2026-02-30",
  "2026-13-01",
  "2026-00-10",
  "0000-01-01",
  "2026-1-1",
  "21.11.2026",
  "",
  "2026-11-21T10:00",
  "🎬",
])("knows that there is no day %j", (day) => {
  expect(isCalendarDay(day)).toBe(false);
});

it("has the day begin at midnight of the place", () => {
  const beforeMidnight = Date.parse("2026-11-21T22:59:59Z");
  expect(dayIn("Europe/Berlin", beforeMidnight)).toBe("2026-11-21");
  expect(dayIn("Europe/Berlin", beforeMidnight + 1_000)).toBe("2026-11-22");
  expect(dayIn("Pacific/Auckland", beforeMidnight)).toBe("2026-11-22");
});

it.each([
  ["Europe/Berlin", "2026-11-21", "20:15", "2026-11-21T19:15:00.000Z"],
  ["Europe/Berlin", "2026-07-01", "20:15", "2026-07-01T18:15:00.000Z"],
  ["Europe/Lisbon", "2026-11-21", "20:30", "2026-11-21T20:30:00.000Z"],
  ["Europe/Berlin", "2026-10-25", "11:00", "2026-10-25T10:00:00.000Z"],
  ["America/New_York", "2026-03-08", "00:30", "2026-03-08T05:30:00.000Z"],
  ["America/New_York", "2026-03-08", "03:30", "2026-03-08T07:30:00.000Z"],
  ["America/New_York", "2026-11-01", "02:30", "2026-11-01T07:30:00.000Z"],
  ["Asia/Kathmandu", "2026-11-21", "12:00", "2026-11-21T06:15:00.000Z"],
])("finds when clocks in %s show %s %s", (zone, day, time, instant) => {
  expect(new Date(instantOf(zone, day, time)).toISOString()).toBe(instant);
});

it.each([
  ["Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T01:30:00.000Z"],
  ["Europe/Lisbon", "2026-03-29", "01:30", "2026-03-29T01:30:00.000Z"],
  ["America/New_York", "2026-03-08", "02:30", "2026-03-08T07:30:00.000Z"],
])("takes the hour after one that clocks in %s skip on %s at %s", (zone, day, time, instant) => {
  expect(new Date(instantOf(zone, day, time)).toISOString()).toBe(instant);
});

it("counts days over the ends of months and years", () => {
  expect(dayAfter("2026-12-30", 3)).toBe("2027-01-02");
});
