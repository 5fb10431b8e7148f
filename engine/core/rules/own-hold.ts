import type { HolderId, HoldId } from "../../../proto/index.ts";
import { refuse, type Refused } from "../decision.ts";
import { type Hold, isLive } from "../state/holds.ts";
import type { ShowtimeState } from "../state/state.ts";

const DOT = 46;
const DIGITS_MAX = 10;

/** The hold when it is there and the holder's own. Its time may be over: see `isLive`. */
export function ownHold(state: ShowtimeState, holder: HolderId, id: HoldId): Hold | undefined {
  const hold = state.holds.get(numberOf(state, id));
  return hold !== undefined && hold.holder.id === holder ? hold : undefined;
}

/** The holder's own hold while its time runs; else see `missingHold`. */
export function liveHold(state: ShowtimeState, holder: HolderId, id: HoldId, now: number): Hold | undefined {
  const hold = ownHold(state, holder, id);
  return hold !== undefined && isLive(hold, now) ? hold : undefined;
}

/** Why there is no such hold, or no longer. Somebody else's hold is not told from one that never was, as of a showtime that nobody opened. */
export function missingHold(state: ShowtimeState | undefined, holder: HolderId, id: HoldId): Refused {
  const number = state === undefined ? 0 : numberOf(state, id);
  // A hold that is still there was asked for by somebody else, or its expiry is yet to be decided.
  const was = state?.holds.get(number)?.holder.id ?? state?.expired.get(number);
  return was === holder
    ? refuse("HOLD_EXPIRED", "The hold ran out of time.")
    : refuse("HOLD_NOT_FOUND", "There is no such hold of yours.");
}

/** `parseHoldId` for this showtime without an allocation; 0, which no hold has, when the id is not one of its. */
function numberOf(state: ShowtimeState, id: HoldId): number {
  const dot = state.id.length;
  const digits = id.length - dot - 1;
  if (digits < 1 || digits > DIGITS_MAX || id.charCodeAt(dot) !== DOT || !id.startsWith(state.id)) return 0;
  let number = 0;
  for (let at = dot + 1; at < id.length; at++) {
    const code = id.charCodeAt(at);
    if (code >= 48 && code <= 57) number = number * 36 + (code - 48);
    else if (code >= 97 && code <= 122) number = number * 36 + (code - 87);
    else return 0;
    if (number === 0) return 0; // A leading zero would be a second name for a hold.
  }
  return number;
}
