import type { Refusal, ShowtimeId } from "../../proto/index.ts";
import type { Encoding } from "../../proto/ws/index.ts";
import { EncodedOnce, ENCODINGS, type Frame } from "../encoding.ts";
import { LIMITS } from "../limits.ts";
import { Replica, type ReplicaSources } from "../replica/index.ts";
import type { Publisher, Socket } from "../socket.ts";

/** What a client says it was shown last. */
export interface Position {
  readonly epoch: number;
  readonly seq: number;
}

/** One connection's watch of one showtime. */
export interface Watch {
  readonly channel: Channel;
  /** `waiting` for a view or the next frame; `live`: subscribed; `stale`: frames were dropped, a snapshot comes once the reader caught up. */
  state: "waiting" | "live" | "stale";
  position: Position | undefined;
}

/** What the fan-out knows of a connection. */
export interface Viewer {
  readonly socket: Socket;
  watches: readonly Watch[];
  /** Frames were dropped for it in this loop turn. */
  isFallingBehind: boolean;
  refuse(why: Omit<Refusal, "type">): void;
}

/** No frame is kept for the viewer until its reader caught up, who is shown the halls then. Not within `dropped`. */
export function setAside(viewer: Viewer): void {
  for (const watch of viewer.watches) {
    if (watch.state === "live") watch.channel.unsubscribe(viewer);
    if (watch.state !== "waiting") watch.state = "stale";
  }
}

interface ChannelEvents {
  changed(channel: Channel): void;
  /** All changes so far are shown, and somebody waited for that. */
  shown(channel: Channel): void;
  /** The first view, or one that what was shown before does not lead to. */
  renewed(channel: Channel): void;
  refused(channel: Channel, why: Refusal): boolean;
}

/** One showtime's frames on their way to its viewers: one topic per encoding, and every frame encoded once. */
export class Channel {
  readonly showtime: ShowtimeId;
  readonly replica: Replica;
  readonly watches = new Map<Viewer, Watch>();
  /** Whose watches wait for a view or the next frame: they are new, or were `stale` and their readers caught up. */
  readonly newcomers = new Set<Viewer>();
  /** When the last watch ended, on the monotonic clock. */
  idleSince = 0;
  readonly #events: ChannelEvents;
  readonly #topics: Readonly<Record<Encoding, string>>;
  readonly #subscribers: Record<Encoding, number> = { json: 0, msgpack: 0 };
  #snapshot: EncodedOnce | undefined;
  /** By position, since the last frame. */
  readonly #resumes = new Map<number, EncodedOnce>();
  /** Positions from which only the whole hall can tell, since the last frame: thousands come back from one at once. */
  readonly #untold = new Set<number>();

  constructor(showtime: ShowtimeId, sources: ReplicaSources, events: ChannelEvents) {
    this.showtime = showtime;
    this.#events = events;
    this.#topics = { json: `${showtime}/json`, msgpack: `${showtime}/msgpack` };
    this.replica = new Replica(showtime, sources, {
      changed: () => events.changed(this),
      renewed: () => {
        this.#forget();
        events.renewed(this);
      },
      refused: (why) => events.refused(this, why),
    });
  }

  subscribe({ socket }: Viewer): void {
    socket.subscribe(this.#topics[socket.encoding]);
    this.#subscribers[socket.encoding]++;
  }

  unsubscribe({ socket }: Viewer): void {
    socket.unsubscribe(this.#topics[socket.encoding]);
    this.#subscribers[socket.encoding]--;
  }

  /** Shows what changed since the last frame, or the whole hall where that is smaller. @returns how many frames that took. */
  showChanges(to: Publisher): number {
    const { isInStep, map } = this.replica;
    const delta = isInStep ? map.show() : undefined;
    if (delta === undefined) return 0;
    this.#forget();
    const frame = new EncodedOnce(() => delta);
    const frames = this.#publish((encoding) => {
      const atMost = Math.max(LIMITS.frameSeats, map.seatCount * LIMITS.frameShare[encoding]);
      return delta.changes.length > atMost ? this.snapshot(encoding) : frame.in(encoding);
    }, to);
    if (this.newcomers.size > 0) this.#events.shown(this);
    return frames;
  }

  /** Shows the whole hall to everybody. @returns how many frames that took. */
  showAnew(to: Publisher): number {
    return this.#publish((encoding) => this.snapshot(encoding), to);
  }

  snapshot(encoding: Encoding): Frame {
    this.#snapshot ??= new EncodedOnce(() => this.replica.map.snapshot());
    return this.#snapshot.in(encoding);
  }

  /**
   * What somebody missed who was shown (`epoch`, `seq`). @returns undefined where the whole hall is to be shown instead: the position is
   * unknown, too much was missed, or too many other positions were asked for since the last frame
   */
  resume({ epoch, seq }: Position, encoding: Encoding): Frame | undefined {
    if (epoch !== this.replica.map.epoch) return undefined;
    if (!this.#resumes.has(seq)) {
      // Whoever asks only to keep the connection alive has missed nothing, however many strange positions came before.
      if (seq !== this.replica.map.shownSeq && this.#resumes.size >= LIMITS.resumesMax) return undefined;
      if (this.#untold.has(seq)) return undefined;
      const delta = this.replica.map.resume(epoch, seq);
      if (delta === undefined) {
        // It takes no place from those who can be told.
        if (this.#untold.size < LIMITS.resumesMax) this.#untold.add(seq);
        return undefined;
      }
      this.#resumes.set(seq, new EncodedOnce(() => delta));
    }
    return this.#resumes.get(seq)?.in(encoding);
  }

  #publish(frameIn: (encoding: Encoding) => Frame, to: Publisher): number {
    let frames = 0;
    for (const encoding of ENCODINGS) {
      if (this.#subscribers[encoding] === 0) continue;
      to.publish(this.#topics[encoding], frameIn(encoding));
      frames++;
    }
    return frames;
  }

  /** What was encoded shows a state that is over. */
  #forget(): void {
    this.#snapshot = undefined;
    this.#resumes.clear();
    this.#untold.clear();
  }
}
