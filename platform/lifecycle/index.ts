export { Lifecycle, type PartOptions, Stopping } from "./lifecycle.ts";
export { exitOnSignals, stopOnSignals, type SignalledProcess } from "./signals.ts";
