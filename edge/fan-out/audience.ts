import type { Subscription } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import type { Refusal, ShowtimeId } from "../../proto/index.ts";
import type { Counts } from "../counts.ts";
import { LIMITS } from "../limits.ts";
import type { ReplicaSources } from "../replica/index.ts";
import { Channel, type Position, setAside, type Viewer, type Watch } from "./channel.ts";
import type { Ticker } from "./ticker.ts";

interface Options extends ReplicaSources {
  readonly counts: Counts;
  readonly ticker: Ticker;
}

/**
 * Who watches what. A viewer that comes while changes wait for the next frame waits with them. So it is shown nothing older than what it
 * may know already (its own hold, say), and the frame after that follows on for all viewers alike.
 */
export class Audience {
  readonly #options: Options;
  readonly #clock: Clock;
  readonly #counts: Counts;
  readonly #channels = new Map<ShowtimeId, Channel>();
  #fallingBehind: Viewer[] = [];
  readonly #gaps: Subscription;

  constructor(options: Options) {
    this.#options = options;
    this.#clock = options.clock;
    this.#counts = options.counts;
    this.#gaps = options.bus.onGap(() => {
      for (const channel of this.#channels.values()) channel.replica.check();
    });
  }

  get replicas(): number {
    return this.#channels.size;
  }

  /** How many seats the hall has, where somebody watches it. */
  seatCountOf(showtime: ShowtimeId): number | undefined {
    const replica = this.#channels.get(showtime)?.replica;
    return replica?.isInStep ? replica.map.seatCount : undefined;
  }

  /** Watching again shows the hall again. @returns whether the viewer had the whole hall, and was sent all of it once more */
  watch(viewer: Viewer, showtime: ShowtimeId, position: Position | undefined): boolean {
    const watch = viewer.watches.find(({ channel }) => channel.showtime === showtime) ?? this.#begin(viewer, showtime);
    if (watch === undefined || watch.state === "stale") return false;
    if (watch.state === "live") return this.#showAgain(viewer, watch.channel, position);
    watch.position = position;
    this.#showOrWait(viewer, watch);
    return false;
  }

  unwatch(viewer: Viewer, showtime: ShowtimeId): void {
    const watch = viewer.watches.find(({ channel }) => channel.showtime === showtime);
    if (watch !== undefined) this.#end(viewer, watch);
  }

  /** The connection is gone. */
  leave(viewer: Viewer): void {
    for (const watch of viewer.watches) this.#end(viewer, watch);
  }

  /** A frame was dropped for this reader. Comes while frames are being sent, when no subscription may be changed. */
  fellBehind(viewer: Viewer): void {
    this.#counts.dropped++;
    if (viewer.isFallingBehind) return;
    viewer.isFallingBehind = true;
    if (this.#fallingBehind.push(viewer) === 1) this.#clock.endOfTurn(this.#setAside);
  }

  /** The reader took some of what waited. Whole halls follow one by one, each when nothing waits any more. */
  caughtUp(viewer: Viewer): void {
    for (const watch of viewer.watches) {
      if (viewer.isFallingBehind || viewer.socket.backlog() > 0) return;
      if (watch.state === "stale") this.#showOrWait(viewer, watch);
    }
  }

  /** Drops replicas that nobody has watched for a while; the others look whether they missed something. */
  sweep(): void {
    const now = this.#clock.monotonic();
    for (const channel of this.#channels.values()) {
      if (channel.watches.size > 0) channel.replica.checkIfQuiet();
      else if (now - channel.idleSince >= LIMITS.replicaLingerMs) this.#drop(channel);
    }
  }

  stop(): void {
    this.#gaps.close();
    for (const channel of this.#channels.values()) this.#drop(channel);
  }

  #begin(viewer: Viewer, showtime: ShowtimeId): Watch | undefined {
    if (viewer.watches.length >= LIMITS.watchedMax) {
      viewer.refuse({
        code: "LIMIT_REACHED",
        message: `A connection may watch ${LIMITS.watchedMax} showtimes: unwatch one first.`,
      });
      return undefined;
    }
    const known = this.#channels.get(showtime);
    const channel = known ?? this.#open(showtime);
    if (channel === undefined) {
      viewer.refuse({ code: "BUSY", message: "Too many showtimes are watched here.", retryInMs: LIMITS.comeBackMs });
      return undefined;
    }
    const watch: Watch = { channel, state: "waiting", position: undefined };
    channel.watches.set(viewer, watch);
    channel.newcomers.add(viewer);
    viewer.watches = [...viewer.watches, watch];
    if (known === undefined) channel.replica.start();
    return watch;
  }

  #open(showtime: ShowtimeId): Channel | undefined {
    if (this.#channels.size >= LIMITS.replicasMax) return undefined;
    const channel = new Channel(showtime, this.#options, {
      changed: (changed) => this.#options.ticker.changed(changed),
      shown: (shown) => this.#admitNewcomers(shown),
      renewed: (renewed) => {
        this.#options.ticker.renewed(renewed);
        this.#admitNewcomers(renewed);
      },
      refused: (refused, why) => this.#refused(refused, why),
    });
    this.#channels.set(showtime, channel);
    return channel;
  }

  #admitNewcomers(channel: Channel): void {
    for (const viewer of channel.newcomers) {
      const watch = channel.watches.get(viewer);
      if (watch !== undefined) this.#showOrWait(viewer, watch);
    }
  }

  /** A showtime that is not there, or no longer, is refused to all its viewers; where the engine is away, to those who have seen nothing yet. */
  #refused(channel: Channel, { code, message, retryInMs }: Refusal): boolean {
    const isGone = code === "NOT_FOUND";
    for (const viewer of isGone ? channel.watches.keys() : channel.newcomers) {
      if (!isGone && channel.watches.get(viewer)?.state === "stale") continue; // It was shown the hall before.
      this.unwatch(viewer, channel.showtime);
      viewer.refuse({ code, message, ...(retryInMs !== undefined && { retryInMs }) });
    }
    if (channel.watches.size > 0) return true;
    this.#drop(channel);
    return false;
  }

  #showOrWait(viewer: Viewer, watch: Watch): void {
    const { channel } = watch;
    const { isInStep, map } = channel.replica;
    if (!isInStep || !map.isShown) {
      channel.newcomers.add(viewer);
    } else {
      channel.newcomers.delete(viewer);
      watch.state = this.#show(viewer, watch) ? "live" : "stale";
      if (watch.state === "live") channel.subscribe(viewer);
    }
  }

  #showAgain({ socket }: Viewer, channel: Channel, position: Position | undefined): boolean {
    if (!channel.replica.isInStep) return false; // The new view will come to it as to all the others.
    const resume = position && channel.resume(position, socket.encoding);
    if (resume === undefined) this.#counts.snapshots++;
    socket.send(resume ?? channel.snapshot(socket.encoding));
    return resume === undefined;
  }

  #show({ socket }: Viewer, watch: Watch): boolean {
    const { channel, position } = watch;
    watch.position = undefined;
    const resume = position && channel.resume(position, socket.encoding);
    if (resume === undefined) this.#counts.snapshots++;
    else this.#counts.resumes++;
    return socket.send(resume ?? channel.snapshot(socket.encoding));
  }

  readonly #setAside = (): void => {
    const viewers = this.#fallingBehind;
    this.#fallingBehind = [];
    for (const viewer of viewers) {
      viewer.isFallingBehind = false;
      setAside(viewer);
      // It may have drained within this very turn, and would not do so again.
      this.caughtUp(viewer);
    }
  };

  #end(viewer: Viewer, watch: Watch): void {
    const { channel } = watch;
    if (watch.state === "live") channel.unsubscribe(viewer);
    channel.watches.delete(viewer);
    channel.newcomers.delete(viewer);
    viewer.watches = viewer.watches.filter((other) => other !== watch);
    channel.idleSince = this.#clock.monotonic();
  }

  #drop(channel: Channel): void {
    channel.replica.close();
    this.#channels.delete(channel.showtime);
  }
}
