export type { Acknowledged, BookedSeatChange, Journal, JournalRow, Loss, ShardCommit, Snapshot } from "./journal.ts";
export { CommitRefused, CommitUnknown, JournalDamaged, NOTHING_ACKNOWLEDGED } from "./journal.ts";
export { acceptLosses, SalesLost } from "./losses.ts";
export { READ_GENTLY } from "./limits.ts";
export { ENGINE_MIGRATIONS } from "./migrations.ts";
export { PostgresJournal } from "./postgres-journal.ts";
export {
  checkServerSafety,
  checkShardCount,
  readShardCount,
  requireShardCount,
  UnsafeJournal,
} from "./server-safety.ts";
export { FileWitness, type Witness } from "./witness.ts";
