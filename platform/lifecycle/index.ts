export { Lifecycle, type PartOptions, Stopping } from "./lifecycle.ts";
export { exitOnSignals, onFirstSignal, stopOnSignals, type SignalledProcess } from "./signals.ts";
