/**
 * Day and time of an instant (ISO 8601), by the clocks of `timeZone` (an IANA name), as they are written where `locale` is spoken. With the
 * zone: a reader may be elsewhere, and an hour of autumn comes twice.
 */
export function formatWhen(instant: string, timeZone: string, locale: string): string {
  const format = new Intl.DateTimeFormat(locale, {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZone,
    timeZoneName: "short",
  });
  return format.format(new Date(instant));
}
