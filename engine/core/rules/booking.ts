/** Seats that are paid for, and seats that come back. Bookings come from our own services, which answer for who may ask. */
import { type Outcome } from "../../../proto/index.ts";
import { already, decided, refuse, type Decision } from "../decision.ts";
import { isLive } from "../state/holds.ts";
import type { ShowtimeState } from "../state/state.ts";
import type { CommandOf } from "./command.ts";
import { takenOf } from "./hold.ts";
import { missingHold, ownHold } from "./own-hold.ts";
import { badSeats, notOwned, sameSeats } from "./seat-list.ts";
import { showIsOver } from "./time.ts";

/**
 * Idempotent by booking id, whatever the request id: money must not buy twice. A hold whose time is over counts as gone, but while
 * nobody else has its seats they are still at hand for `reacquire`, which asks neither for the holder's limit nor the
 * sale's end, only for seats that are free and a showtime that is not cancelled: the money is there. Once the show is over
 * nothing is booked any more, be there time that holds were given back: the buyer could neither use it nor give it back.
 */
export function decideConfirm(state: ShowtimeState, command: CommandOf<"confirm">, now: number): Decision {
  const { holder, rid, booking, seats, reacquire } = command;
  const known = state.bookings.get(booking);
  if (known !== undefined) {
    if (known.holder.id !== holder) return refuse("CONFLICT", "The booking id is somebody else's.");
    return already({ type: "confirmed", booking, seats: known.seats, reacquired: false });
  }
  if (state.cancelled.get(booking) !== undefined) return refuse("BOOKING_NOT_FOUND", "The booking was cancelled.");
  if (showIsOver(state, now)) return refuse("SALE_CLOSED", "The show is over.");

  const hold = ownHold(state, holder, command.hold);
  if (hold?.booking !== booking && state.pinned.has(booking))
    return refuse("CONFLICT", "The booking has another hold.");
  if (hold !== undefined && (reacquire || isLive(hold, now))) {
    if (hold.booking !== undefined && hold.booking !== booking) {
      return refuse("HOLD_PINNED", "The hold is being paid for under another booking.");
    }
    if (hold.booking === undefined && state.phase === "closed") return refuse("SALE_CLOSED", "The sale is closed.");
    if (!sameSeats(hold.seats, seats)) return refuse("CONFLICT", "The seats are not those of the hold.", hold.seats);
    return decided({ type: "confirmed", at: now, holder, rid, hold: hold.number, booking, seats: hold.seats });
  }
  if (!reacquire) return missingHold(state, holder, command.hold);
  if (state.phase === "closed") return refuse("SALE_CLOSED", "The sale is closed.");
  const bad = badSeats(state, seats);
  if (bad !== undefined) return bad;
  const taken = takenOf(state, seats);
  if (taken !== undefined) return refuse("SEAT_TAKEN", "Seats were taken meanwhile.", taken);
  return decided({ type: "confirmed", at: now, holder, rid, booking, seats });
}

/**
 * Gives back all seats of a booking, or some. One that was never confirmed gives back its pinned hold, whole; one that is not known is
 * remembered as cancelled all the same, since its confirm may still be on its way.
 */
export function decideCancel(state: ShowtimeState, command: CommandOf<"cancel">, now: number): Decision {
  const { holder, rid, booking: id } = command;
  const pinned = state.pinned.get(id);
  if (pinned !== undefined) {
    const { number: hold, seats } = pinned;
    if (command.seats !== undefined && !sameSeats(seats, command.seats)) {
      return refuse("HOLD_PINNED", "A booking that is being paid for is cancelled whole.");
    }
    return decided({ type: "cancelled", at: now, holder, rid, hold, booking: id, seats });
  }
  const booking = state.bookings.get(id);
  if (booking === undefined) {
    const gone: Outcome = { type: "cancelled", booking: id, seats: [] };
    if (state.cancelled.get(id) !== undefined) return already(gone);
    if (command.seats !== undefined) return refuse("BOOKING_NOT_FOUND", "There is no such booking.");
    return decided({ type: "cancelled", at: now, holder, rid, booking: id, seats: [] });
  }
  const refused = notOwned(state, command.seats, booking.number, "booking");
  if (refused !== undefined) return refused;
  const seats = command.seats ?? booking.seats;
  return decided({ type: "cancelled", at: now, holder, rid, booking: id, seats });
}
