/** `performance.now()` counts from the start of its process; this counts from a point that all processes of a machine share. */
const ORIGIN = origin();

/** Milliseconds. */
export const monotonicNow = (): number => ORIGIN + performance.now();

/** The same instant on this process's `performance.now()`. */
export const localTime = (monotonic: number): number => monotonic - ORIGIN;

/**
 * Between the two readings there may be milliseconds, the first time above all, when Node has yet to load the second clock: that much would
 * one process's time be behind another's. So it reads many times, and takes those that were closest together.
 */
function origin(): number {
  let closest = { apart: Infinity, origin: 0 };
  for (let reading = 0; reading < 100; reading++) {
    const before = performance.now();
    const shared = Number(process.hrtime.bigint()) / 1e6;
    const after = performance.now();
    const apart = after - before;
    if (apart < closest.apart) closest = { apart, origin: shared - (before + after) / 2 };
  }
  return closest.origin;
}
