import type { HolderId, Refusal, RequestId } from "../../proto/index.ts";

/**
 * The first answer to requests that were refused. Refusals change nothing, so they are not journaled: this memory ends with the
 * shard's owner, and a request that is repeated to the next owner is decided anew. Oldest out first, by their number and by the seats
 * that they name: a refusal may name as many as a message holds.
 */
export class RefusalMemory {
  readonly #max: { readonly refusals: number; readonly seats: number };
  readonly #refusals = new Map<string, Refusal>();
  /** One iterator for good: a new one would have to pass the places of all that were deleted, perhaps thousands, to come to the oldest. */
  readonly #oldest = this.#refusals.entries();
  #seats = 0;

  constructor(max: { readonly refusals: number; readonly seats: number }) {
    this.#max = max;
  }

  recall(holder: HolderId, rid: RequestId): Refusal | undefined {
    if (this.#refusals.size === 0) return undefined;
    return this.#refusals.get(key(holder, rid));
  }

  remember(holder: HolderId, rid: RequestId, refusal: Refusal): void {
    this.#refusals.set(key(holder, rid), refusal);
    this.#seats += refusal.seats?.length ?? 0;
    if (!this.#isOverfull) return;
    for (const [oldest, { seats }] of this.#oldest) {
      this.#refusals.delete(oldest);
      this.#seats -= seats?.length ?? 0;
      if (!this.#isOverfull) return;
    }
  }

  get #isOverfull(): boolean {
    return this.#refusals.size > this.#max.refusals || this.#seats > this.#max.seats;
  }
}

/** A holder id has no space in it. */
const key = (holder: HolderId, rid: RequestId): string => `${holder} ${rid}`;
