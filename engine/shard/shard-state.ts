/**
 * All showtimes of one shard, as of one journal row: what the journal says, and nothing else. A shard serves from it, and a
 * snapshot is this state in bytes.
 */
import { createShowtime, decodeState, encodeState, evolve, type ShowtimeState } from "../core/index.ts";
import type { Journal, JournalRow } from "../journal/index.ts";
import { ByteReader, ByteWriter, type ShowtimeId } from "../../proto/index.ts";
import { readRow } from "./row-codec.ts";

const SNAPSHOT_FORMAT = 1;
/** Rows that are replayed in one step. */
const ROWS_A_STEP = 64;
/** Archived showtimes that are written or read in one step, of a millisecond: each is a few bytes, and a turn of others costs more than it does. */
const ARCHIVED_A_STEP = 128;

export class ShardState {
  readonly showtimes = new Map<ShowtimeId, ShowtimeState>();
  /** The newest journal row that is in. */
  seq = 0;
  /** The shard's clock at that row. */
  at = 0;
  /** Whose that row is, where it was read: a snapshot does not say. */
  epoch: number | undefined;

  /** The showtime, made when it is not there yet: for its first event. */
  of(showtime: ShowtimeId): ShowtimeState {
    let state = this.showtimes.get(showtime);
    if (state === undefined) {
      state = createShowtime(showtime);
      this.showtimes.set(showtime, state);
    }
    return state;
  }

  apply(row: JournalRow): void {
    readRow(row.events, (showtime, event) => evolve(this.of(showtime), event));
    this.seq = row.seq;
    this.at = row.at;
    this.epoch = row.epoch;
  }

  /** Step by step, see `encodeState`. */
  *encode(): Generator<undefined, Uint8Array> {
    const bytes = new ByteWriter(1 << 16);
    bytes.byte(SNAPSHOT_FORMAT);
    bytes.uint(this.seq);
    bytes.uint(this.at);
    bytes.uint(this.showtimes.size);
    let archived = 0;
    for (const state of this.showtimes.values()) {
      bytes.bytes(yield* encodeState(state));
      // There may be many, each with less in it than a step.
      if (state.phase !== "archived" || ++archived % ARCHIVED_A_STEP === 0) yield;
    }
    return bytes.finish();
  }

  /** Step by step, see `decodeState`. @throws CorruptBytes when the bytes are not a snapshot of this format. */
  static *decode(snapshot: Uint8Array): Generator<undefined, ShardState> {
    const bytes = new ByteReader(snapshot);
    const format = bytes.byte();
    if (format !== SNAPSHOT_FORMAT) throw bytes.corrupt(`format ${format} is not known`);
    const shard = new ShardState();
    shard.seq = bytes.uint();
    shard.at = bytes.uint();
    let archived = 0;
    for (let left = bytes.uint(); left > 0; left--) {
      const state = yield* decodeState(bytes.bytes());
      shard.showtimes.set(state.id, state);
      if (state.phase !== "archived" || ++archived % ARCHIVED_A_STEP === 0) yield;
    }
    return shard;
  }
}

/** How a shard came back. */
export interface Recovery {
  readonly state: ShardState;
  /** The row of the snapshot it began with; 0 when there was none that read. */
  readonly snapshotSeq: number;
  /** Bytes of the rows since. */
  readonly replayedBytes: number;
}

/**
 * The newest snapshot that reads, and the rows after it. `unreadable` hears of the snapshots that were passed over. With `before`, what was
 * read of the shard earlier, only the rows since are read, and it is that state which goes on. Others have their `turn` in between.
 * @throws JournalDamaged | CorruptBytes when the rows do not read, or do not go on from where the snapshot ends.
 */
export async function recover(
  journal: Journal,
  shard: number,
  unreadable: (seq: number, error: unknown) => void,
  { before, turn }: { readonly before?: Recovery | undefined; turn?(): Promise<void> } = {},
): Promise<Recovery> {
  const state = before?.state ?? (await newestSnapshot(journal, shard, unreadable, turn));
  const snapshotSeq = before?.snapshotSeq ?? state.seq;
  let replayedBytes = before?.replayedBytes ?? 0;
  // What was read earlier goes on from its last row, which another server in place of the first may not have, or have another's.
  let goesOn = before === undefined || state.seq === 0;
  for await (const row of journal.rows(shard, goesOn ? state.seq : state.seq - 1)) {
    if (row.seq === state.seq) {
      goesOn = row.at === state.at && (state.epoch ?? row.epoch) === row.epoch;
      if (goesOn) continue;
      break;
    }
    state.apply(row);
    replayedBytes += row.events.length;
    if (row.seq % ROWS_A_STEP === 0) await turn?.();
  }
  if (!goesOn) return recover(journal, shard, unreadable, turn === undefined ? {} : { turn });
  return { state, snapshotSeq, replayedBytes };
}

/** To its end, with a `turn` of others after each step. */
export async function stepByStep<Value>(steps: Iterator<undefined, Value>, turn?: () => Promise<void>): Promise<Value> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await turn?.();
  }
}

async function newestSnapshot(
  journal: Journal,
  shard: number,
  unreadable: (seq: number, error: unknown) => void,
  turn?: () => Promise<void>,
): Promise<ShardState> {
  for await (const snapshot of journal.snapshots(shard)) {
    try {
      return await stepByStep(ShardState.decode(snapshot.bytes), turn);
    } catch (error) {
      unreadable(snapshot.seq, error);
    }
  }
  return new ShardState();
}
