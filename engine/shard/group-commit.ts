/**
 * One commit at a time for all shards of a process. While a commit is under way, shards go on deciding; when it is done, everything
 * they have collected goes out in the next one. So a batch grows with the load and waits for no timer.
 *
 * A commit whose outcome is unknown is given again until PostgreSQL says what became of it: its rows are written once however often they are
 * given, and only while their epoch is the newest.
 *
 * Source of the idea: DeWitt et al., "Implementation techniques for main memory database systems" (1984), group commit.
 */
import { doubledMs } from "../../platform/back-off/index.ts";
import { type Clock, sleep } from "../../platform/clock/index.ts";
import { CountedLine } from "../../platform/log/index.ts";
import { Durations } from "../../platform/metrics/index.ts";
import { CommitRefused, CommitUnknown, type Journal, type ShardCommit } from "../journal/index.ts";
import { COMMIT_AGAIN_FIRST_MS, COMMIT_AGAIN_FOR_MS, COMMIT_AGAIN_LAST_MS, COMMITS_TOLD_EVERY_MS } from "./limits.ts";

/** What the group commit needs of a shard. */
export interface Committer {
  readonly id: number;
  readonly epoch: number;
  /** Takes what was decided since the last cut: a row, `proof` when nothing of it is to be written, or nothing. From now on it is under way. */
  cut(): ShardCommit | "proof" | undefined;
  /** What was cut is durable, and the shard was still this writer's after it was cut. Never throws. */
  committed(): void;
  /**
   * PostgreSQL does not say what became of a commit, and is asked again; nothing else is committed until it does. Never throws.
   * @returns whether the shard waits for that, since what it has cut is in there
   */
  unsure(cause: unknown): boolean;
  /** What was cut may or may not be durable. Never throws. */
  lost(cause: unknown): void;
  /** What was cut is not durable: another writer has the shard. Never throws. */
  replaced(cause: unknown): void;
}

interface Cut {
  readonly shard: Committer;
  readonly commit: ShardCommit;
}

export class GroupCommit {
  readonly #journal: Journal;
  readonly #clock: Clock;
  /** How long commits took, also those that failed. */
  readonly durations = new Durations();
  /** Commits that came to nothing: all that they held has to be asked for again. */
  failed = 0;
  /** What shards have to say of a commit is the same for each of them. */
  readonly lines: { readonly failed: CountedLine; readonly unsure: CountedLine };
  #waiting = new Set<Committer>();
  #running = false;
  /** When the commit under way began, on the monotonic clock. */
  #begunAt: number | undefined;
  #lastMs = 0;

  constructor(journal: Journal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
    const line = (): CountedLine => new CountedLine(clock, COMMITS_TOLD_EVERY_MS);
    this.lines = { failed: line(), unsure: line() };
  }

  /** The shard has something to commit. */
  request(shard: Committer): void {
    this.#waiting.add(shard);
    if (this.#running) return;
    this.#running = true;
    this.#clock.endOfTurn(() => void this.#run());
  }

  /** How long the last commit took, or the one under way has been so far, if that is longer, in milliseconds. */
  get tookMs(): number {
    return Math.max(this.#lastMs, this.underWayMs);
  }

  /** How long the commit under way has been so far; 0 when there is none. */
  get underWayMs(): number {
    return this.#begunAt === undefined ? 0 : this.#clock.monotonic() - this.#begunAt;
  }

  async #run(): Promise<void> {
    while (this.#waiting.size > 0) {
      const shards = this.#waiting;
      this.#waiting = new Set();
      await this.#commit(shards);
    }
    this.#running = false;
  }

  /** Never throws: whatever happens is told to the shards. */
  async #commit(shards: Iterable<Committer>): Promise<void> {
    const writing: Cut[] = [];
    const proving: Committer[] = [];
    for (const shard of shards) {
      const commit = shard.cut();
      if (commit === undefined) continue;
      if (commit === "proof") proving.push(shard);
      else writing.push({ shard, commit });
    }
    await Promise.all([this.#write(writing), this.#prove(proving)]);
  }

  async #write(cuts: readonly Cut[]): Promise<void> {
    if (cuts.length === 0) return;
    const begunAt = this.#clock.monotonic();
    this.#begunAt = begunAt;
    let waiting = cuts;
    let written: readonly number[] | undefined;
    let failure: unknown;
    let wasUnknown = false;
    let tries = 0;
    while (written === undefined && waiting.length > 0) {
      try {
        written = await this.#journal.commit(waiting.map(({ commit }) => commit));
      } catch (error) {
        failure = error;
        const isLate = this.#clock.monotonic() - begunAt >= COMMIT_AGAIN_FOR_MS;
        if (!(error instanceof CommitUnknown) || isLate) break;
        wasUnknown = true;
        waiting = waiting.filter(({ shard }) => shard.unsure(error));
        for (const shard of this.#waiting) shard.unsure(error);
        await sleep(this.#clock, doubledMs(COMMIT_AGAIN_FIRST_MS, tries++, COMMIT_AGAIN_LAST_MS));
      }
    }
    this.#begunAt = undefined;
    this.#lastMs = this.#clock.monotonic() - begunAt;
    this.durations.add(this.#lastMs);
    const shards = waiting.map(({ shard }) => shard);
    if (written !== undefined) return tell(shards, written);
    // The row of one contradicts what is there: the others are not to suffer for it. Or what was given before has come about meanwhile.
    const oneByOne = failure instanceof CommitRefused && (waiting.length > 1 || wasUnknown);
    if (!oneByOne) {
      this.failed++;
      return lose(shards, failure);
    }
    for (const cut of waiting) await this.#write([cut]);
  }

  async #prove(shards: readonly Committer[]): Promise<void> {
    if (shards.length === 0) return;
    const epochs = new Map(shards.map(({ id, epoch }) => [id, epoch]));
    let newest: ReadonlyMap<number, number>;
    try {
      newest = await this.#journal.epochs([...epochs.keys()]);
    } catch (error) {
      return lose(shards, error);
    }
    const ours = [...epochs].filter(([id, epoch]) => newest.get(id) === epoch).map(([id]) => id);
    tell(shards, ours);
  }
}

/** Tells the shards what has become of what was cut. @param still those that are this writer's */
function tell(shards: readonly Committer[], still: readonly number[]): void {
  for (const shard of shards) {
    if (still.includes(shard.id)) shard.committed();
    else shard.replaced(new Error(`shard ${shard.id} has another writer`));
  }
}

function lose(shards: readonly Committer[], cause: unknown): void {
  for (const shard of shards) shard.lost(cause);
}
