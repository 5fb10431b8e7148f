/**
 * What a shard has in memory while it owns its showtimes: their state, the batch that is open, and what it remembers of answers. A command
 * is decided against it at once, and its event is memory before it is durable; so all of it is thrown away where it may not be what the
 * journal says.
 */
import {
  type Command,
  type CommandBatch,
  type Delta,
  ERRORS,
  type Event,
  holdIdOf,
  type Query,
  type Refusal,
  type Reply,
  type SaleLimits,
  shardOf,
} from "../../proto/index.ts";
import {
  archive,
  BrokenInvariant,
  decide,
  evolve,
  expire,
  findHold,
  limit,
  outcomeOf,
  resume,
  viewOf,
} from "../core/index.ts";
import type { ShardCommit } from "../journal/index.ts";
import { Batch } from "./batch.ts";
import { Expiry } from "./expiry.ts";
import { CLOCK_ROW_EVERY_MS, CLOCK_ROWS_TOGETHER_MS, RESUME_GRACE_MS } from "./limits.ts";
import { RecentDeltas } from "./recent-deltas.ts";
import type { RefusalMemory } from "./refusal-memory.ts";
import { ELSEWHERE, UNKNOWN_SHOWTIME } from "./refusals.ts";
import { RowWriter } from "./row-codec.ts";
import type { ShardState } from "./shard-state.ts";

interface Options {
  readonly shard: number;
  /** How many there are. */
  readonly shards: number;
  readonly epoch: number;
  /** As the journal says. */
  readonly state: ShardState;
  readonly limits: SaleLimits;
  /** Shared by all shards of the process. */
  readonly refusals: RefusalMemory;
  /** An event has become memory, and should soon be durable. */
  onRecorded(): void;
  /** A hold may run out then, on the shard's clock; Infinity where the event set no deadline. */
  onDeadline(at: number): void;
}

/** A batch that was cut, with what it will say once it is durable. */
export interface UnderWay {
  readonly batch: Batch;
  readonly deltas: readonly Delta[];
  /** None where PostgreSQL is only asked whether the shard is still ours. */
  readonly commit: ShardCommit | undefined;
}

export class Memory {
  readonly #options: Options;
  readonly #state: ShardState;
  /** Row of whichever batch is open. */
  readonly #row = new RowWriter();
  #open = new Batch(this.#row);
  readonly #expiry = new Expiry();
  readonly #recent = new RecentDeltas();
  /** In what is remembered of refusals. */
  readonly #reign: number;
  /** Until it has refused something no command is looked for there. */
  #hasRefused = false;

  constructor(options: Options) {
    this.#options = options;
    this.#state = options.state;
    this.#reign = options.refusals.newReign();
  }

  /** The batch that collects what is decided now. */
  get open(): Batch {
    return this.#open;
  }

  /**
   * A hold is alive, or was, and its holder's clock is not over for the journal: if that did not know when, the time that an engine was away would
   * be given to the clock too, and the holder's next hold would be of what little of it is left.
   */
  get hasRunningClocks(): boolean {
    return this.#expiry.hasLiveHolds || this.#state.at < this.#expiry.latest + RESUME_GRACE_MS;
  }

  /** The next time at which a hold may run out; Infinity when there is none. */
  get nextDeadline(): number {
    return this.#expiry.next();
  }

  /**
   * The answer to one request, in `replies`; it may be given once all that it rests on is durable.
   * @throws BrokenInvariant when what is here contradicts itself
   */
  carryOut(request: CommandBatch["requests"][number], now: number, replies: Reply[]): void {
    if (request.type === "view") this.#view(request, replies);
    else if (request.type === "get-hold") replies.push(this.#findHold(request, now));
    else replies.push(this.#decide(request, now));
  }

  /** Closes the open batch and opens the next. */
  cut(now: number): UnderWay {
    const batch = this.#open;
    if (!batch.hasRow) {
      this.#open = new Batch(this.#row);
      return { batch, deltas: [], commit: undefined };
    }
    const { shard, epoch } = this.#options;
    const deltas = batch.deltas(epoch);
    for (const delta of deltas) this.#recent.push(delta);
    batch.close();
    const events = batch.takeRow();
    this.#open = new Batch(this.#row);
    const seq = ++this.#state.seq;
    const at = (this.#state.at = now);
    return { batch, deltas, commit: { shard, seq, epoch, at, events, bookedSeats: batch.bookedSeats() } };
  }

  /**
   * After a takeover: holds keep what was left of their time, and showtimes have the limits of today. It becomes durable with the next
   * commit, and asks for none.
   */
  takeUp(now: number): void {
    for (const showtime of this.#state.showtimes.values()) {
      const resumed = resume(showtime, now - this.#state.at + RESUME_GRACE_MS, now);
      if (resumed !== undefined) this.#remember(showtime.id, resumed);
      const limited = limit(showtime, this.#options.limits, now);
      if (limited !== undefined) this.#remember(showtime.id, limited);
      this.#expiry.adopt(showtime);
    }
  }

  /** Holds get `ms` more. */
  giveBack(ms: number, now: number): void {
    for (const showtime of this.#state.showtimes.values()) {
      const resumed = resume(showtime, ms, now);
      if (resumed !== undefined) this.#record(showtime.id, resumed);
    }
    this.#expiry.giveBack(ms);
  }

  /** Holds whose time is over run out. */
  expire(now: number): void {
    for (const { state, holds } of this.#expiry.due(now, this.#state.showtimes)) {
      for (const hold of holds) {
        const event = expire(state, hold, now);
        if (event === undefined) continue;
        this.#record(state.id, event);
        this.#open.notices.push({ type: "expired", holder: event.holder, hold: holdIdOf(state.id, hold) });
      }
    }
  }

  /** When the journal is to know the time again, while clocks run. */
  get clockRowDueAt(): number {
    return clockRowAfter(this.#state.at);
  }

  /** It has to, now and then, also when nothing happens. */
  keepClock(now: number): void {
    if (!this.hasRunningClocks || now < this.clockRowDueAt) return;
    this.#open.keepsClock = true;
    this.#options.onRecorded();
  }

  /**
   * What is over for long goes out of memory, and out of the next snapshot. What best available found out goes as well: it is kilobytes
   * for each wish, soon found out again where somebody asks, and of most showtimes nobody does for days.
   */
  archive(now: number): void {
    for (const state of this.#state.showtimes.values()) {
      state.nearest.forget();
      const archived = archive(state, now);
      if (archived !== undefined) this.#record(state.id, archived);
    }
  }

  /** A view is of the end of a batch, never of its middle: so the next delta always goes on from it. */
  #view({ showtime, recent = false }: Extract<Query, { type: "view" }>, replies: Reply[]): void {
    const place = replies.length;
    const look = (): void => {
      const state = this.#state.showtimes.get(showtime);
      const gone = state === undefined || state.phase === "archived";
      replies[place] = gone
        ? UNKNOWN_SHOWTIME
        : {
            type: "view",
            epoch: this.#options.epoch,
            ...viewOf(state),
            ...(recent && { recent: this.#recent.of(showtime) }),
          };
    };
    look();
    if (this.#open.hasEvents) this.#open.beforeCut(look);
  }

  #findHold(query: Extract<Query, { type: "get-hold" }>, now: number): Reply {
    const found = findHold(this.#state.showtimes.get(query.showtime), query.holder, query.hold, now);
    return found.type === "refused" ? this.#refuse(found) : found;
  }

  #decide(command: Command, now: number): Reply {
    const { limits, refusals, shard, shards } = this.#options;
    // Whoever reckons with another number of shards must not make a second actor for a showtime.
    if (command.type === "open" && shardOf(command.showtime, shards) !== shard) return ELSEWHERE;
    const refused = this.#hasRefused ? refusals.recall(this.#reign, command.holder, command.rid) : undefined;
    if (refused !== undefined) return this.#refuse(refused);
    const showtime = this.#state.showtimes.get(command.showtime);
    const decision = decide(showtime, command, now, limits);
    switch (decision.kind) {
      case "event": {
        const { event } = decision;
        this.#record(command.showtime, event);
        if (event.type === "confirmed") {
          const { holder, booking } = event;
          if (command.type === "confirm")
            this.#open.notices.push({ type: "booked", holder, hold: command.hold, booking });
        }
        return outcomeOf(command.showtime, event);
      }
      case "repeat":
        return decision.outcome;
      case "refused":
        // What may go well when it is asked again must not be refused for good; nor what is asked before the showtime is opened.
        if (showtime !== undefined && !ERRORS[decision.refusal.code].retryable) {
          this.#hasRefused = true;
          refusals.remember(this.#reign, command.holder, command.rid, decision.refusal);
        }
        return this.#refuse(decision.refusal);
    }
  }

  /** Another owner may have the shard by now, and carry out, or have, what is refused here: PostgreSQL says before the answer leaves. */
  #refuse(refusal: Refusal): Refusal {
    this.#open.needsProof = true;
    return refusal;
  }

  #record(showtime: Command["showtime"], event: Event): void {
    this.#remember(showtime, event);
    this.#options.onRecorded();
  }

  /** @throws BrokenInvariant when the event does not fit what is here */
  #remember(showtime: Command["showtime"], event: Event): void {
    const state = this.#state.of(showtime);
    const touched = this.#open.touch(state);
    try {
      evolve(state, event, touched.changes);
    } catch (error) {
      if (error instanceof BrokenInvariant) throw error;
      throw new BrokenInvariant(`a ${event.type} event was applied in part`, { cause: error });
    }
    this.#open.add(touched, event);
    this.#options.onDeadline(this.#expiry.note(showtime, event));
  }
}

/** When a row of that time is followed by one that keeps the clock: when other shards' are, so that one commit takes those of many. */
export function clockRowAfter(at: number): number {
  const latest = at + CLOCK_ROW_EVERY_MS;
  return latest - (latest % CLOCK_ROWS_TOGETHER_MS);
}
