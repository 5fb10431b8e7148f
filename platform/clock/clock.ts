/** Time as an argument: whoever needs it takes a `Clock`, so that a whole cluster can be run on a virtual one. */
export interface Timer {
  /** After this the callback is never called. Safe to call twice. */
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since 1970-01-01 UTC. May jump. */
  now(): number;
  /** Milliseconds since some fixed point; never goes backwards. */
  monotonic(): number;
  /** Calls back once, `ms` from now. The timer alone does not keep the process alive. */
  after(ms: number, callback: () => void): Timer;
  /** Calls back when the work of this loop turn is done: after every message that was read with the present one. */
  endOfTurn(callback: () => void): void;
}
