export const WITNESS_EVERY_MS = 1_000;
/** Well below `PROOF_MS`: one answer of PostgreSQL may be late. */
export const PROVE_EVERY_MS = 250;
/**
 * A shard that was given away answers that it is away until its next owner is heard of, at most this long: so its askers come back
 * sooner than by a time-out.
 */
export const LINGER_MS = 2_000;
/** How long a shard that was read, and not handed over, is kept: longer than it takes to read the others of its group. */
export const PREPARED_KEPT_MS = 30_000;
