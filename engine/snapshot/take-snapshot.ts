import type { Logger } from "../../platform/log/index.ts";
import type { Journal } from "../journal/index.ts";
import { recover, stepByStep } from "../shard/index.ts";

/**
 * Makes a snapshot of a shard from its newest snapshot and the rows after it, never from a live shard's memory: so it costs the
 * shard nothing, holds only what is durable, and proves each time that the journal can be read. Others have their `turn` in between.
 */
export async function takeSnapshot(
  journal: Journal,
  shard: number,
  log: Logger,
  turn: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const unreadable = (seq: number, error: unknown): void =>
    log.error({ shard, seq, err: error }, "a snapshot does not read: skipped");
  const { state, snapshotSeq } = await recover(journal, shard, unreadable, { turn });
  if (state.seq === snapshotSeq) return;
  const bytes = await stepByStep(state.encode(), turn);
  await journal.saveSnapshot({ shard, seq: state.seq, bytes });
  log.debug({ shard, seq: state.seq, bytes: bytes.length }, "snapshot taken");
}
