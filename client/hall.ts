import { checksumOf, rollChecksum, seatOfChange, statusOfChange } from "../proto/index.ts";
import type { SeatStatus, ShowtimeId } from "../proto/index.ts";
import type { DeltaMessage, SnapshotMessage } from "../proto/ws/client-codec.ts";
import { Emitter } from "./emitter.ts";
import type { Refused } from "./refused.ts";

export interface SeatChange {
  readonly seat: number;
  readonly before: SeatStatus;
  readonly status: SeatStatus;
}

export interface HallEvents {
  /** All statuses are new: the first picture, one that mends a gap, or one that was less to send than all that changed. */
  snapshot: Hall;
  /** Some seats changed; never empty. */
  change: readonly SeatChange[];
  /** Whether `statuses` follow the server at this moment; false while a gap is mended or the connection is down. */
  inStep: boolean;
  /** The server will not show this hall, for example `NOT_FOUND`. Nothing follows until it is watched again. */
  refused: Refused;
}

/** One showtime as its viewers see it, kept in step with the server. */
export interface Hall {
  readonly showtime: ShowtimeId;
  /** Resolves with the first snapshot; rejects when the hall is refused or the client closed before it. */
  readonly ready: Promise<Hall>;
  /** One `SeatStatus` a seat, in layout order. The array is live: read it, never write it. */
  readonly statuses: Uint8Array;
  readonly epoch: number;
  readonly seq: number;
  readonly checksum: number;
  readonly inStep: boolean;
  /** @returns what takes the handler away again. */
  on<Name extends keyof HallEvents>(name: Name, handler: (event: HallEvents[Name]) => void): () => void;
  onChange(handler: (changes: readonly SeatChange[]) => void): () => void;
  /** Nothing more of this hall, for all its handlers. */
  stop(): void;
}

/** What a hall asks of its client. */
export interface HallOwner {
  /** Watch again, from the hall's `position`. */
  mend(hall: WatchedHall): void;
  unwatch(hall: WatchedHall): void;
}

export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

/** What a hall that is out of step is waiting for. */
type Mending = "no" | "by-position" | "by-snapshot";

/**
 * A hall, and how its client keeps it in step. Every delta must begin where the last one ended and
 * must give the server's checksum; where one does not, nothing is guessed: the hall is watched again, from its position when
 * deltas are missing, from a snapshot when the statuses themselves are in doubt.
 */
export class WatchedHall implements Hall {
  readonly showtime: ShowtimeId;
  readonly ready: Promise<Hall>;
  readonly #owner: HallOwner;
  readonly #events = new Emitter<HallEvents>();
  #statuses: Uint8Array = new Uint8Array(0);
  #epoch = 0;
  #seq = 0;
  #checksum = 0;
  #known = false;
  #inStep = false;
  #stopped = false;
  #mending: Mending = "no";
  #vainMends = 0;
  #settleReady: { resolve: (hall: Hall) => void; reject: (error: Error) => void } | undefined;

  constructor(showtime: ShowtimeId, owner: HallOwner) {
    this.showtime = showtime;
    this.#owner = owner;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    // Nobody has to wait for `ready`: a refusal is also an event.
    this.ready.catch(() => {});
  }

  get statuses(): Uint8Array {
    return this.#statuses;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get seq(): number {
    return this.#seq;
  }

  get checksum(): number {
    return this.#checksum;
  }

  get inStep(): boolean {
    return this.#inStep;
  }

  /** Mends asked for since the hall was last in step; the client waits longer before each. */
  get vainMends(): number {
    return this.#vainMends;
  }

  on<Name extends keyof HallEvents>(name: Name, handler: (event: HallEvents[Name]) => void): () => void {
    return this.#events.on(name, handler);
  }

  onChange(handler: (changes: readonly SeatChange[]) => void): () => void {
    return this.on("change", handler);
  }

  /** Where a resumed watch may go on, unless the statuses themselves are in doubt. */
  get position(): Position | undefined {
    return this.#known && this.#mending !== "by-snapshot" ? { epoch: this.#epoch, seq: this.#seq } : undefined;
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#owner.unwatch(this);
    this.#setInStep(false);
    this.#settle(new Error(`the watch of ${this.showtime} was stopped`));
  }

  /** The answer to a watch, or the server's own mend for a viewer that fell behind. */
  takeSnapshot(frame: SnapshotMessage): void {
    if (this.#stopped) return;
    if (checksumOf(frame.statuses) !== frame.checksum) return this.#mend("by-snapshot");
    this.#statuses = frame.statuses;
    this.#checksum = frame.checksum;
    this.#moveTo(frame);
    this.#known = true;
    this.#mended();
    this.#events.emit("snapshot", this);
    this.#settle();
  }

  takeDelta(frame: DeltaMessage): void {
    // Before the first snapshot, and while the statuses are in doubt, there is nothing a delta could be added to.
    if (this.#stopped || this.position === undefined) return;
    const again = frame.epoch === this.#epoch && frame.from !== this.#seq && frame.seq <= this.#seq;
    if (again) return;
    if (frame.epoch !== this.#epoch || frame.from !== this.#seq) return this.#mend("by-position");
    const changes = this.#apply(frame);
    if (changes === undefined) return this.#mend("by-snapshot");
    this.#moveTo(frame);
    this.#mended();
    if (changes.length > 0) this.#events.emit("change", changes);
  }

  /** The connection is gone, so what was asked will not be answered. */
  lose(): void {
    if (this.#mending === "by-position") this.#mending = "no";
    this.#setInStep(false);
  }

  /** This watch will not be answered. */
  refuse(refused: Refused): void {
    this.#setInStep(false);
    this.#events.emit("refused", refused);
    this.#settle(refused);
  }

  /** The client is closed. */
  end(error: Error): void {
    this.#stopped = true;
    this.#setInStep(false);
    this.#settle(error);
  }

  /** Undefined when the result is not what the server has. The statuses are then in doubt, and a snapshot must come. */
  #apply(frame: DeltaMessage): SeatChange[] | undefined {
    const changes: SeatChange[] = [];
    let checksum = this.#checksum;
    for (const change of frame.changes) {
      const seat = seatOfChange(change);
      const status = statusOfChange(change);
      const before = this.#statuses[seat];
      if (before === undefined) return undefined;
      checksum = rollChecksum(checksum, seat, before, status);
      this.#statuses[seat] = status;
      // The cast: codecs let 0 to 3 through alone.
      if (before !== status) changes.push({ seat, before: before as SeatStatus, status });
    }
    if (checksum !== frame.checksum) return undefined;
    this.#checksum = checksum;
    return changes;
  }

  #moveTo(position: Position): void {
    this.#epoch = position.epoch;
    this.#seq = position.seq;
  }

  /** Asks once; what comes until the answer is either that answer or too late to matter. */
  #mend(how: "by-position" | "by-snapshot"): void {
    if (this.#mending === how && how === "by-position") return;
    this.#mending = how;
    this.#vainMends++;
    this.#setInStep(false);
    this.#owner.mend(this);
  }

  #mended(): void {
    this.#mending = "no";
    this.#vainMends = 0;
    this.#setInStep(true);
  }

  #setInStep(inStep: boolean): void {
    if (this.#inStep === inStep) return;
    this.#inStep = inStep;
    this.#events.emit("inStep", inStep);
  }

  #settle(error?: Error): void {
    if (error === undefined) this.#settleReady?.resolve(this);
    else this.#settleReady?.reject(error);
    this.#settleReady = undefined;
  }
}
