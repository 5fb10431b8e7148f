import type { ClientClock } from "../../client/index.ts";

/** Seats of each status, indexed by it. */
function tallyOf(statuses: Uint8Array): [free: number, held: number, booked: number, blocked: number] {
  const tally: [number, number, number, number] = [0, 0, 0, 0];
  // The cast: statuses are 0 to 3.
  for (const status of statuses) tally[status as 0 | 1 | 2 | 3]++;
  return tally;
}

export const describeTally = (statuses: Uint8Array): string => {
  const [free, held, booked, blocked] = tallyOf(statuses);
  return `${free} free, ${held} held, ${booked} booked${blocked > 0 ? `, ${blocked} blocked` : ""}`;
};

/** How much happened in the last second. */
export class Rate {
  readonly #clock: Pick<ClientClock, "monotonic">;
  #events: { readonly at: number; readonly count: number }[] = [];

  constructor(clock: Pick<ClientClock, "monotonic">) {
    this.#clock = clock;
  }

  add(count: number): void {
    this.#events.push({ at: this.#clock.monotonic(), count });
  }

  perSecond(): number {
    const since = this.#clock.monotonic() - 1000;
    this.#events = this.#events.filter(({ at }) => at > since);
    return this.#events.reduce((sum, { count }) => sum + count, 0);
  }
}
