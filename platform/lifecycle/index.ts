export { Lifecycle, type PartOptions, Stopping } from "./lifecycle.ts";
export { stopOnSignals, type SignalledProcess } from "./signals.ts";
