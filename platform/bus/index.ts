export { type Bus, BusClosed, NoResponders, RequestTimeout, type Subscription } from "./bus.ts";
export { InProcessBus } from "./in-process-bus.ts";
