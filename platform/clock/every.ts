import type { Clock, Timer } from "./clock.ts";

/** Does `work` each time that another `ms` have gone by since it was done last, until it is cancelled, be that from within. */
export function every(clock: Clock, ms: number, work: () => void): Timer {
  let isOver = false;
  const again = (): void => {
    work();
    if (!isOver) timer = clock.after(ms, again);
  };
  let timer = clock.after(ms, again);
  return {
    cancel() {
      isOver = true;
      timer.cancel();
    },
  };
}
