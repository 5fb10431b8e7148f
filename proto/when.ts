/** Day and time of an instant (ISO 8601), by the clocks of `timeZone` (an IANA name), as they are written where `locale` is spoken. */
export function formatWhen(instant: string, timeZone: string, locale: string): string {
  const format = new Intl.DateTimeFormat(locale, {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    timeZone,
  });
  return format.format(new Date(instant));
}
