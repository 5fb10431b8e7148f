import type { Clock } from "../../platform/clock/index.ts";
import type { HolderId, Refusal, RequestId } from "../../proto/index.ts";

interface Options {
  readonly clock: Clock;
  readonly max: { readonly refusals: number; readonly seats: number; readonly ageMs: number };
}

interface Kept {
  readonly refusal: Refusal;
  /** On the monotonic clock. */
  readonly at: number;
}

/** Refusals that are over, looked for with each new one: sooner than they come, and never many at once. */
const SWEPT = 4;

/**
 * The first answer to requests that were refused, for all shards of a process together: one for each could be filled shard by shard. Refusals
 * change nothing, so they are not journaled: they are remembered for one reign, from a shard's claim until it is lost, and a request that is
 * repeated to the next owner is decided anew. Oldest out first, by age, by number, and by the seats that they name: a refusal may name as many as
 * a message holds.
 */
export class RefusalMemory {
  readonly #options: Options;
  readonly #refusals = new Map<string, Kept>();
  /** One iterator for good: a new one would have to pass the places of all that were deleted, perhaps thousands, to come to the oldest. */
  readonly #oldest = this.#refusals.entries();
  /** What the iterator has given, and is still there. */
  #first: readonly [string, Kept] | undefined;
  #seats = 0;
  #reigns = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  newReign(): number {
    return ++this.#reigns;
  }

  recall(reign: number, holder: HolderId, rid: RequestId): Refusal | undefined {
    return this.#refusals.get(key(reign, holder, rid))?.refusal;
  }

  remember(reign: number, holder: HolderId, rid: RequestId, refusal: Refusal): void {
    const { clock, max } = this.#options;
    const at = clock.monotonic();
    this.#refusals.set(key(reign, holder, rid), { refusal, at });
    this.#seats += refusal.seats?.length ?? 0;
    while (this.#refusals.size > max.refusals || this.#seats > max.seats) this.#dropOldest();
    for (let left = SWEPT; left > 0 && at - (this.#peek()?.[1].at ?? at) > max.ageMs; left--) this.#dropOldest();
  }

  /** The oldest; an iterator that was asked beyond the last would be over for good. */
  #peek(): readonly [string, Kept] | undefined {
    if (this.#first === undefined && this.#refusals.size > 0) this.#first = this.#oldest.next().value;
    return this.#first;
  }

  #dropOldest(): void {
    const oldest = this.#peek();
    if (oldest === undefined) return;
    this.#refusals.delete(oldest[0]);
    this.#seats -= oldest[1].refusal.seats?.length ?? 0;
    this.#first = undefined;
  }
}

/** A holder id has no space in it. */
const key = (reign: number, holder: HolderId, rid: RequestId): string => `${reign} ${holder} ${rid}`;
