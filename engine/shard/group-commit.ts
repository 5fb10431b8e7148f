/**
 * One commit at a time for all shards of a process. While a commit is under way, shards go on deciding; when it is done, everything
 * they have collected goes out in the next one. So a batch grows with the load and waits for no timer.
 *
 * Source of the idea: DeWitt et al., "Implementation techniques for main memory database systems" (1984), group commit.
 */
import type { Clock } from "../../platform/clock/index.ts";
import { CommitRefused, type Journal, type ShardCommit } from "../journal/index.ts";

/** What the group commit needs of a shard. */
export interface Committer {
  readonly id: number;
  readonly epoch: number;
  /** Takes what was decided since the last cut: a row, `proof` when nothing of it is to be written, or nothing. From now on it is under way. */
  cut(): ShardCommit | "proof" | undefined;
  /** What was cut is durable, and the shard was still this writer's after it was cut. Never throws. */
  committed(): void;
  /** What was cut may or may not be durable. Never throws. */
  lost(cause: unknown): void;
  /** What was cut is not durable: another writer has the shard. Never throws. */
  replaced(cause: unknown): void;
}

export class GroupCommit {
  readonly #journal: Journal;
  readonly #clock: Clock;
  #waiting = new Set<Committer>();
  #running = false;
  /** When the commit under way began, on the monotonic clock. */
  #begunAt: number | undefined;
  #lastMs = 0;

  constructor(journal: Journal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
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
    return this.#begunAt === undefined ? this.#lastMs : Math.max(this.#lastMs, this.#clock.monotonic() - this.#begunAt);
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
    const writing: Committer[] = [];
    const commits: ShardCommit[] = [];
    const proving: Committer[] = [];
    for (const shard of shards) {
      const cut = shard.cut();
      if (cut === undefined) continue;
      if (cut === "proof") proving.push(shard);
      else {
        writing.push(shard);
        commits.push(cut);
      }
    }
    await Promise.all([this.#write(writing, commits), this.#prove(proving)]);
  }

  async #write(shards: readonly Committer[], commits: readonly ShardCommit[]): Promise<void> {
    if (commits.length === 0) return;
    const begunAt = this.#clock.monotonic();
    this.#begunAt = begunAt;
    const written = this.#journal.commit(commits).finally(() => {
      this.#begunAt = undefined;
      this.#lastMs = this.#clock.monotonic() - begunAt;
    });
    const isRefused =
      shards.length > 1 &&
      (await written.then(
        () => false,
        (error) => error instanceof CommitRefused,
      ));
    if (!isRefused) return settle(shards, written);
    // The row of one contradicts what is there: the others are not to suffer for it.
    for (const [at, shard] of shards.entries()) await this.#write([shard], commits.slice(at, at + 1));
  }

  async #prove(shards: readonly Committer[]): Promise<void> {
    if (shards.length === 0) return;
    const epochs = new Map(shards.map(({ id, epoch }) => [id, epoch]));
    const ours = this.#journal
      .epochs([...epochs.keys()])
      .then((newest) => [...epochs].filter(([id, epoch]) => newest.get(id) === epoch).map(([id]) => id));
    await settle(shards, ours);
  }
}

/** Tells the shards what has become of what was cut. @param ours settles with those that are still this writer's */
async function settle(shards: readonly Committer[], ours: Promise<readonly number[]>): Promise<void> {
  let still: readonly number[];
  try {
    still = await ours;
  } catch (error) {
    for (const shard of shards) shard.lost(error);
    return;
  }
  for (const shard of shards) {
    if (still.includes(shard.id)) shard.committed();
    else shard.replaced(new Error(`shard ${shard.id} has another writer`));
  }
}
