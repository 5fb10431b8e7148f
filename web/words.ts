import { ClientClosed, Refused, Unreachable } from "../client/index.ts";
import { formatList } from "./format.ts";

/** What went wrong, as one would tell it across a counter. `labelOf` gives a seat's name. */
export function inPlainWords(error: unknown, labelOf: (seat: number) => string = String): string {
  if (error instanceof Unreachable) return "The box office cannot be reached. Check your connection and try again.";
  if (error instanceof ClientClosed) return "This page has been disconnected. Reload it to go on.";
  if (!(error instanceof Refused)) return "Something went wrong here. Reload the page and try again.";
  const seats = formatList(error.seats.map(labelOf));
  switch (error.code) {
    case "SEAT_TAKEN":
      return error.seats.length === 1
        ? `Somebody was quicker: ${seats} has just gone.`
        : `Somebody was quicker: ${seats} have just gone.`;
    case "NOT_ENOUGH_SEATS":
      return "There are not that many seats together any more. Try fewer, or another category.";
    case "ORPHAN_SEAT":
      return `That would leave ${seats} alone, which nobody could buy with company. Choose seats next to each other.`;
    case "ACCESSIBLE_ONLY":
      // The same code is for a box that is not ticked, and for a companion who comes first.
      return `${seats}: kept for wheelchair users and those with them. Tick “For a wheelchair user, or with one”, and take the wheelchair place before the seat beside it.`;
    case "LIMIT_REACHED":
      return "That is as much as one person may have here.";
    case "HOLD_EXPIRED":
    case "HOLD_NOT_FOUND":
      return "Your time for these seats is over; they have been given back.";
    case "HOLD_PINNED":
      return "These seats are being paid for just now and cannot be changed.";
    case "SALE_CLOSED":
      return "This show is not on sale now.";
    case "NOT_FOUND":
      return "This show does not exist any more.";
    case "UNAUTHORIZED":
    case "FORBIDDEN":
      return "You are not signed in any more. Try once more.";
    case "RATE_LIMITED":
      return "That was a little too fast. Wait a moment.";
    case "UNAVAILABLE":
      return "The box office cannot be reached just now. Try again in a moment.";
    case "BUSY":
    case "IN_PROGRESS":
      return "The box office is overrun just now. Try again in a moment.";
    default:
      return error.message;
  }
}

/** Why seats are not kept any longer. */
export function whyNoMoreTime(error: unknown): string {
  const isAllGiven = error instanceof Refused && error.code === "LIMIT_REACHED";
  return isAllGiven
    ? "There is no more time to be had for these seats: book them now, or give them back."
    : inPlainWords(error);
}
