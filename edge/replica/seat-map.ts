import {
  checksumOf,
  type Delta,
  type Finding,
  rollChecksum,
  seatChange,
  seatOfChange,
  type ShowtimeId,
  statusOfChange,
} from "../../proto/index.ts";
import type { DeltaMessage, SnapshotMessage } from "../../proto/ws/index.ts";
import { DeltaRing } from "./delta-ring.ts";

export type View = Extract<Finding, { type: "view" }>;

/**
 * One hall twice: as it is, as far as the engine told, and as it was last shown to viewers.
 */
export class SeatMap {
  readonly showtime: ShowtimeId;
  #epoch = 0;
  #seq = 0;
  #checksum = 0;
  #statuses = new Uint8Array(0);
  #shownSeq = 0;
  #shownChecksum = 0;
  #shown = new Uint8Array(0);
  /** Seats whose status was touched since they were last shown, each once. */
  #touched: number[] = [];
  #isTouched = new Uint8Array(0);
  readonly #ring = new DeltaRing();

  constructor(showtime: ShowtimeId) {
    this.showtime = showtime;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get seq(): number {
    return this.#seq;
  }

  get shownSeq(): number {
    return this.#shownSeq;
  }

  /** Whether viewers have been shown all there is. */
  get isShown(): boolean {
    return this.#shownSeq === this.#seq;
  }

  get seatCount(): number {
    return this.#statuses.length;
  }

  /** Starts again from what the engine says; it counts as shown. False when the view contradicts itself or is out of date. */
  reset(view: View): boolean {
    if (view.epoch < this.#epoch || checksumOf(view.statuses) !== view.checksum) return false;
    this.#epoch = view.epoch;
    this.#seq = this.#shownSeq = view.seq;
    this.#checksum = this.#shownChecksum = view.checksum;
    this.#statuses = view.statuses.slice();
    this.#shown = view.statuses.slice();
    this.#touched = [];
    this.#isTouched = new Uint8Array(view.statuses.length);
    this.#ring.clear(view.statuses.length);
    // Who was shown them on another edge goes on from there.
    for (const delta of leadingTo(view)) this.#ring.push(delta);
    return true;
  }

  /** False when `delta` does not follow on what is known, or does not lead where it says: only a view can help then. */
  apply(delta: Delta): boolean {
    if (delta.epoch < this.#epoch || (delta.epoch === this.#epoch && delta.seq <= this.#seq)) return true; // Old news.
    if (delta.epoch !== this.#epoch || delta.from !== this.#seq) return false;
    let checksum = this.#checksum;
    for (const change of delta.changes) {
      const seat = seatOfChange(change);
      const before = this.#statuses[seat];
      if (before === undefined) return false;
      const status = statusOfChange(change);
      checksum = rollChecksum(checksum, seat, before, status);
      this.#statuses[seat] = status;
      if (this.#isTouched[seat] === 0) {
        this.#isTouched[seat] = 1;
        this.#touched.push(seat);
      }
    }
    this.#checksum = checksum;
    this.#seq = delta.seq;
    this.#ring.push(delta);
    return checksum === delta.checksum;
  }

  /** What viewers have not been shown yet, and from now on have; undefined when there is nothing. The last status of a seat wins. */
  show(): DeltaMessage | undefined {
    if (this.isShown) return undefined;
    const changes: number[] = [];
    for (const seat of this.#touched) {
      // Touched seats are within both arrays.
      const status = this.#statuses[seat] as number;
      if (status !== this.#shown[seat]) changes.push(seatChange(seat, status));
      this.#shown[seat] = status;
      this.#isTouched[seat] = 0;
    }
    this.#touched = [];
    const from = this.#shownSeq;
    this.#shownSeq = this.#seq;
    this.#shownChecksum = this.#checksum;
    return this.#delta(from, changes);
  }

  /** What somebody missed who was shown (`epoch`, `seq`), or undefined when only a snapshot can tell, or tells it in less. */
  resume(epoch: number, seq: number): DeltaMessage | undefined {
    if (epoch !== this.#epoch) return undefined;
    const seats = this.#ring.seatsChanged(seq, this.#shownSeq);
    if (seats === undefined) return undefined;
    return this.#delta(
      seq,
      Array.from(seats, (seat) => seatChange(seat, this.#shown[seat] ?? 0)),
    );
  }

  /** As it was last shown. To be encoded at once: the statuses go on changing. */
  snapshot(): SnapshotMessage {
    return {
      op: "snapshot",
      showtime: this.showtime,
      epoch: this.#epoch,
      seq: this.#shownSeq,
      statuses: this.#shown,
      checksum: this.#shownChecksum,
    };
  }

  #delta(from: number, changes: number[]): DeltaMessage {
    const { showtime, epoch } = this;
    changes.sort((a, b) => a - b);
    return { op: "delta", showtime, epoch, from, seq: this.#shownSeq, changes, checksum: this.#shownChecksum };
  }
}

/** The deltas of a view that follow one on the other up to it. */
function leadingTo({ epoch, seq, recent = [] }: View): readonly Delta[] {
  let first = recent.length;
  for (let next = seq; first > 0; first--) {
    const delta = recent[first - 1];
    if (delta?.epoch !== epoch || delta.seq !== next) break;
    next = delta.from;
  }
  return recent.slice(first);
}
