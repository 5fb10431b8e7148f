import type { Clock } from "./clock.ts";

/** The one place in engine, edge, services and platform where production code touches Node's timers. */
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
