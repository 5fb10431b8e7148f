export type { Clock, Timer } from "./clock.ts";
export { Deadlines } from "./deadlines.ts";
export { every } from "./every.ts";
export { sleep } from "./sleep.ts";
export { SteeredClock } from "./steered-clock.ts";
export { systemClock } from "./system-clock.ts";
export { VirtualClock } from "./virtual-clock.ts";
export { Wakeable } from "./wakeable.ts";
export { within } from "./within.ts";
