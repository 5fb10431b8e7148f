import type { RestClient, Showtime, UsherClient } from "../../client/index.ts";

/** On the average; thousands of pages look, each at a time of its own. */
const LOOK_EVERY_MS = 3 * 60_000;
/** Where all of them learn of the same moment, as when a sale begins or an edge is back, each looks at some time within this. */
const SPREAD_MS = 10_000;

export interface ShowtimeNewsOptions {
  readonly client: UsherClient;
  readonly rest: RestClient;
  /** As it was read first. */
  readonly showtime: Showtime;
  /** It is another now, or its sale begins or ends. */
  readonly changed: () => void;
}

/** What the catalogue says of a showtime: read again and again while its hall is on the page, for it may be moved, cancelled, or get other prices. */
export class ShowtimeNews {
  readonly #options: ShowtimeNewsOptions;
  readonly #unlisten: () => void;
  #showtime: Showtime;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: ShowtimeNewsOptions) {
    this.#options = options;
    this.#showtime = options.showtime;
    this.#unlisten = options.client.on("state", (state) => state === "open" && this.#wait(Math.random() * SPREAD_MS));
    this.#wait();
  }

  close(): void {
    this.#isClosed = true;
    this.#unlisten();
    clearTimeout(this.#timer);
  }

  get showtime(): Showtime {
    return this.#showtime;
  }

  /** Reads it now, unless that is under way. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #look(): Promise<void> {
    try {
      const found = await this.#options.rest.showtime(this.#showtime.id);
      if (this.#isClosed) return;
      const isNews = JSON.stringify(found) !== JSON.stringify(this.#showtime);
      this.#showtime = found;
      if (isNews) this.#options.changed();
    } catch {
      // It is looked for again. That a showtime is gone is told to who watches its hall.
    }
    this.#wait();
  }

  #wait(ms = LOOK_EVERY_MS * (0.5 + Math.random())): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    const { salesStartAt, salesEndAt } = this.#showtime;
    const turns = [salesStartAt, salesEndAt].map((at) => Date.parse(at) - this.#options.rest.now());
    const turnMs = Math.min(...turns.filter((left) => left > 0));
    if (turnMs > ms) this.#timer = setTimeout(() => void this.look(), ms);
    else this.#timer = setTimeout(() => this.#turn(), turnMs);
  }

  #turn(): void {
    this.#options.changed();
    this.#wait(Math.random() * SPREAD_MS);
  }
}
