import type { Clock, Timer } from "../../platform/clock/index.ts";
import type { Counts } from "../counts.ts";
import type { Publisher } from "../socket.ts";
import type { Channel } from "./channel.ts";
import { Pace } from "./pace.ts";

/**
 * When frames are sent: a change after a quiet while at once, all that follow tick by tick. All halls share one tick, since they
 * share one loop.
 */
export class Ticker {
  readonly #clock: Clock;
  readonly #counts: Counts;
  readonly #pace = new Pace();
  readonly #changed = new Set<Channel>();
  #publisher: Publisher | undefined;
  #nextAt = Number.NEGATIVE_INFINITY;
  #isDue = false;
  #timer: Timer | undefined;

  constructor({ clock, counts }: { clock: Clock; counts: Counts }) {
    this.#clock = clock;
    this.#counts = counts;
  }

  get tickMs(): number {
    return this.#pace.tickMs;
  }

  start(publisher: Publisher): void {
    this.#publisher = publisher;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#publisher = undefined;
    this.#changed.clear();
  }

  changed(channel: Channel): void {
    this.#changed.add(channel);
    if (this.#isDue) return;
    this.#isDue = true;
    const waitMs = this.#nextAt - this.#clock.monotonic();
    if (waitMs <= 0) this.#clock.endOfTurn(this.#tick);
    else this.#timer = this.#clock.after(waitMs, this.#tick);
  }

  /** Everything that was shown before leads nowhere: the whole hall, at once. */
  renewed(channel: Channel): void {
    if (this.#publisher !== undefined) this.#counts.frames += channel.showAnew(this.#publisher);
  }

  readonly #tick = (): void => {
    this.#isDue = false;
    if (this.#publisher === undefined) return;
    const began = this.#clock.monotonic();
    for (const channel of this.#changed) this.#counts.frames += channel.showChanges(this.#publisher);
    this.#changed.clear();
    this.#nextAt = began + this.#pace.tickMs;
    // The socket writes come after this turn, and the end of the next one after them: what passed by then is the cost, with
    // whatever else the loop had to do. A busy loop is as good a reason for fewer frames as many viewers.
    this.#clock.endOfTurn(() => this.#clock.endOfTurn(() => this.#pace.measured(this.#clock.monotonic() - began)));
  };
}
