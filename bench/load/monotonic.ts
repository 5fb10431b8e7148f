/** `performance.now()` counts from the start of its process; this counts from a point that all processes of a machine share. */
const ORIGIN = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** Milliseconds. */
export const monotonicNow = (): number => ORIGIN + performance.now();

/** The same instant on this process's `performance.now()`. */
export const localTime = (monotonic: number): number => monotonic - ORIGIN;
