import type { Showtime } from "../../client/index.ts";
import { formatWhen } from "../format.ts";

type Sale = Pick<Showtime, "status" | "salesStartAt" | "salesEndAt" | "timeZone">;

/**
 * Whether seats can be asked for. The catalogue says so; but when a sale begins (`now` is by the server's clock), before the page has heard
 * of it, they can be too, and it is for the server to say whether it has.
 */
export const isOnSale = ({ status, salesStartAt }: Sale, now: number): boolean =>
  status === "on-sale" || (status === "announced" && Date.parse(salesStartAt) <= now);

/** From when or until when seats are sold, or why they are not, in a sentence. */
export function saleWords(sale: Sale, now: number): string {
  const { status, salesStartAt, salesEndAt, timeZone } = sale;
  if (status === "cancelled") return "This show has been cancelled.";
  if (status === "closed") return "This show is no longer on sale.";
  return isOnSale(sale, now)
    ? `On sale until ${formatWhen(salesEndAt, timeZone)}.`
    : `On sale from ${formatWhen(salesStartAt, timeZone)}.`;
}
