import type { Clock, Timer } from "./clock.ts";

const LATE = Symbol("late");

/**
 * What `work` gives, or what `otherwise` gives or throws where that takes longer than `ms`. The work goes on then, unheard, also should
 * it fail.
 */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>, otherwise: () => T): Promise<T> {
  let timer: Timer | undefined;
  const late = new Promise<typeof LATE>((resolve) => (timer = clock.after(ms, () => resolve(LATE))));
  try {
    const first = await Promise.race([work, late]);
    return first === LATE ? otherwise() : first;
  } finally {
    timer?.cancel();
  }
}
