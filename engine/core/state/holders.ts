import type { HolderId } from "../../../proto/index.ts";
import { CORE_LIMITS } from "../limits.ts";
import { holderHash } from "./answers.ts";
import type { Hold, Holder, ShowtimeState } from "./state.ts";

/** The holder's record, made when there is none. */
export function admit(state: ShowtimeState, id: HolderId): Holder {
  const known = state.holders.get(id);
  if (known !== undefined) return known;
  const holder: Holder = { id, hash: holderHash(id), held: 0, booked: 0, clock: 0, startedAt: 0, deadline: 0, extensions: 0 };
  state.holders.set(id, holder);
  state.roster.push(holder);
  return holder;
}

/** Forgets holders that have no seats and whose clock has run out: a few records after every event, so that there is never a long pause. */
export function sweepHolders(state: ShowtimeState, now: number): void {
  const roster = state.roster;
  for (let left = CORE_LIMITS.holdersSweptPerEvent; left > 0; left--) {
    if (state.cursor >= roster.length) state.cursor = 0;
    const holder = roster[state.cursor];
    if (holder === undefined) return;
    if (holder.held + holder.booked > 0 || now < holder.deadline) {
      state.cursor++;
      continue;
    }
    state.holders.delete(holder.id);
    const last = roster.pop();
    if (last !== undefined && last !== holder) roster[state.cursor] = last;
  }
}

/** When the hold ends; 0 when it runs on a clock that is over. */
export function deadlineOfHold(hold: Hold): number {
  if (hold.booking !== undefined) return hold.payBy;
  return hold.clock === hold.holder.clock ? hold.holder.deadline : 0;
}
