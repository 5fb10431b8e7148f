import type { Bus, Subscription } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import { type Delta, deltasOf, type Refusal, type Reply, type ShowtimeId } from "../../proto/index.ts";
import { LIMITS } from "../limits.ts";
import type { EngineGateway } from "../ports.ts";
import { SeatMap } from "./seat-map.ts";

export interface ReplicaEvents {
  /** There is something to show. */
  changed(): void;
  /** The map was read anew: what viewers were shown before does not lead to it. */
  renewed(): void;
  /** The engine gave no view. @returns whether somebody still watches, so that it is to be asked again */
  refused(why: Refusal): boolean;
}

export interface ReplicaSources {
  readonly bus: Bus;
  readonly engine: EngineGateway;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * A mirror of one hall: the engine's deltas, laid over a view of it. It listens first and asks for the view then, so that nothing
 * is missed between the two; and asks again when a delta does not fit.
 */
export class Replica {
  readonly map: SeatMap;
  readonly #sources: ReplicaSources;
  readonly #events: ReplicaEvents;
  #subscription: Subscription | undefined;
  /** What came while a view is awaited; undefined while in step with the engine. */
  #waiting: Delta[] | undefined = [];
  /** Whether there ever was a view. */
  #ready = false;
  #closed = false;
  #heardAt: number;

  constructor(showtime: ShowtimeId, sources: ReplicaSources, events: ReplicaEvents) {
    this.map = new SeatMap(showtime);
    this.#sources = sources;
    this.#events = events;
    this.#heardAt = sources.clock.monotonic();
  }

  /** An event may come before this returns. */
  start(): void {
    this.#subscription = this.#sources.bus.subscribe(deltasOf(this.map.showtime), (delta) => this.#hear(delta));
    this.#askForView();
  }

  /** Whether newcomers can be shown something: not before the first view, and not while the map is known to be wrong. */
  get isInStep(): boolean {
    return this.#ready && this.#waiting === undefined;
  }

  /** Checks if nothing was heard for a while. */
  checkIfQuiet(): void {
    if (this.#sources.clock.monotonic() - this.#heardAt >= LIMITS.replicaCheckMs) this.check();
  }

  /** Asks the engine whether a delta was lost with none after it. */
  check(): void {
    if (!this.isInStep) return;
    const { clock, engine } = this.#sources;
    this.#heardAt = clock.monotonic();
    engine.send({ type: "view", showtime: this.map.showtime }, (reply) => {
      if (this.#closed || !this.isInStep) return;
      if (reply.type === "refused" && reply.code === "NOT_FOUND") this.#events.refused(reply); // It was archived.
      if (reply.type !== "view") return;
      if (reply.epoch === this.map.epoch && reply.seq <= this.map.seq) return;
      this.#tell(reply, "a replica had lost its last delta: reading the hall anew");
      this.#mend();
    });
  }

  close(): void {
    this.#closed = true;
    this.#subscription?.close();
  }

  #hear(delta: Delta): void {
    if (this.#closed) return;
    this.#heardAt = this.#sources.clock.monotonic();
    if (this.#waiting !== undefined) {
      // Past the bound all is let go; what comes next will not fit the view, and another view is asked for.
      if (this.#waiting.length >= LIMITS.replicaBacklogMax) this.#waiting.length = 0;
      this.#waiting.push(delta);
    } else if (this.map.apply(delta)) {
      this.#events.changed();
    } else {
      this.#tell(delta, "a delta does not follow: reading the hall anew");
      this.#mend(delta);
    }
  }

  /** Where another engine has the hall, nothing was lost: deltas of one epoch lead into no other. */
  #tell(
    { epoch, seq, from }: { readonly epoch: number; readonly seq: number; readonly from?: number },
    lost: string,
  ): void {
    const { log } = this.#sources;
    const { showtime, epoch: knownEpoch, seq: knownSeq } = this.map;
    const numbers = { showtime, knownEpoch, knownSeq, epoch, seq, from };
    if (epoch === knownEpoch) log.warn(numbers, lost);
    else log.debug(numbers, "another engine has the hall: reading it anew");
  }

  #mend(...heard: Delta[]): void {
    this.#waiting = heard;
    this.#askForView();
  }

  readonly #askForView = (): void => {
    if (!this.#closed)
      this.#sources.engine.send({ type: "view", showtime: this.map.showtime, recent: true }, (reply) =>
        this.#read(reply),
      );
  };

  #askAgainIn(ms: number): void {
    this.#sources.clock.after(ms, this.#askForView);
  }

  #read(reply: Reply): void {
    if (this.#closed) return;
    if (reply.type === "refused") {
      if (this.#events.refused(reply)) this.#askAgainIn(reply.retryInMs ?? LIMITS.replicaRetryMs);
      return;
    }
    if (reply.type !== "view" || !this.map.reset(reply)) {
      this.#sources.log.error(
        { showtime: this.map.showtime, type: reply.type },
        "the engine's view cannot be right; asking again",
      );
      this.#askAgainIn(LIMITS.replicaRetryMs);
      return;
    }
    const waiting = this.#waiting ?? [];
    if (!waiting.every((delta) => this.map.apply(delta))) {
      this.#waiting = [];
      this.#askAgainIn(LIMITS.replicaRetryMs);
      return;
    }
    this.#waiting = undefined;
    this.#ready = true;
    this.#events.renewed();
    if (waiting.length > 0) this.#events.changed();
  }
}
