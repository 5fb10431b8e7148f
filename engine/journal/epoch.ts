/**
 * The epoch of a shard that is claimed, in SQL: above the last, and no less than PostgreSQL's quarters of a second since 2026. Where a claim is
 * forgotten, because a standby was promoted that was behind or a backup came back, the next must not have its epoch: there would be two writers
 * with one. To promote a standby takes longer; and the number has 32 bits until 2060, more than which MessagePack libraries give as a `bigint`.
 */
export const FIRST_EPOCH =
  "greatest(1, floor(extract(epoch FROM clock_timestamp() - timestamptz '2026-01-01Z') * 4))::bigint";
/** Where the shard's row is `s`. */
export const NEXT_EPOCH = `greatest(s.epoch + 1, ${FIRST_EPOCH})`;
