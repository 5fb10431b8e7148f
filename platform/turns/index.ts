/** A few at a time; the others wait their turn, or are told at once that too many do. */
export { Semaphore, TooManyWaiting } from "./semaphore.ts";
export { SemaphorePerKey } from "./semaphore-per-key.ts";
