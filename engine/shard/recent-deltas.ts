import type { Delta, ShowtimeId } from "../../proto/index.ts";
import { RECENT_CHANGES_MAX, RECENT_DELTAS_MAX } from "./limits.ts";

/** Numbers of a delta before its changes: epoch, from, seq, checksum, and how many changes it has. */
const HEAD = 5;
const ROOM = HEAD * RECENT_DELTAS_MAX + RECENT_CHANGES_MAX;

/**
 * The latest deltas of one shard, for an edge that begins to show a hall: viewers who were elsewhere before go on from what they have. Their
 * numbers alone are kept, and written over: deltas that stayed for a moment would be copied by two young collections, and be garbage then.
 */
export class RecentDeltas {
  /** Both are rings; in this one each delta takes its head and its changes. */
  readonly #numbers: number[] = [];
  readonly #showtimes: ShowtimeId[] = [];
  /** Where the oldest delta is in each. */
  #numbersAt = 0;
  #showtimesAt = 0;
  #deltas = 0;
  #changes = 0;

  push({ showtime, epoch, from, seq, checksum, changes }: Delta): void {
    while (this.#deltas > 0 && !this.#hasRoomFor(changes.length)) this.#dropOldest();
    if (!this.#hasRoomFor(changes.length)) return;
    let at = this.#numbersAt + HEAD * this.#deltas + this.#changes;
    const numbers = this.#numbers;
    numbers[at++ % ROOM] = epoch;
    numbers[at++ % ROOM] = from;
    numbers[at++ % ROOM] = seq;
    numbers[at++ % ROOM] = checksum;
    numbers[at++ % ROOM] = changes.length;
    for (let change = 0; change < changes.length; change++) numbers[at++ % ROOM] = changes[change] ?? 0;
    this.#showtimes[(this.#showtimesAt + this.#deltas) % RECENT_DELTAS_MAX] = showtime;
    this.#deltas++;
    this.#changes += changes.length;
  }

  /** One following on the other, up to the showtime's last one. */
  of(showtime: ShowtimeId): Delta[] {
    const found: Delta[] = [];
    let at = this.#numbersAt;
    for (let delta = 0; delta < this.#deltas; delta++) {
      const length = this.#numbers[(at + HEAD - 1) % ROOM] ?? 0;
      if (this.#showtimes[(this.#showtimesAt + delta) % RECENT_DELTAS_MAX] === showtime) {
        const [epoch = 0, from = 0, seq = 0, checksum = 0] = this.#read(at, HEAD);
        found.push({ showtime, epoch, from, seq, changes: this.#read(at + HEAD, length), checksum });
      }
      at += HEAD + length;
    }
    return found;
  }

  #hasRoomFor(changes: number): boolean {
    return this.#deltas < RECENT_DELTAS_MAX && this.#changes + changes <= RECENT_CHANGES_MAX;
  }

  #dropOldest(): void {
    const changes = this.#numbers[(this.#numbersAt + HEAD - 1) % ROOM] ?? 0;
    this.#numbersAt = (this.#numbersAt + HEAD + changes) % ROOM;
    this.#showtimesAt = (this.#showtimesAt + 1) % RECENT_DELTAS_MAX;
    this.#deltas--;
    this.#changes -= changes;
  }

  #read(at: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.#numbers[(at + i) % ROOM] ?? 0);
  }
}
