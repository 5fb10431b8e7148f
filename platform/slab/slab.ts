/**
 * Values that come and go by the thousand a second, a few at a time. Each is found again by the key it is given; once it is gone, another
 * may have that key. It stays as long as the most that it had at once, which who fills it has to bound.
 *
 * Not a `Map` or a `Set`: V8 links each table of theirs to the one that takes its place, so the first table that dies in the old generation
 * keeps all that follow it, and what was in them, out of reach of every young collection until the next full one. Under load that is
 * what such a collection then spends its time on.
 *
 * Source of the name: Bonwick, "The slab allocator" (1994), and the collections of that name since.
 */
export class Slab<Value extends object> {
  readonly #values: (Value | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#values.length - this.#free.length;
  }

  /** Returns the value's key. */
  add(value: Value): number {
    const key = this.#free.pop() ?? this.#values.length;
    this.#values[key] = value;
    return key;
  }

  get(key: number): Value | undefined {
    return this.#values[key];
  }

  /** Whether it was still there; safe to call twice. */
  delete(key: number, value: Value): boolean {
    if (this.#values[key] !== value) return false;
    this.#values[key] = undefined;
    this.#free.push(key);
    return true;
  }

  /** As they are now, whatever comes and goes meanwhile; in no order. */
  values(): Value[] {
    return this.#values.filter((value) => value !== undefined);
  }
}
