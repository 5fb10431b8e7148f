import { holdIdOf, type Finding, type HolderId, type HoldId, type Refusal } from "../../proto/index.ts";
import { liveHold, missingHold } from "./rules/own-hold.ts";
import { deadlineOfHold } from "./state/holds.ts";
import type { ShowtimeState } from "./state/state.ts";

/** What every viewer may see. `statuses` is a copy, one `SeatStatus` a byte. */
interface View {
  readonly seq: number;
  readonly statuses: Uint8Array;
  readonly checksum: number;
}

export const viewOf = (state: ShowtimeState): View => ({
  seq: state.seq,
  statuses: state.status.slice(),
  checksum: state.checksum,
});

/** The holder's own hold while it lives; refused with `HOLD_NOT_FOUND` or `HOLD_EXPIRED` otherwise. */
export function findHold(
  state: ShowtimeState | undefined,
  holder: HolderId,
  id: HoldId,
  now: number,
): Extract<Finding, { type: "hold" }> | Refusal {
  const hold = state && liveHold(state, holder, id, now);
  if (state === undefined || hold === undefined) return missingHold(state, holder, id).refusal;
  const found = {
    type: "hold",
    hold: holdIdOf(state.id, hold.number),
    seats: hold.seats,
    expiresInMs: deadlineOfHold(hold) - now,
  } as const;
  return hold.booking === undefined ? found : { ...found, booking: hold.booking };
}
