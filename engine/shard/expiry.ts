/**
 * When to look for holds that ran out. For each showtime with live holds it keeps a time before which none can end, so a release costs
 * nothing here, and a look costs one pass over the holds that are alive.
 */
import { deadlines, latestClock, type ShowtimeState } from "../core/index.ts";
import type { Event, ShowtimeId } from "../../proto/index.ts";

export class Expiry {
  readonly #earliest = new Map<ShowtimeId, number>();
  #latest = -Infinity;

  get hasLiveHolds(): boolean {
    return this.#earliest.size > 0;
  }

  /** Nobody's clock runs for longer. */
  get latest(): number {
    return this.#latest;
  }

  /** The next time at which a hold may end; Infinity when there is none. */
  next(): number {
    let next = Infinity;
    for (const earliest of this.#earliest.values()) if (earliest < next) next = earliest;
    return next;
  }

  /** Answers the deadline that the event set; Infinity when it set none. */
  note(showtime: ShowtimeId, event: Event): number {
    if (event.type !== "held" && event.type !== "extended" && event.type !== "pinned") return Infinity;
    const earliest = this.#earliest.get(showtime);
    if (earliest === undefined || event.deadline < earliest) this.#earliest.set(showtime, event.deadline);
    if (event.deadline > this.#latest) this.#latest = event.deadline;
    return event.deadline;
  }

  /** All clocks that run have `ms` more. */
  giveBack(ms: number): void {
    this.#latest += ms;
  }

  /** Takes up a showtime that was recovered. */
  adopt(state: ShowtimeState): void {
    this.#look(state, -Infinity);
    this.#latest = Math.max(this.#latest, latestClock(state));
  }

  /** The numbers of the holds that have ended by `now`, with their showtimes. */
  due(now: number, showtimes: ReadonlyMap<ShowtimeId, ShowtimeState>): { state: ShowtimeState; holds: number[] }[] {
    const due: { state: ShowtimeState; holds: number[] }[] = [];
    for (const [showtime, earliest] of this.#earliest) {
      if (earliest > now) continue;
      const state = showtimes.get(showtime);
      if (state !== undefined) due.push({ state, holds: this.#look(state, now) });
    }
    return due;
  }

  #look(state: ShowtimeState, now: number): number[] {
    const holds: number[] = [];
    let earliest = Infinity;
    for (const { hold, deadline } of deadlines(state)) {
      if (deadline <= now) holds.push(hold);
      else if (deadline < earliest) earliest = deadline;
    }
    if (earliest === Infinity) this.#earliest.delete(state.id);
    else this.#earliest.set(state.id, earliest);
    return holds;
  }
}
