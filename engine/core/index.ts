/** The one door of the pure core. It reads no clock, draws no lots and waits for nothing: the same events give the same state, byte for byte. */
export type { Decision } from "./decision.ts";
export { decide } from "./decide.ts";
export { evolve } from "./evolve.ts";
export { CORE_LIMITS } from "./limits.ts";
export { outcomeOf } from "./outcome.ts";
export { archive, deadlines, expire, latestClock, limit, resume } from "./rules/time.ts";
export { decodeState, encodeState } from "./snapshot.ts";
export { BrokenInvariant } from "./state/assert.ts";
export { NumberRing } from "./state/number-ring.ts";
export { allSteps } from "./steps.ts";
export { createShowtime, type ShowtimeState } from "./state/state.ts";
export { findHold, viewOf } from "./view.ts";
