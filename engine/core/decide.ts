/** What a command leads to, as a value: nothing changes here. `evolve` makes it so. */
import type { AnswerEvent, Command, HolderId, RequestId, SaleLimits } from "../../proto/index.ts";
import { already, refuse, type Decision } from "./decision.ts";
import { outcomeOf } from "./outcome.ts";
import { decideCancel, decideConfirm } from "./rules/booking.ts";
import { decideHold, decideHoldBest, decideRelease } from "./rules/hold.ts";
import { missingHold } from "./rules/own-hold.ts";
import { decideAmend, decideBlock, decideClose, decideOpen, decideOpenAgain } from "./rules/sale.ts";
import { decideExtend, decidePin } from "./rules/time.ts";
import { assert } from "./state/assert.ts";
import { hashOf } from "./state/hash.ts";
import type { ShowtimeState } from "./state/state.ts";

/**
 * @param state undefined when nobody ever opened the showtime.
 * @param now the shard's clock, whole milliseconds since 1970; it never runs backwards.
 * @param limits the operator's present ones, for a showtime that opens now; every other has its own, see `limit`.
 */
export function decide(state: ShowtimeState | undefined, command: Command, now: number, limits: SaleLimits): Decision {
  if (state === undefined || state.phase === "unopened") return decideUnopened(state, command, now, limits);
  if (state.phase === "archived") return refuse("SALE_CLOSED", "The show was long ago: its sale is archived.");
  assert(now >= state.at, "time does not run backwards");
  assert(command.showtime === state.id, "a command is for the showtime that it names");
  const answered = recall(state, command.holder, command.rid);
  if (answered !== undefined) return already(outcomeOf(state.id, answered));
  switch (command.type) {
    case "hold":
      return decideHold(state, command, now);
    case "hold-best":
      return decideHoldBest(state, command, now);
    case "extend":
      return decideExtend(state, command, now);
    case "release":
      return decideRelease(state, command, now);
    case "pin":
      return decidePin(state, command, now);
    case "confirm":
      return decideConfirm(state, command, now);
    case "cancel":
      return decideCancel(state, command, now);
    case "open":
      return decideOpenAgain(state, command, now);
    case "amend":
      return decideAmend(state, command, now);
    case "close":
      return decideClose(state, command, now);
    case "block":
    case "unblock":
      return decideBlock(state, command, now);
  }
}

function decideUnopened(state: ShowtimeState | undefined, command: Command, now: number, limits: SaleLimits): Decision {
  switch (command.type) {
    case "open":
      return decideOpen(command, now, limits);
    // Whoever names a hold learns that there is none, of whichever showtime.
    case "extend":
    case "release":
    case "pin":
      return missingHold(state, command.holder, command.hold);
    case "hold":
    case "hold-best":
    case "confirm":
    case "cancel":
    case "amend":
    case "close":
    case "block":
    case "unblock":
      return refuse("NOT_FOUND", "There is no such showtime on sale.");
  }
}

/** The event that answered this request first, while it is remembered. */
function recall(state: ShowtimeState, holder: HolderId, rid: RequestId): AnswerEvent | undefined {
  return state.answers.find(state.holders.get(holder)?.hash ?? hashOf(holder), holder, rid);
}
