export { Semaphore } from "./semaphore.ts";
export { SemaphorePerKey } from "./semaphore-per-key.ts";
