/**
 * The epoch of a shard that is claimed, in SQL: above the last, and no less than PostgreSQL's milliseconds since 1970. Where a claim is forgotten,
 * because a standby was promoted that was behind or a backup came back, the next must not have its epoch: there would be two writers with one.
 */
export const FIRST_EPOCH = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";
/** Where the shard's row is `s`. */
export const NEXT_EPOCH = `greatest(s.epoch + 1, ${FIRST_EPOCH})`;
