import type { Booking } from "../../client/index.ts";
import { formatList, formatMoney } from "../format.ts";

const STATUS_WORDS: Readonly<Record<Booking["status"], string>> = {
  pending: "Waiting for your payment.",
  paying: "Waiting for your payment.",
  confirmed: "Paid: show these codes at the door.",
  cancelled: "Cancelled.",
  refunded: "Refunded.",
  expired: "It was not paid in time.",
  failed: "Not paid.",
};

export const seatsOf = ({ tickets }: Booking): string => formatList(tickets.map(({ label }) => label));

/** Late money may yet bring the seats, or goes back. */
export const isMoneyOnItsWay = ({ status, payment }: Booking): boolean =>
  status === "expired" && (payment?.status === "pending" || payment?.status === "authorized");

/** The same of a booking of a guest whose time is over, of whom nothing more is heard here. */
export const howItStood = (booking: Booking): string =>
  booking.status === "confirmed"
    ? howItStands(booking)
    : `Your visit was over before this was paid. If you have paid it, ask at the box office with the number ${booking.id}.`;

/** What has become of a booking and of its money, in sentences. */
export function howItStands(booking: Booking): string {
  const { status, reason, refunding, refunded } = booking;
  // A reason says more than the status, but that it is too late to pay is said whatever came before.
  const words = [...(reason === null || status === "expired" ? [STATUS_WORDS[status]] : []), reason ?? ""];
  if (isMoneyOnItsWay(booking))
    words.push("Should the money still come, the seats are yours if they are free, or it goes back.");
  if (refunding.amount > 0) words.push(`${formatMoney(refunding)} is on its way back to you.`);
  if (refunded.amount > 0) words.push(`${formatMoney(refunded)} has been paid back to you.`);
  return [...new Set(words)].filter(Boolean).join(" ");
}
