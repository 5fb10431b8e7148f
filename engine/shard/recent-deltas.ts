import type { Delta, ShowtimeId } from "../../proto/index.ts";
import { RECENT_CHANGES_MAX, RECENT_DELTAS_MAX } from "./limits.ts";

/** The latest deltas of one shard, for an edge that begins to show a hall: viewers who were elsewhere before go on from what they have. */
export class RecentDeltas {
  readonly #deltas: Delta[] = [];
  #changes = 0;

  push(delta: Delta): void {
    this.#deltas.push(delta);
    this.#changes += delta.changes.length;
    while (this.#deltas.length > RECENT_DELTAS_MAX || this.#changes > RECENT_CHANGES_MAX) {
      this.#changes -= this.#deltas.shift()?.changes.length ?? 0;
    }
  }

  /** One following on the other, up to the showtime's last one. */
  of(showtime: ShowtimeId): Delta[] {
    return this.#deltas.filter((delta) => delta.showtime === showtime);
  }
}
