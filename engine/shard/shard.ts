/**
 * A shard: the one place where the commands for its showtimes are decided, one after another, and the only writer of its journal.
 *
 * A command is decided against memory at once, and its event joins the open batch. What it answers leaves with the commit of
 * that batch. An answer without an event of its own (a refusal, a repeat, a view) may rest on events that are not durable yet, so it
 * leaves with the newest batch that is not. A refusal leaves, besides, after PostgreSQL has said that the shard is still ours.
 *
 * When a commit fails or its outcome is unknown, memory may be ahead of the journal: the shard forgets everything, takes a new epoch and
 * reads the journal again. Whoever waits is told to ask again, and finds the first answer if there was one.
 */
import type { Bus } from "../../platform/bus/index.ts";
import type { Clock, Timer } from "../../platform/clock/index.ts";
import type { Logger } from "../../platform/log/index.ts";
import {
  type Command,
  type CommandBatch,
  type Delta,
  deltasOf,
  ERRORS,
  type Event,
  holdIdOf,
  NOTICES,
  type Query,
  type Refusal,
  type Reply,
  type ReplyBatch,
  type SaleLimits,
  shardOf,
} from "../../proto/index.ts";
import {
  archive,
  decide,
  evolve,
  expire,
  findHold,
  limit,
  outcomeOf,
  resume,
  type ShowtimeState,
  viewOf,
} from "../core/index.ts";
import type { Journal, ShardCommit } from "../journal/index.ts";
import { Batch } from "./batch.ts";
import { Expiry } from "./expiry.ts";
import type { Committer, GroupCommit } from "./group-commit.ts";
import {
  ARCHIVE_EVERY_MS,
  BEHIND_MAX_MS,
  CLOCK_ROW_EVERY_MS,
  COME_BACK_MS,
  EXPIRY_EVERY_MS,
  MAILBOX_MAX,
  NOTICES_PER_MESSAGE_MAX,
  RECOVER_AGAIN_FIRST_MS,
  RECOVER_AGAIN_LAST_MS,
  REFUSALS_MAX,
  RESUME_GRACE_MS,
  RESUMED_WITHIN_MS,
  WALL_CLOCK_EVERY_MS,
} from "./limits.ts";
import { RecentDeltas } from "./recent-deltas.ts";
import type { Proof } from "./proof.ts";
import { RefusalMemory } from "./refusal-memory.ts";
import { RowWriter } from "./row-codec.ts";
import { ShardClock } from "./shard-clock.ts";
import { recover, type Recovery, ShardState } from "./shard-state.ts";

export interface ShardOptions {
  readonly id: number;
  /** How many there are. */
  readonly shards: number;
  readonly journal: Journal;
  /** Who claims it; unlike any other process' engine. */
  readonly owner: string;
  readonly commits: GroupCommit;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: SaleLimits;
  /** Rows that were acknowledged before this process began, as far as anybody remembers; the journal must have them. */
  readonly acknowledgedSeq: number;
  /** What was read of the shard before it was claimed. */
  readonly prepared?: Recovery | undefined;
  readonly proof: Pick<Proof, "isFresh" | "renew">;
  /** After each commit: the row's size, and the requests that it answered. */
  onCommitted(bytes: number, requests: number): void;
  /** Another writer owns the shard now: this one has stopped for good. */
  onReplaced(): void;
}

/** `leaving`: what was decided is still committed and answered, but nothing more is taken. */
type Phase = "recovering" | "serving" | "leaving" | "stopped";

const AWAY: Refusal = {
  type: "refused",
  code: "UNAVAILABLE",
  message: "The showtime's engine is recovering; ask again with the same `rid`.",
  retryInMs: COME_BACK_MS,
};
const BUSY: Refusal = {
  type: "refused",
  code: "BUSY",
  message: "The showtime's queue is full; nothing was done.",
  retryInMs: COME_BACK_MS,
};
const ELSEWHERE: Refusal = {
  type: "refused",
  code: "CONFLICT",
  message: "The showtime is another shard's: SHARDS must be the same in all processes.",
};
const UNKNOWN_SHOWTIME: Refusal = { type: "refused", code: "NOT_FOUND", message: "There is no such showtime on sale." };

/** A batch that was cut, with what it will say once it is durable. */
interface UnderWay {
  readonly batch: Batch;
  readonly deltas: readonly Delta[];
  /** None where PostgreSQL is only asked whether the shard is still ours. */
  readonly commit: ShardCommit | undefined;
}

export class Shard implements Committer {
  readonly id: number;
  readonly #options: ShardOptions;
  #phase: Phase = "recovering";
  #epoch = 0;
  #acknowledgedSeq: number;
  /** On the shard's clock. */
  #tookOverAt = 0;
  #state = new ShardState();
  #replayed = { rows: 0, bytes: 0 };
  #prepared: Recovery | undefined;
  #clock: ShardClock;
  /** Of whichever batch is open. */
  #row = new RowWriter();
  #open = new Batch(this.#row);
  #underWay: UnderWay | undefined;
  #expiry = new Expiry();
  #recent = new RecentDeltas();
  #refusals = new RefusalMemory(REFUSALS_MAX);
  #wakeTimer: Timer | undefined;
  #archiveTimer: Timer | undefined;
  #wallClockTimer: Timer | undefined;
  #wakeAt = Infinity;
  #idle: (() => void) | undefined;

  constructor(options: ShardOptions) {
    this.id = options.id;
    this.#options = options;
    this.#acknowledgedSeq = options.acknowledgedSeq;
    this.#prepared = options.prepared;
    this.#clock = new ShardClock(options.clock, 0);
  }

  get phase(): Phase {
    return this.#phase;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The newest row that is known to be durable. */
  get acknowledgedSeq(): number {
    return this.#acknowledgedSeq;
  }

  /** Requests whose answers wait for a commit. */
  get waiting(): number {
    return this.#open.requests + (this.#underWay?.batch.requests ?? 0);
  }

  /** What was replayed when it came here: rows, and bytes of events. */
  get replayed(): { readonly rows: number; readonly bytes: number } {
    return this.#replayed;
  }

  /** Takes the shard over, trying until it can. With `once`, a failure is thrown instead. */
  async start({ once }: { once: boolean }): Promise<void> {
    let pauseMs = RECOVER_AGAIN_FIRST_MS;
    while (this.#phase === "recovering") {
      try {
        await this.#takeOver();
      } catch (error) {
        if (once) throw error;
        this.#options.log.error({ shard: this.id, err: error }, "the shard cannot be recovered yet");
        await new Promise<void>((resolve) => this.#options.clock.after(pauseMs, resolve));
        pauseMs = Math.min(pauseMs * 2, RECOVER_AGAIN_LAST_MS);
      }
    }
  }

  /** Carries out every request in order; `answer` is called when all that the replies rest on is durable. */
  handle({ requests }: CommandBatch, answer: (replies: ReplyBatch) => void): void {
    if (requests.length === 0) return answer({ replies: [], shards: this.#options.shards });
    const isAway = this.#phase !== "serving" || !this.#options.proof.isFresh;
    const refusal = isAway ? AWAY : this.#isFull(requests.length) ? BUSY : undefined;
    if (refusal !== undefined) {
      answer({ replies: requests.map(() => refusal) });
      return;
    }
    const now = this.#clock.now();
    const replies: Reply[] = [];
    for (const request of requests) {
      if (request.type === "view") this.#view(request, replies);
      else if (request.type === "get-hold") replies.push(this.#findHold(request, now));
      else replies.push(this.#carryOut(request, now));
    }
    if (!this.#open.isIdle) this.#options.commits.request(this);
    const pending = this.#open.isIdle ? this.#underWay?.batch : this.#open;
    if (pending === undefined) answer({ replies });
    else pending.wait(replies, answer);
  }

  cut(): ShardCommit | "proof" | undefined {
    const batch = this.#open;
    if (!this.#mayCommit || batch.isIdle) return undefined;
    if (!batch.hasRow) {
      this.#open = new Batch(this.#row);
      this.#underWay = { batch, deltas: [], commit: undefined };
      return "proof";
    }
    const deltas = batch.deltas(this.#epoch);
    for (const delta of deltas) this.#recent.push(delta);
    batch.close();
    const events = batch.takeRow();
    this.#open = new Batch(this.#row);
    this.#state.seq++;
    this.#state.at = this.#clock.now();
    const commit: ShardCommit = {
      shard: this.id,
      seq: this.#state.seq,
      epoch: this.#epoch,
      at: this.#state.at,
      events,
      bookedSeats: batch.bookedSeats(),
    };
    this.#underWay = { batch, deltas, commit };
    return commit;
  }

  committed(): void {
    if (this.#underWay === undefined) return; // Forgotten meanwhile, and whoever waited was told so.
    const { batch, deltas, commit } = this.#underWay;
    this.#underWay = undefined;
    if (commit !== undefined) this.#acknowledgedSeq = commit.seq;
    const { bus } = this.#options;
    for (const delta of deltas) this.#tell(() => bus.publish(deltasOf(delta.showtime), delta));
    for (let from = 0; from < batch.notices.length; from += NOTICES_PER_MESSAGE_MAX) {
      this.#tell(() => bus.publish(NOTICES, { notices: batch.notices.slice(from, from + NOTICES_PER_MESSAGE_MAX) }));
    }
    batch.answer(this.#tell);
    if (commit !== undefined) this.#options.onCommitted(commit.events.length, batch.requests);
    this.#settleIdle();
  }

  /** Who cannot be told keeps nobody else from being told, and makes nothing undone. */
  readonly #tell = (tell: () => void): void => {
    try {
      tell();
    } catch (error) {
      this.#options.log.error({ shard: this.id, err: error }, "somebody could not be told of a commit");
    }
  };

  lost(cause: unknown, replaced: boolean): void {
    if (this.#underWay === undefined) return;
    if (this.#underWay.commit !== undefined || replaced) return this.#distrust(cause, replaced);
    // Nothing was written: memory is what it was, and whoever waits for a proof asks again.
    const { batch } = this.#underWay;
    this.#underWay = undefined;
    batch.answerAll(AWAY, this.#tell);
    this.#settleIdle();
  }

  /** Memory may not be what the journal says, or the journal is another's. */
  #distrust(cause: unknown, replaced: boolean): void {
    this.#options.log.error(
      { shard: this.id, epoch: this.#epoch, err: cause },
      replaced ? "the shard has another owner: stopped" : "memory is not to be trusted: reading the journal again",
    );
    const comesBack = this.#phase === "serving"; // While it takes over it tries again by itself, and one that leaves is another's next.
    this.#forget(replaced || this.#phase === "leaving" ? "stopped" : "recovering");
    if (replaced) this.#options.onReplaced();
    else if (comesBack) void this.start({ once: false });
  }

  /** The way to the shard is open only now: the time since it took over does not count against holds either. */
  reachable(): void {
    if (this.#phase !== "serving") return;
    const now = this.#clock.now();
    this.#giveBack(now - this.#tookOverAt, now);
    this.#tookOverAt = now;
  }

  /** PostgreSQL says which epoch is the newest; it was `asked` then, on the monotonic clock. */
  noteEpoch(newest: number | undefined, asked: number): void {
    if (newest === this.#epoch) this.#options.proof.renew(asked);
    else if (this.#mayCommit) this.#distrust(new Error(`shard ${this.id} was claimed with epoch ${newest}`), true);
  }

  /** Another engine says that it has claimed the shard. Should it lie, no more is lost than the time until somebody claims it again. */
  noteServedElsewhere(epoch: number): void {
    const isNewer = epoch > this.#epoch && (this.#phase === "serving" || this.#phase === "recovering");
    if (isNewer) this.#distrust(new Error(`shard ${this.id} is served with epoch ${epoch}`), true);
  }

  /** Takes no more, and answers what was decided. */
  async stop(): Promise<void> {
    if (this.#phase === "serving") {
      this.#phase = "leaving";
      if (!this.#open.isIdle || this.#underWay !== undefined) {
        this.#options.commits.request(this);
        await new Promise<void>((resolve) => {
          this.#idle = resolve;
        });
      }
    }
    this.#forget("stopped");
  }

  get #mayCommit(): boolean {
    return this.#phase === "serving" || this.#phase === "leaving";
  }

  #isFull(more: number): boolean {
    return this.waiting + more > MAILBOX_MAX;
  }

  /** A view is of the end of a batch, never of its middle: so the next delta always goes on from it. */
  #view({ showtime, recent = false }: Extract<Query, { type: "view" }>, replies: Reply[]): void {
    const place = replies.length;
    const look = (): void => {
      const state = this.#state.showtimes.get(showtime);
      const gone = state === undefined || state.phase === "archived";
      replies[place] = gone
        ? UNKNOWN_SHOWTIME
        : { type: "view", epoch: this.#epoch, ...viewOf(state), ...(recent && { recent: this.#recent.of(showtime) }) };
    };
    look();
    if (this.#open.hasEvents) this.#open.beforeCut(look);
  }

  #findHold(query: Extract<Query, { type: "get-hold" }>, now: number): Reply {
    return findHold(this.#state.showtimes.get(query.showtime), query.holder, query.hold, now);
  }

  #carryOut(command: Command, now: number): Reply {
    const { limits, shards } = this.#options;
    // Whoever reckons with another number of shards must not make a second actor for a showtime.
    if (command.type === "open" && shardOf(command.showtime, shards) !== this.id) return ELSEWHERE;
    const refused = this.#refusals.recall(command.holder, command.rid);
    if (refused !== undefined) return this.#refuse(refused);
    const decision = decide(this.#state.showtimes.get(command.showtime), command, now, limits);
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
        // What may go well when it is asked again must not be refused for good.
        if (!ERRORS[decision.refusal.code].retryable) {
          this.#refusals.remember(command.holder, command.rid, decision.refusal);
        }
        return this.#refuse(decision.refusal);
    }
  }

  /** Another owner may have the shard by now, and carry out what is refused here: PostgreSQL says before the answer leaves. */
  #refuse(refusal: Refusal): Refusal {
    this.#open.needsProof = true;
    return refusal;
  }

  /** An event becomes memory at once, and durable with the open batch. */
  #record(showtime: Command["showtime"], event: Event): void {
    this.#remember(showtime, event);
    this.#options.commits.request(this);
  }

  /** Memory alone: it becomes durable with the next commit. */
  #remember(showtime: Command["showtime"], event: Event): void {
    const state = this.#state.of(showtime);
    const touched = this.#open.touch(state);
    try {
      evolve(state, event, touched.changes);
    } catch (error) {
      this.#distrust(error, false);
      throw error;
    }
    this.#open.add(showtime, event);
    const deadline = this.#expiry.note(showtime, event);
    if (deadline < this.#wakeAt) this.#wakeBy(deadline);
  }

  #wakeBy(at: number): void {
    if (!this.#expiry.hasLiveHolds) return;
    const now = this.#clock.now();
    const wakeAt = Math.max(Math.min(at, now + CLOCK_ROW_EVERY_MS), now + EXPIRY_EVERY_MS);
    if (wakeAt >= this.#wakeAt) return;
    this.#wakeTimer?.cancel();
    this.#wakeAt = wakeAt;
    this.#wakeTimer = this.#options.clock.after(wakeAt - now, () => this.#wake());
  }

  #wake(): void {
    this.#wakeAt = Infinity;
    if (this.#phase !== "serving") return;
    const now = this.#clock.now();
    for (const { state, holds } of this.#expiry.due(now, this.#state.showtimes)) {
      for (const hold of holds) this.#expire(state, hold, now);
    }
    if (this.#expiry.hasLiveHolds && now - this.#state.at >= CLOCK_ROW_EVERY_MS) {
      this.#open.keepsClock = true;
      this.#options.commits.request(this);
    }
    this.#wakeBy(this.#expiry.next());
  }

  #expire(state: ShowtimeState, hold: number, now: number): void {
    const event = expire(state, hold, now);
    if (event === undefined) return;
    this.#record(state.id, event);
    this.#open.notices.push({ type: "expired", holder: event.holder, hold: holdIdOf(state.id, hold) });
  }

  /** Now and then: what is over for long goes out of memory, and out of the next snapshot. */
  #archive(): void {
    const now = this.#clock.now();
    for (const state of this.#state.showtimes.values()) {
      const archived = archive(state, now);
      if (archived !== undefined) this.#record(state.id, archived);
    }
    this.#archiveTimer = this.#options.clock.after(ARCHIVE_EVERY_MS, () => this.#archive());
  }

  /** Now and then: a wall clock that stays ahead is caught up with, so that sales begin and end when they should; holds keep what was left to them. */
  #lookAtWallClock(wasAhead: boolean): void {
    const behindMs = this.#clock.behindMs();
    const isAhead = behindMs > BEHIND_MAX_MS;
    if (isAhead && wasAhead) {
      this.#options.log.info({ shard: this.id, ms: behindMs }, "the wall clock was set forward, or the machine slept");
      this.#clock.skip(behindMs);
      this.#tookOverAt += behindMs;
      this.#giveBack(behindMs, this.#clock.now());
    }
    this.#wallClockTimer = this.#options.clock.after(WALL_CLOCK_EVERY_MS, () => this.#lookAtWallClock(isAhead));
  }

  #giveBack(ms: number, now: number): void {
    for (const showtime of this.#state.showtimes.values()) {
      const resumed = resume(showtime, ms, now);
      if (resumed !== undefined) this.#record(showtime.id, resumed);
    }
  }

  async #takeOver(): Promise<void> {
    const { journal, owner, clock, log, limits, proof } = this.#options;
    const asked = clock.monotonic();
    // Whose memory cannot be trusted may go on, but not take the shard from an engine that has it by now.
    const hadIt = this.#epoch > 0;
    const epoch = await (hadIt ? journal.reclaim(this.id, owner) : journal.claim(this.id, owner));
    if (epoch === undefined) return this.#distrust(new Error(`shard ${this.id} was claimed by another engine`), true);
    const prepared = this.#prepared;
    this.#prepared = undefined; // Should this fail, the next try reads everything.
    const { state, snapshotSeq, replayedBytes } = await recover(
      journal,
      this.id,
      (seq, error) => log.error({ shard: this.id, seq, err: error }, "a snapshot does not read: skipped"),
      // Those that are served meanwhile go on in between.
      { before: prepared, turn: () => new Promise((resolve) => clock.endOfTurn(resolve)) },
    );
    if (this.#phase !== "recovering") return;
    if (state.seq < this.#acknowledgedSeq) {
      throw new Error(
        `PostgreSQL has lost sales it had acknowledged: shard ${this.id} ends at row ${state.seq}, but row ` +
          `${this.#acknowledgedSeq} was acknowledged. Restore the database that has it.`,
      );
    }
    this.#epoch = epoch;
    proof.renew(asked); // Of this epoch; while its rows were read another may have claimed it.
    this.#acknowledgedSeq = state.seq;
    this.#replayed = { rows: state.seq - snapshotSeq, bytes: replayedBytes };
    this.#state = state;
    this.#clock = new ShardClock(clock, state.at);
    const now = this.#clock.now();
    this.#tookOverAt = now;
    for (const showtime of state.showtimes.values()) {
      const resumed = resume(showtime, now - state.at + RESUME_GRACE_MS, now);
      if (resumed !== undefined) this.#remember(showtime.id, resumed);
      const limited = limit(showtime, limits, now);
      if (limited !== undefined) this.#remember(showtime.id, limited);
      this.#expiry.adopt(showtime);
    }
    // Those who have waited for the shard ask at once: what was remembered here goes out with the first of them, not before.
    clock.after(RESUMED_WITHIN_MS, () => this.#options.commits.request(this));
    this.#wakeBy(this.#expiry.next());
    this.#archive();
    this.#lookAtWallClock(false);
    this.#phase = "serving";
    log.debug({ shard: this.id, epoch, seq: state.seq, snapshotSeq, replayedBytes }, "the shard serves");
  }

  /** Drops what may not be so, and tells those who wait. */
  #forget(phase: Phase): void {
    this.#phase = phase;
    const batches = [this.#underWay?.batch, this.#open];
    this.#underWay = undefined;
    this.#row = new RowWriter();
    this.#open = new Batch(this.#row);
    this.#state = new ShardState();
    this.#expiry = new Expiry();
    this.#recent = new RecentDeltas();
    this.#refusals = new RefusalMemory(REFUSALS_MAX);
    this.#wakeTimer?.cancel();
    this.#archiveTimer?.cancel();
    this.#wallClockTimer?.cancel();
    this.#wakeAt = Infinity;
    for (const batch of batches) batch?.answerAll(AWAY, this.#tell);
    this.#settleIdle();
  }

  #settleIdle(): void {
    if (this.#underWay !== undefined || (this.#mayCommit && !this.#open.isIdle)) return;
    this.#idle?.();
    this.#idle = undefined;
  }
}
