import { formatMoney as formatMoneyIn, type Money } from "../proto/index.ts";

const LOCALE = localeOf(navigator.language);
const YEAR = { year: "numeric" } as const;
const CLOCK = { day: "numeric", hour: "numeric", minute: "numeric" } as const;

/** Of a system without a locale browsers say what is none that `Intl` takes, such as `en-US@posix` or `C`: then its own. */
function localeOf(language: string): string {
  const [tag = ""] = language.split("@", 1);
  try {
    return new Intl.Locale(tag).toString();
  } catch {
    return Intl.DateTimeFormat().resolvedOptions().locale;
  }
}

export const formatMoney = (money: Money): string => formatMoneyIn(money, LOCALE);

/** `4:09`. */
export function formatCountdown(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** With its zone where the clocks here show something else. */
export function formatTime(iso: string, timeZone: string): string {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const isHere = formatIn(timeZone, iso, CLOCK) === formatIn(here, iso, CLOCK);
  return formatIn(timeZone, iso, { hour: "numeric", minute: "2-digit", ...(!isHere && { timeZoneName: "short" }) });
}

/** With its year where that is not this one. */
export function formatDay(iso: string, timeZone: string): string {
  const isThisYear = formatIn(timeZone, iso, YEAR) === formatIn(timeZone, new Date().toISOString(), YEAR);
  return formatIn(timeZone, iso, { weekday: "short", day: "numeric", month: "short", ...(!isThisYear && YEAR) });
}

/** In UTC, and saying so, where the browser does not know the zone: one cinema's must not take the page from all. */
function formatIn(timeZone: string, iso: string, how: Intl.DateTimeFormatOptions): string {
  try {
    return new Intl.DateTimeFormat(LOCALE, { ...how, timeZone }).format(new Date(iso));
  } catch (error) {
    if (!(error instanceof RangeError) || timeZone === "UTC") throw error;
    return formatIn("UTC", iso, { ...how, timeZoneName: "short" });
  }
}

export const formatWhen = (iso: string, timeZone: string): string =>
  `${formatDay(iso, timeZone)}, ${formatTime(iso, timeZone)}`;

/** `A, B and C`. */
export const formatList = (items: readonly string[]): string =>
  new Intl.ListFormat("en", { style: "long", type: "conjunction" }).format(items);
