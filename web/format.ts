import { formatMoney as formatMoneyIn, type Money } from "../proto/index.ts";

const LOCALE = navigator.language;

export const formatMoney = (money: Money): string => formatMoneyIn(money, LOCALE);

/** `4:09`. */
export function formatCountdown(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export const formatTime = (iso: string, timeZone: string): string =>
  new Date(iso).toLocaleTimeString(LOCALE, { timeZone, hour: "numeric", minute: "2-digit" });

export const formatDay = (iso: string, timeZone: string): string =>
  new Date(iso).toLocaleDateString(LOCALE, { timeZone, weekday: "short", day: "numeric", month: "short" });

export const formatWhen = (iso: string, timeZone: string): string =>
  `${formatDay(iso, timeZone)}, ${formatTime(iso, timeZone)}`;

/** `A, B and C`. */
export const formatList = (items: readonly string[]): string =>
  new Intl.ListFormat("en", { style: "long", type: "conjunction" }).format(items);
