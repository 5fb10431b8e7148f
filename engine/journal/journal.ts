/**
 * The journal port: where a shard's decisions become durable, and where PostgreSQL proves who may write them.
 *
 * A shard's journal is a sequence of rows, one a commit. Whoever writes holds the shard's newest epoch; `claim` makes a
 * new one, and from then on every commit under an older epoch writes nothing.
 */
import { ExplainedError } from "../../platform/explained/index.ts";
import type { BookingId, ShowtimeId } from "../../proto/index.ts";

/** One shard's share of one commit. */
export interface JournalRow {
  readonly shard: number;
  /** 1, 2, 3 ... without a gap. */
  readonly seq: number;
  readonly epoch: number;
  /** The shard's clock at the commit, milliseconds since 1970. */
  readonly at: number;
  /** Events in the format of `row-codec.ts`; empty when the row only keeps the clock. */
  readonly events: Uint8Array;
}

/** A seat whose booking a commit changed: from `before` (none: it was not booked) to `after` (none: it is not booked now). */
export interface BookedSeatChange {
  readonly showtime: ShowtimeId;
  readonly seat: number;
  readonly before: BookingId | null;
  readonly after: BookingId | null;
}

export interface ShardCommit extends JournalRow {
  readonly bookedSeats: readonly BookedSeatChange[];
}

export interface Snapshot {
  readonly shard: number;
  /** The newest row that the snapshot covers. */
  readonly seq: number;
  readonly bytes: Uint8Array;
}

/** The newest row of a shard that PostgreSQL said is durable. */
export interface Acknowledged {
  /** 0: none is known of. */
  readonly seq: number;
  /** Whose it was: a server that has lost it may have another's in its place by now. Undefined where that is not known. */
  readonly epoch?: number | undefined;
}

export const NOTHING_ACKNOWLEDGED: Acknowledged = { seq: 0 };

export interface Loss {
  readonly shard: number;
  /** The newest row that was acknowledged. */
  readonly row: number;
}

export interface Journal {
  /** Makes ready all that a first commit, claim or read would have to wait for. */
  warmUp(): Promise<void>;
  /**
   * Writes all rows, or none when it throws. Answers the shards whose rows are there and that are this writer's still; one that is
   * missing has been claimed by another. The same rows may be given again, and are written once.
   * @throws CommitUnknown when they may be there or not: give them again, or claim and load before going on
   * @throws CommitRefused when a row contradicts what is there: nothing was written
   * @throws JournalDamaged when PostgreSQL was replaced by one that lacks the row before
   */
  commit(commits: readonly ShardCommit[]): Promise<readonly number[]>;
  /** Makes and returns the shard's next epoch, which never comes again. Once it returns, no older writer can commit. @param owner unlike any other writer's */
  claim(shard: number, owner: string): Promise<number>;
  /** The same for a writer that has lost track of what it wrote; undefined when another has claimed the shard since. */
  reclaim(shard: number, owner: string): Promise<number | undefined>;
  /**
   * What an engine remembers: these rows were acknowledged. A shard whose row is not there is nobody's from then on, see `end`.
   * @returns what is not there
   */
  noteLosses(acknowledged: ReadonlyMap<number, Acknowledged>): Promise<readonly Loss[]>;
  /**
   * The last row that is there; and the newest that is not, though it is `acknowledged` or another engine misses it, which the shard must have again
   * before anybody serves it: 0 where there is none.
   */
  end(shard: number, acknowledged: Acknowledged): Promise<{ readonly last: Acknowledged; readonly lost: number }>;
  /** The newest epoch of each of these shards, or of all, that was ever claimed: whoever holds another has been replaced. */
  epochs(shards?: readonly number[]): Promise<ReadonlyMap<number, number>>;
  /** The snapshots of a shard that read back as they were written, newest first. */
  snapshots(shard: number): AsyncIterable<Snapshot>;
  /** The rows after `afterSeq`, in order. @throws JournalDamaged on a gap or a row that is not as it was written. */
  rows(shard: number, afterSeq: number): AsyncIterable<JournalRow>;
  /** The oldest row that is still there; 1 when there is none. */
  oldestRow(shard: number): Promise<number>;
  /** Keeps the snapshot, and lets go of what two newer snapshots and the retention make needless. */
  saveSnapshot(snapshot: Snapshot): Promise<void>;
}

/** PostgreSQL has refused a commit, as it does a seat's second booking. */
export class CommitRefused extends Error {
  override readonly name = "CommitRefused";
}

/** PostgreSQL was not reached, or did not say what became of a commit. */
export class CommitUnknown extends Error {
  override readonly name = "CommitUnknown";
}

/** What to do about a damaged journal. */
export const RESTORE = "restore PostgreSQL from a backup (docs/guides/operating.md, Backup and restore)";

/** The journal cannot be read back as it was written; nothing is guessed. */
export class JournalDamaged extends ExplainedError {
  override readonly name = "JournalDamaged";
  /** The last row of those that cannot be read, where that is known. */
  readonly upTo: number | undefined;

  constructor(message: string, upTo?: number) {
    super(message);
    this.upTo = upTo;
  }
}
