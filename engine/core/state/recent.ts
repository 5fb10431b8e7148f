import { assert } from "./assert.ts";

/** The last `max` entries, each key once; the oldest makes room for the newest. */
export class Recent<Key, Value> {
  readonly #values = new Map<Key, Value>();
  readonly #ring: Key[] = [];
  readonly #max: number;
  #oldest = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#ring.length;
  }

  get(key: Key): Value | undefined {
    return this.#values.get(key);
  }

  add(key: Key, value: Value): void {
    assert(!this.#values.has(key), "a key is remembered once");
    if (this.#ring.length < this.#max) {
      this.#ring.push(key);
    } else {
      // The ring is full, so there is a key at `#oldest`.
      this.#values.delete(this.#ring[this.#oldest] as Key);
      this.#ring[this.#oldest] = key;
      this.#oldest = (this.#oldest + 1) % this.#max;
    }
    this.#values.set(key, value);
  }

  /** Oldest first. */
  *entries(): Iterable<readonly [Key, Value]> {
    for (let age = 0; age < this.#ring.length; age++) {
      const key = this.#ring[(this.#oldest + age) % this.#ring.length] as Key; // Within the ring.
      yield [key, this.#values.get(key) as Value]; // Every key of the ring has its value.
    }
  }
}
