import type { HolderId, Refusal, RequestId } from "../../proto/index.ts";

/**
 * The first answer to requests that were refused. Refusals change nothing, so they are not journaled: this memory ends with the
 * shard's owner, and a request that is repeated to the next owner is decided anew. Oldest out first.
 */
export class RefusalMemory {
  readonly #max: number;
  readonly #refusals = new Map<string, Refusal>();

  constructor(max: number) {
    this.#max = max;
  }

  recall(holder: HolderId, rid: RequestId): Refusal | undefined {
    if (this.#refusals.size === 0) return undefined;
    return this.#refusals.get(key(holder, rid));
  }

  remember(holder: HolderId, rid: RequestId, refusal: Refusal): void {
    if (this.#refusals.size >= this.#max) {
      for (const oldest of this.#refusals.keys()) {
        this.#refusals.delete(oldest);
        break;
      }
    }
    this.#refusals.set(key(holder, rid), refusal);
  }
}

/** A holder id has no space in it. */
const key = (holder: HolderId, rid: RequestId): string => `${holder} ${rid}`;
