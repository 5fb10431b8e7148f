/** How long to leave in peace what fails again and again: `firstMs`, doubled so often, however often that is, and `maxMs` at most. */
export const doubledMs = (firstMs: number, doublings: number, maxMs: number): number =>
  Math.min(firstMs * 2 ** doublings, maxMs); // Past a thousand doublings it is Infinity, of which the minimum is the maximum.
