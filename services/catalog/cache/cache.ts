import type { Clock } from "../../../platform/clock/index.ts";

interface Entry<Value> {
  readonly value: Promise<Value>;
  readonly staleAt: number;
  /** 0 until the value is there. */
  weight: number;
  /** Since it was last looked over for something to let go. */
  used: boolean;
}

interface Options<Value> {
  readonly clock: Clock;
  readonly ttlMs: number;
  /** The sum of all weights that is kept; what has not been used for long goes first. */
  readonly weightMax: number;
  readonly weigh?: (value: Value, key: string) => number;
}

/** Remembers what loading gave; many who ask for the same at once wait for one load. A load that fails is not remembered. */
export class Cache<Value> {
  readonly #options: Options<Value>;
  /** A queue with a second chance: what was used since it was last at the head goes to the tail then, and costs nothing each time that it is used. */
  readonly #entries = new Map<string, Entry<Value>>();
  #weight = 0;

  constructor(options: Options<Value>) {
    this.#options = options;
  }

  get(key: string, load: () => Promise<Value>): Promise<Value> {
    const known = this.#entries.get(key);
    if (known !== undefined && known.staleAt > this.#options.clock.monotonic()) {
      known.used = true;
      return known.value;
    }
    this.#forget(key);
    return this.#load(key, load);
  }

  /** Forgets all. What is being loaded reaches those who wait for it, and nobody after them. */
  clear(): void {
    this.#entries.clear();
    this.#weight = 0;
  }

  async #load(key: string, load: () => Promise<Value>): Promise<Value> {
    const { clock, ttlMs, weigh = () => 1 } = this.#options;
    const entry: Entry<Value> = { value: load(), staleAt: clock.monotonic() + ttlMs, weight: 0, used: false };
    this.#entries.set(key, entry);
    try {
      const value = await entry.value;
      if (this.#entries.get(key) === entry) {
        entry.weight = weigh(value, key);
        this.#weight += entry.weight;
        this.#makeRoom();
      }
      return value;
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  #makeRoom(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#weight <= this.#options.weightMax) return;
      if (entry.used) this.#postpone(key, entry);
      else this.#forget(key);
    }
  }

  /** Comes up again behind all others, in the same round if need be. */
  #postpone(key: string, entry: Entry<Value>): void {
    entry.used = false;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
  }

  #forget(key: string): void {
    this.#weight -= this.#entries.get(key)?.weight ?? 0;
    this.#entries.delete(key);
  }
}
