import { describe, expect, it } from "vitest";
import { dayAfter, dayIn } from "../local-day.ts";
import { FILMS } from "./films.ts";
import { CLEANING_MINUTES, DAYS_AHEAD, demoProgramme, demoToday, PREMIERE_ID } from "./programme.ts";

const HOUR_MS = 3_600_000;

/** An ordinary noon, minutes before midnight, and the weekends on which clocks change. */
const MOMENTS = ["2026-11-21T11:00:00Z", "2026-11-21T22:55:00Z", "2027-03-27T09:00:00Z", "2026-10-24T09:00:00Z"];

describe.each(MOMENTS)("the programme made at %s", (moment) => {
  const now = Date.parse(moment);
  const today = demoToday(now);
  const premiere = { day: dayAfter(today, 1), id: PREMIERE_ID };
  const programme = demoProgramme({ from: today, to: dayAfter(today, DAYS_AHEAD), premiere, now });

  it("overlaps in no hall", () => {
    for (const hallId of new Set(programme.map((showtime) => showtime.hallId))) {
      const showtimes = programme.filter((showtime) => showtime.hallId === hallId);
      for (let at = 1; at < showtimes.length; at++)
        expect(showtimes[at]?.startsAt).toBeGreaterThanOrEqual(
          (showtimes[at - 1]?.endsAt ?? NaN) + CLEANING_MINUTES * 60_000,
        );
    }
  });

  it("has sixteen showtimes on each of the seven days after today, and none in the past", () => {
    for (let day = 1; day <= 7; day++) {
      const date = dayAfter(today, day);
      const onDay = programme.filter(
        ({ hallId, startsAt }) => dayIn(hallId === "ha_arena" ? "Europe/Lisbon" : "Europe/Berlin", startsAt) === date,
      );
      // Minutes before midnight in Berlin it is the same day in Lisbon, so every day is whole.
      expect(onDay).toHaveLength(16);
    }
    expect(programme.every(({ startsAt }) => startsAt > now)).toBe(true);
  });

  it("has a hundred showtimes and more at any time of the day: benches sell them all at once", () => {
    expect(programme.length).toBeGreaterThanOrEqual(100);
  });

  it("has one premiere, in the hall of 480, within two days", () => {
    const premieres = programme.filter((showtime) => showtime.premiere);
    expect(premieres).toMatchObject([{ id: PREMIERE_ID, hallId: "ha_premiere", movieId: "mv_metropolis" }]);
    expect((premieres[0]?.startsAt ?? Infinity) - now).toBeLessThan(48 * HOUR_MS);
  });

  it("is the same for a day whenever it is made", () => {
    const day = dayAfter(today, 5);
    const later = demoProgramme({ from: day, to: day, now: now + 48 * HOUR_MS });
    expect(later).toHaveLength(16);
    for (const showtime of later) expect(programme).toContainEqual(showtime);
  });

  it("shows every film, and names no showtime twice", () => {
    expect(new Set(programme.map((showtime) => showtime.movieId)).size).toBe(FILMS.length);
    expect(new Set(programme.map((showtime) => showtime.id)).size).toBe(programme.length);
  });
});
