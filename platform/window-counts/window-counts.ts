import type { Clock } from "../clock/index.ts";

export interface WindowCount {
  /** How often in the present window, this time included. */
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
  /** Since it was last looked over for somebody to forget. */
  seen: boolean;
}

/** Counts of this process alone. */
export class OwnCounts {
  readonly #clock: Clock;
  readonly #keysMax: number;
  /** A queue with a second chance: who was seen since he was last at the head goes to the tail then, and costs nothing each time that he is seen. */
  readonly #windows = new Map<string, Window>();

  /** @param options.keysMax past it the one that was longest unseen is forgotten */
  constructor({ clock, keysMax }: { clock: Clock; keysMax: number }) {
    this.#clock = clock;
    this.#keysMax = keysMax;
  }

  add(key: string, windowMs: number): WindowCount {
    const now = this.#clock.monotonic();
    const known = this.#windows.get(key);
    if (known !== undefined && known.endsAt > now) {
      known.seen = true;
      return { count: ++known.count, leftMs: known.endsAt - now };
    }
    this.#windows.delete(key);
    this.#windows.set(key, { count: 1, endsAt: now + windowMs, seen: false });
    if (this.#windows.size > this.#keysMax) this.#forgetOne(now);
    return { count: 1, leftMs: windowMs };
  }

  /** One of the present window has come to nothing, and is as if it had not been added. */
  takeBack(key: string): void {
    const known = this.#windows.get(key);
    if (known !== undefined && known.endsAt > this.#clock.monotonic()) known.count = Math.max(0, known.count - 1);
  }

  #forgetOne(now: number): void {
    for (const [key, window] of this.#windows) {
      this.#windows.delete(key);
      if (!window.seen || window.endsAt <= now) return;
      window.seen = false;
      this.#windows.set(key, window);
    }
  }
}
