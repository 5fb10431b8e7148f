/** Calendar days and times of day as people in a cinema's time zone have them. */

const DAY_MS = 86_400_000;

/** Whether it reads YYYY-MM-DD and is a day that exists (and that PostgreSQL knows: it has no year 0). */
export function isCalendarDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text) || text < "0001-01-01") return false;
  const instant = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(instant) && new Date(instant).toISOString().startsWith(text);
}

/** The day that it is in `timeZone` (IANA) at `instant`. */
export function dayIn(timeZone: string, instant: number): string {
  return new Date(instant + offsetOf(timeZone, instant)).toISOString().slice(0, 10);
}

export function dayAfter(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** When clocks in `timeZone` show `time` (HH:MM) on `day`; of an hour that is skipped, the one after it. */
export function instantOf(timeZone: string, day: string, time: string): number {
  const asUtc = Date.parse(`${day}T${time}:00Z`);
  const guess = asUtc - offsetOf(timeZone, asUtc);
  const offset = offsetOf(timeZone, guess);
  const instant = asUtc - offset;
  return offsetOf(timeZone, instant) === offset ? instant : Math.max(guess, instant);
}

/** How far clocks in `timeZone` are ahead of UTC, in milliseconds. */
function offsetOf(timeZone: string, instant: number): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(instant);
  const part = (type: string): number => Number(parts.find((each) => each.type === type)?.value);
  const local = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return local - Math.floor(instant / 1000) * 1000;
}
