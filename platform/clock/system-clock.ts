import type { Clock } from "./clock.ts";

/** The one place that touches Node's timers for production code. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  endOfTurn(callback) {
    setImmediate(callback);
  },
};
