import type { Clock, Timer } from "./clock.ts";

/**
 * Does `work` each time that another `ms` have gone by since it was done last, until it is cancelled, be that from within. Where it gives a
 * promise the time counts from when that is kept, so that no two are under way at once; whoever cancels it waits for the last one by itself.
 * @param work deals with its own failures
 */
export function every(clock: Clock, ms: number, work: () => void | Promise<void>): Timer {
  let isOver = false;
  const setTimer = (): void => {
    if (!isOver) timer = clock.after(ms, again);
  };
  const again = (): void => {
    const done = work();
    if (done instanceof Promise) void done.then(setTimer);
    else setTimer();
  };
  let timer = clock.after(ms, again);
  return {
    cancel() {
      isOver = true;
      timer.cancel();
    },
  };
}
