import { type Bounds, Semaphore } from "./semaphore.ts";

/** A few of each key at a time take places among those of all, so that no key takes the others' places. */
export class SemaphorePerKey {
  readonly #each: Bounds;
  readonly #all: Semaphore;
  /** Keys of which some work. */
  readonly #keys = new Map<string, Semaphore>();

  constructor({ each, all }: { each: Bounds; all: Bounds }) {
    this.#each = each;
    this.#all = new Semaphore(all);
  }

  /** @throws TooManyWaiting, at once, of the key or of all */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const own = this.#keys.get(key) ?? new Semaphore(this.#each);
    this.#keys.set(key, own);
    try {
      return await own.run(() => this.#all.run(work));
    } finally {
      if (own.isIdle) this.#keys.delete(key);
    }
  }
}
