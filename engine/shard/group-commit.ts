/**
 * One commit at a time for all shards of a process. While a commit is under way, shards go on deciding; when it is done, everything
 * they have collected goes out in the next one. So a batch grows with the load and waits for no timer.
 *
 * Source of the idea: DeWitt et al., "Implementation techniques for main memory database systems" (1984), group commit.
 */
import type { Clock } from "../../platform/clock/index.ts";
import type { Journal, ShardCommit } from "../journal/index.ts";

/** What the group commit needs of a shard. */
export interface Committer {
  readonly id: number;
  /** Takes what was decided since the last cut, or nothing. From now on it is under way. */
  cut(): ShardCommit | undefined;
  /** What was cut is durable. Never throws. */
  committed(): void;
  /** What was cut may or may not be durable; with `replaced` it is not, and another writer owns the shard. Never throws. */
  lost(cause: unknown, replaced: boolean): void;
}

export class GroupCommit {
  readonly #journal: Journal;
  readonly #clock: Clock;
  #waiting = new Set<Committer>();
  #running = false;

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
    const cut: Committer[] = [];
    const commits: ShardCommit[] = [];
    for (const shard of shards) {
      const commit = shard.cut();
      if (commit === undefined) continue;
      cut.push(shard);
      commits.push(commit);
    }
    if (commits.length === 0) return;
    let written: readonly number[];
    try {
      written = await this.#journal.commit(commits);
    } catch (error) {
      for (const shard of cut) shard.lost(error, false);
      return;
    }
    for (const shard of cut) {
      if (written.includes(shard.id)) shard.committed();
      else shard.lost(new Error(`shard ${shard.id} has another writer`), true);
    }
  }
}
