/**
 * A shard: the one place where the commands for its showtimes are decided, one after another, and the only writer of its journal.
 *
 * A command is decided against memory at once, and its event joins the open batch. What it answers leaves with the commit of
 * that batch. An answer without an event of its own (a refusal, a repeat, a view) may rest on events that are not durable yet, so it
 * leaves with the newest batch that is not. A refusal leaves, besides, after PostgreSQL has said that the shard is still ours.
 *
 * While the outcome of a commit is unknown, memory may be ahead of the journal: whoever waits is told to ask again, and nothing is decided until
 * PostgreSQL says that the row is there. When a commit fails, the shard forgets everything, takes a new epoch and reads the journal
 * again. Whoever asks again finds the first answer if there was one.
 */
import { doubledMs } from "../../platform/back-off/index.ts";
import type { Bus } from "../../platform/bus/index.ts";
import { type Clock, endOfTurn, sleep } from "../../platform/clock/index.ts";
import { messageOf } from "../../platform/explained/index.ts";
import { type Logger, ReasonTold } from "../../platform/log/index.ts";
import {
  type CommandBatch,
  deltasOf,
  NOTICES,
  type Reply,
  type ReplyBatch,
  type SaleLimits,
  weightOf,
} from "../../proto/index.ts";
import { BrokenInvariant } from "../core/index.ts";
import { type Acknowledged, type Journal, SalesLost, type ShardCommit } from "../journal/index.ts";
import type { Committer, GroupCommit } from "./group-commit.ts";
import { Housekeeping } from "./housekeeping.ts";
import {
  MAILBOX_MAX,
  NOTICES_PER_MESSAGE_MAX,
  RECOVER_AGAIN_FIRST_MS,
  RECOVER_AGAIN_LAST_MS,
  RESUME_GRACE_MS,
  RESUMED_WITHIN_MS,
} from "./limits.ts";
import { Memory, type UnderWay } from "./memory.ts";
import type { Proof } from "./proof.ts";
import { AWAY, BUSY } from "./refusals.ts";
import type { RefusalMemory } from "./refusal-memory.ts";
import { ShardClock } from "./shard-clock.ts";
import { recover, type Recovery } from "./shard-state.ts";

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
  /** Shared by all shards of the process. */
  readonly refusals: RefusalMemory;
  /** What was acknowledged before this shard came here, as far as anybody remembers; the journal must have it. */
  readonly acknowledged: Acknowledged;
  /** What was read of the shard before it is claimed, or is being read. */
  readonly prepared?: Promise<Recovery | undefined> | undefined;
  readonly proof: Pick<Proof, "isFresh" | "renew">;
  /** After each commit: the row's size, and the requests that it answered. */
  onCommitted(bytes: number, requests: number): void;
  /** Another writer owns the shard now: this one has stopped for good. */
  onReplaced(): void;
}

/**
 * `unsure`: nothing is taken until it is known what became of a commit.
 * `leaving`: what was decided is still committed and answered, but nothing more is taken.
 */
type Phase = "recovering" | "serving" | "unsure" | "leaving" | "stopped";

/** What a shard is while it has an epoch to write with. */
interface Reign {
  readonly memory: Memory;
  readonly time: ShardClock;
  readonly housekeeping: Housekeeping;
}

export class Shard implements Committer {
  readonly id: number;
  readonly #options: ShardOptions;
  #phase: Phase = "recovering";
  #epoch = 0;
  #acknowledged: Acknowledged;
  #replayed = { rows: 0, bytes: 0 };
  #prepared: ShardOptions["prepared"];
  /** While it serves, is unsure or leaves. */
  #reign: Reign | undefined;
  #underWay: UnderWay | undefined;
  /** When that was cut, on the monotonic clock. */
  #cutAt = 0;
  #whenIdle: (() => void) | undefined;

  constructor(options: ShardOptions) {
    this.id = options.id;
    this.#options = options;
    this.#acknowledged = options.acknowledged;
    this.#prepared = options.prepared;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Whether it answers: one whose proof is old says that it is away. */
  get isServing(): boolean {
    return this.#phase === "serving" && this.#options.proof.isFresh;
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** The newest row that is known to be durable. */
  get acknowledged(): Acknowledged {
    return this.#acknowledged;
  }

  /** Requests whose answers wait for a commit. */
  get waiting(): number {
    return (this.#reign?.memory.open.requests ?? 0) + (this.#underWay?.batch.requests ?? 0);
  }

  /** What was replayed when it came here: rows, and bytes of events. */
  get replayed(): { readonly rows: number; readonly bytes: number } {
    return this.#replayed;
  }

  /** Takes the shard over. @throws when it cannot be recovered */
  async start(): Promise<void> {
    try {
      await this.#takeOver();
    } catch (error) {
      if (this.#phase === "recovering") this.#forget("recovering");
      throw error;
    }
  }

  /** Takes it over again, trying until it can. */
  async #comeBack(): Promise<void> {
    const { clock, log } = this.#options;
    let tries = 0;
    const why = new ReasonTold();
    while (this.#phase === "recovering") {
      try {
        await this.start();
      } catch (error) {
        const level = why.isNews(error) ? "error" : "debug"; // PostgreSQL may be away for long.
        log[level]({ shard: this.id, err: error }, "the shard cannot be recovered yet");
        await sleep(clock, doubledMs(RECOVER_AGAIN_FIRST_MS, tries++, RECOVER_AGAIN_LAST_MS));
      }
    }
  }

  /** Carries out every request in order; `answer` is called when all that the replies rest on is durable. */
  handle({ requests }: CommandBatch, answer: (replies: ReplyBatch) => void): void {
    if (requests.length === 0) return answer({ replies: [], shards: this.#options.shards });
    const reign = this.isServing ? this.#reign : undefined;
    if (reign === undefined) return answer(all(requests, AWAY));
    const weight = requests.reduce((sum, request) => sum + weightOf(request), 0);
    if (this.#isFull(weight)) return answer(all(requests, BUSY));
    const { memory, time, housekeeping } = reign;
    const now = time.now();
    // A view says nothing of anybody's time.
    if (housekeeping.isHeldUp(now) && requests.some(({ type }) => type !== "view")) return answer(all(requests, AWAY));
    const replies: Reply[] = [];
    try {
      for (const request of requests) memory.carryOut(request, now, replies);
    } catch (error) {
      if (!(error instanceof BrokenInvariant)) throw error;
      this.#distrust(error);
      return answer(all(requests, AWAY));
    }
    if (!memory.open.isIdle) this.#options.commits.request(this);
    const pending = memory.open.isIdle ? this.#underWay?.batch : memory.open;
    if (pending === undefined) answer({ replies });
    else pending.wait(replies, weight, answer);
  }

  cut(): ShardCommit | "proof" | undefined {
    if (this.#reign === undefined || !this.#mayCommit || this.#reign.memory.open.isIdle) return undefined;
    const { memory, time, housekeeping } = this.#reign;
    try {
      housekeeping.settle(time.now());
    } catch (error) {
      this.#distrust(error);
      return undefined;
    }
    this.#cutAt = this.#options.clock.monotonic();
    this.#underWay = memory.cut(time.now());
    return this.#underWay.commit ?? "proof";
  }

  committed(): void {
    if (this.#underWay === undefined) return; // Forgotten meanwhile, and whoever waited was told so.
    const { batch, deltas, commit } = this.#underWay;
    this.#underWay = undefined;
    const { bus, proof } = this.#options;
    if (commit !== undefined) {
      this.#acknowledged = { seq: commit.seq, epoch: commit.epoch };
      proof.renew(this.#cutAt); // It was written by the owner, and after that.
    }
    for (const delta of deltas) this.#tell(() => bus.publish(deltasOf(delta.showtime), delta));
    for (let from = 0; from < batch.notices.length; from += NOTICES_PER_MESSAGE_MAX) {
      this.#tell(() => bus.publish(NOTICES, { notices: batch.notices.slice(from, from + NOTICES_PER_MESSAGE_MAX) }));
    }
    batch.answer(this.#tell);
    if (commit !== undefined) this.#options.onCommitted(commit.events.length, batch.requests);
    if (this.#phase === "unsure" && commit !== undefined) this.#goOn(commit.at);
    this.#settleIdle();
  }

  /** Nobody had an answer since the commit that is known now was cut: that time does not count against holds. */
  #goOn(since: number): void {
    if (this.#reign === undefined) return;
    const { memory, time, housekeeping } = this.#reign;
    this.#phase = "serving";
    try {
      const now = time.now();
      memory.giveBack(now - since + RESUME_GRACE_MS, now);
      housekeeping.start();
    } catch (error) {
      this.#distrust(error);
    }
  }

  /** One that throws keeps nobody else from being told, and undoes nothing. */
  readonly #tell = (tell: () => void): void => {
    try {
      tell();
    } catch (error) {
      this.#options.log.error({ shard: this.id, err: error }, "somebody could not be told of a commit");
    }
  };

  unsure(cause: unknown): boolean {
    if (this.#reign === undefined) return false;
    if (this.#phase === "leaving") {
      this.#distrust(cause); // It will be another's, who finds out.
      return false;
    }
    if (this.#phase === "unsure") return true;
    const { memory, housekeeping } = this.#reign;
    memory.open.answerAll(AWAY, this.#tell);
    if (this.#underWay?.commit === undefined) return false; // A proof under way has an end of its own.
    this.#underWay.batch.answerAll(AWAY, this.#tell);
    const { log, commits } = this.#options;
    const reason = messageOf(cause);
    commits.lines.unsure.add((count) =>
      log.warn({ shard: this.id, epoch: this.#epoch, reason, count }, "the outcome of a commit is unknown: asking"),
    );
    this.#phase = "unsure";
    housekeeping.stop();
    return true;
  }

  lost(cause: unknown): void {
    if (this.#underWay === undefined) return;
    if (this.#underWay.commit !== undefined) return this.#failed(cause);
    // Nothing was written: memory is what it was, and whoever waits for a proof asks again.
    const { batch } = this.#underWay;
    this.#underWay = undefined;
    batch.answerAll(AWAY, this.#tell);
    this.#settleIdle();
  }

  replaced(cause: unknown): void {
    if (this.#underWay !== undefined) this.#giveWay(cause);
  }

  /** Memory is ahead of the journal. */
  #failed(cause: unknown): void {
    const { log, commits } = this.#options;
    commits.lines.failed.add((count) =>
      log.error({ shard: this.id, epoch: this.#epoch, err: cause, count }, "commits failed: reading the journal again"),
    );
    this.#readAgain();
  }

  /** Memory may not be what the journal says. */
  #distrust(cause: unknown): void {
    const { log } = this.#options;
    log.error(
      { shard: this.id, epoch: this.#epoch, err: cause },
      "memory is not to be trusted: reading the journal again",
    );
    this.#readAgain();
  }

  #readAgain(): void {
    // One that is taking over tries again by itself; one that is leaving will be another's.
    const comesBack = this.#phase === "serving" || this.#phase === "unsure";
    this.#forget(this.#phase === "leaving" ? "stopped" : "recovering");
    if (comesBack) void this.#comeBack();
  }

  /** The journal is another's. */
  #giveWay(cause: unknown): void {
    const { log } = this.#options;
    const reason = messageOf(cause);
    log.warn({ shard: this.id, epoch: this.#epoch, reason }, "the shard has another owner: stopped");
    this.#forget("stopped");
    this.#options.onReplaced();
  }

  /** See `Housekeeping.reachable`. */
  reachable(): void {
    if (this.#phase !== "serving" || this.#reign === undefined) return;
    try {
      this.#reign.housekeeping.reachable();
    } catch (error) {
      this.#distrust(error);
    }
  }

  /** PostgreSQL says which epoch is the newest; it was `asked` then, on the monotonic clock. */
  noteEpoch(newest: number | undefined, asked: number): void {
    if (newest === this.#epoch) this.#options.proof.renew(asked);
    else if (this.#reign !== undefined) this.#giveWay(new Error(`shard ${this.id} was claimed with epoch ${newest}`));
  }

  /** Another engine says that it has claimed the shard. Should it lie, no more is lost than the time until somebody claims it again. */
  noteServedElsewhere(epoch: number): void {
    const isNewer = epoch > this.#epoch && this.#phase !== "leaving" && this.#phase !== "stopped";
    if (isNewer) this.#giveWay(new Error(`shard ${this.id} is served with epoch ${epoch}`));
  }

  /** Takes no more, and answers what was decided. */
  async stop(): Promise<void> {
    if (this.#phase === "serving") {
      this.#phase = "leaving";
      this.#reign?.housekeeping.stop();
      if (this.#reign?.memory.open.isIdle === false || this.#underWay !== undefined) {
        this.#options.commits.request(this);
        await new Promise<void>((resolve) => {
          this.#whenIdle = resolve;
        });
      }
    }
    this.#forget("stopped");
  }

  get #mayCommit(): boolean {
    return this.#phase === "serving" || this.#phase === "leaving";
  }

  #isFull(more: number): boolean {
    const waiting = (this.#reign?.memory.open.weight ?? 0) + (this.#underWay?.batch.weight ?? 0);
    return waiting + more > MAILBOX_MAX;
  }

  async #takeOver(): Promise<void> {
    const { shards, journal, owner, commits, clock, log, limits, refusals, proof } = this.#options;
    const asked = clock.monotonic();
    // A shard that lost trust in its memory reclaims only what is still its own; it must not take the shard from a newer owner.
    const hadIt = this.#epoch > 0;
    const epoch = await (hadIt ? journal.reclaim(this.id, owner) : journal.claim(this.id, owner));
    if (epoch === undefined) return this.#giveWay(new Error(`shard ${this.id} was claimed by another engine`));
    const prepared = await this.#prepared;
    this.#prepared = undefined; // Should this fail, the next try reads everything.
    const recovered = recover(
      journal,
      this.id,
      (seq, error) => log.error({ shard: this.id, seq, err: error }, "a snapshot does not read: skipped"),
      // Those that are served meanwhile go on in between.
      { before: prepared, turn: () => endOfTurn(clock) },
    );
    const ending = journal.end(this.id, this.#acknowledged);
    const [{ state, snapshotSeq, replayedBytes }, { last, lost }] = await Promise.all([recovered, ending]);
    if (this.#phase !== "recovering") return;
    if (lost > 0) {
      await journal.noteLosses(new Map([[this.id, this.#acknowledged]]));
      throw new SalesLost(this.id, state.seq, lost);
    }
    this.#epoch = epoch;
    proof.renew(asked); // As of the claim, not of now: while the rows were read another may have claimed the shard.
    this.#acknowledged = last.seq === state.seq ? last : { seq: state.seq };
    this.#replayed = { rows: state.seq - snapshotSeq, bytes: replayedBytes };
    const time = new ShardClock(clock, state.at);
    const memory: Memory = new Memory({
      shard: this.id,
      shards,
      epoch,
      state,
      limits,
      refusals,
      onRecorded: () => commits.request(this),
      onDeadline: (at) => housekeeping.wakeBy(at),
    });
    const housekeeping: Housekeeping = new Housekeeping({
      shard: this.id,
      memory,
      time,
      clock,
      log,
      commitMs: () => commits.underWayMs,
      onFailure: (error) => this.#distrust(error),
    });
    this.#reign = { memory, time, housekeeping };
    memory.takeUp(time.now());
    // Callers that waited ask again at once, so the resumed holds are usually committed with the first of them. This timer is for when nobody
    // asks.
    clock.after(RESUMED_WITHIN_MS, () => commits.request(this));
    housekeeping.start();
    this.#phase = "serving";
    log.debug({ shard: this.id, epoch, seq: state.seq, snapshotSeq, replayedBytes }, "the shard serves");
  }

  /** Drops what may not be so, and tells those who wait. */
  #forget(phase: Phase): void {
    this.#phase = phase;
    const batches = [this.#underWay?.batch, this.#reign?.memory.open];
    this.#reign?.housekeeping.stop();
    this.#reign = undefined;
    this.#underWay = undefined;
    for (const batch of batches) batch?.answerAll(AWAY, this.#tell);
    this.#settleIdle();
  }

  #settleIdle(): void {
    if (this.#underWay !== undefined || (this.#mayCommit && this.#reign?.memory.open.isIdle === false)) return;
    this.#whenIdle?.();
    this.#whenIdle = undefined;
  }
}

const all = (requests: CommandBatch["requests"], reply: Reply): ReplyBatch => ({ replies: requests.map(() => reply) });
