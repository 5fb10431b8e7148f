export { type Bus, BusClosed, NoResponders, RequestTimeout, type Subscription } from "./bus.ts";
