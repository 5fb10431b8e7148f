import { Slab } from "../slab/index.ts";
import type { Clock, Timer } from "./clock.ts";

/**
 * What is over at a time of its own unless it is deleted before, as nearly all is. One timer serves all: one for each costs a message more than
 * all else that is done to it. It goes off when the earliest may be over, and looks at whatever is left.
 */
export class Deadlines<Item extends { readonly dueAt: number }> {
  readonly #clock: Clock;
  readonly #onDue: (item: Item) => void;
  readonly #items = new Slab<Item>();
  #timer: Timer | undefined;
  #wakesAt = Infinity;

  /** @param onDue is told once of what is still there when its `dueAt` comes, on the monotonic clock, and deletes it */
  constructor(clock: Clock, onDue: (item: Item) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#items.size;
  }

  /** Returns the item's key. */
  add(item: Item): number {
    const key = this.#items.add(item);
    if (item.dueAt < this.#wakesAt) this.#wakeAt(item.dueAt);
    return key;
  }

  get(key: number): Item | undefined {
    return this.#items.get(key);
  }

  /** Whether it was still there; safe to call twice. */
  delete(key: number, item: Item): boolean {
    return this.#items.delete(key, item);
  }

  /** As they are now, whatever comes and goes meanwhile; in no order. */
  values(): Item[] {
    return this.#items.values();
  }

  #wakeAt(at: number): void {
    this.#timer?.cancel();
    this.#wakesAt = at;
    this.#timer = this.#clock.after(Math.max(0, at - this.#clock.monotonic()), () => this.#wake());
  }

  #wake(): void {
    this.#wakesAt = Infinity;
    const now = this.#clock.monotonic();
    let next = Infinity;
    for (const item of this.#items.values()) {
      if (item.dueAt <= now) this.#onDue(item);
      else next = Math.min(next, item.dueAt);
    }
    if (next < this.#wakesAt) this.#wakeAt(next);
  }
}
