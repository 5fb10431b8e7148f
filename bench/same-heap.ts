/** Usher sets it for itself (see `bin/usher.ts`); whatever it is measured against, and the generator, gets the same. */
export const SAME_HEAP = "--no-allocation-site-pretenuring";
