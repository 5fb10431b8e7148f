export { Lifecycle, Stopping } from "./lifecycle.ts";
export { exitOnSignals, onFirstSignal, stopOnSignals } from "./signals.ts";
