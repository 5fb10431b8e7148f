export type { BookedSeatChange, Journal, JournalRow, ShardCommit, Snapshot } from "./journal.ts";
export { CommitRefused, CommitUnknown, JournalDamaged } from "./journal.ts";
export { acceptLosses, type Loss, SalesLost } from "./losses.ts";
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
