import type { Clock } from "../../../platform/clock/index.ts";

export interface WindowCount {
  /** Of the requests in the present window, this one included. */
  readonly count: number;
  /** What is left of the window. */
  readonly leftMs: number;
}

/** Counts that all processes share. */
export interface SharedCounts {
  /** One more of `key` in the window that its first began. Answers soon or not at all. @throws where they cannot be had just now */
  add(key: string, windowMs: number): Promise<WindowCount>;
}

interface Window {
  count: number;
  readonly endsAt: number;
}

/** Counts of this process alone. */
export class OwnCounts {
  readonly #clock: Clock;
  readonly #keysMax: number;
  /** In order of use, the oldest first. */
  readonly #windows = new Map<string, Window>();

  /** @param options.keysMax past it the one that was longest unseen is forgotten */
  constructor({ clock, keysMax }: { clock: Clock; keysMax: number }) {
    this.#clock = clock;
    this.#keysMax = keysMax;
  }

  add(key: string, windowMs: number): WindowCount {
    const now = this.#clock.monotonic();
    const known = this.#windows.get(key);
    const window = known !== undefined && known.endsAt > now ? known : { count: 0, endsAt: now + windowMs };
    window.count++;
    this.#windows.delete(key);
    this.#windows.set(key, window);
    if (this.#windows.size > this.#keysMax) this.#forgetOldest();
    return { count: window.count, leftMs: window.endsAt - now };
  }

  #forgetOldest(): void {
    for (const oldest of this.#windows.keys()) {
      this.#windows.delete(oldest);
      return;
    }
  }
}
