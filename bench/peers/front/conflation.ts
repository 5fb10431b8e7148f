import { Pace } from "../../../edge/fan-out/pace.ts";
import { SEATS_A_HALL } from "./seat-store.ts";

/** Sends [seat * 4 + status, ...] to whoever watches the showtime. */
export type Publish = (showtime: number, changes: readonly number[]) => void;

/** How changes are shown. */
export type Show = (showtime: number, seats: readonly number[], status: 0 | 1) => void;

/** One frame per change, as it comes. */
const naive =
  (publish: Publish): Show =>
  (showtime, seats, status) => {
    publish(
      showtime,
      seats.map((seat) => seat * 4 + status),
    );
  };

/**
 * When Usher's edge sends frames, by its own `Pace`: after a quiet while at once, then tick by tick (20 to 250 ms, by what the last ticks
 * cost). To be called for every change; `send` follows.
 */
export function paced(send: () => void): () => void {
  const pace = new Pace();
  let nextAt = Number.NEGATIVE_INFINITY;
  let isDue = false;

  const tick = (): void => {
    isDue = false;
    const began = performance.now();
    send();
    nextAt = began + pace.tickMs;
    setImmediate(() => setImmediate(() => pace.measured(performance.now() - began)));
  };

  return () => {
    if (isDue) return;
    isDue = true;
    const waitMs = nextAt - performance.now();
    if (waitMs <= 0) setImmediate(tick);
    else setTimeout(tick, waitMs);
  };
}

/** What Usher's edge sends: the last status of a seat, and nothing of a seat that is again what it was last shown to be. */
export function conflated(publish: Publish): Show {
  const halls = new Map<number, Hall>();
  const changed = paced(() => {
    for (const [showtime, hall] of halls) {
      const changes = hall.show();
      if (changes.length > 0) publish(showtime, changes);
    }
  });
  return (showtime, seats, status) => {
    let hall = halls.get(showtime);
    if (hall === undefined) halls.set(showtime, (hall = new Hall()));
    for (const seat of seats) hall.change(seat, status);
    changed();
  };
}

class Hall {
  readonly #statuses = new Uint8Array(SEATS_A_HALL);
  readonly #shown = new Uint8Array(SEATS_A_HALL);
  readonly #touched = new Set<number>();

  change(seat: number, status: 0 | 1): void {
    this.#statuses[seat] = status;
    this.#touched.add(seat);
  }

  show(): number[] {
    const changes: number[] = [];
    for (const seat of this.#touched) {
      const status = this.#statuses[seat] ?? 0;
      if (status !== this.#shown[seat]) changes.push(seat * 4 + status);
      this.#shown[seat] = status;
    }
    this.#touched.clear();
    return changes;
  }
}

/** @param how "naive" or "conflated". */
export function showBy(how: string | undefined, publish: Publish): Show {
  if (how === "naive") return naive(publish);
  if (how === "conflated") return conflated(publish);
  throw new Error(`SHOW must be naive or conflated, not ${how}`);
}
