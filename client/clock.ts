/** Time as an argument, so that a test may own it. */
export interface ClientClock {
  /** Milliseconds since some fixed point; never goes backwards. Deadlines (`expiresAt`) are on this scale. */
  monotonic(): number;
  /** With more than 24 days the call may come after those. */
  after(ms: number, callback: () => void): ClientTimer;
}

export interface ClientTimer {
  cancel(): void;
}

/** A wall clock that gains this much on the monotonic one between two looks was not corrected: the machine slept. */
const SLEPT_MS = 2_000;
/** What is longer, timers take for 1 ms. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/**
 * `performance.now()` stands still while a laptop sleeps (on most systems), so a countdown would promise time that has
 * long run out on the server. This clock adds what the wall clock says was slept through.
 */
export function createSystemClock(): ClientClock {
  let lead = Date.now() - performance.now();
  let slept = 0;
  return {
    monotonic() {
      const now = performance.now();
      const leadNow = Date.now() - now;
      if (leadNow - lead > SLEPT_MS) slept += leadNow - lead;
      lead = leadNow;
      return now + slept;
    },
    after(ms, callback) {
      const timer = setTimeout(callback, Math.min(ms, TIMER_MAX_MS));
      return { cancel: () => clearTimeout(timer) };
    },
  };
}
