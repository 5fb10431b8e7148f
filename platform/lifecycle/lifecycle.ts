import { type Clock, within } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";

interface Part {
  readonly name: string;
  stop(): Promise<void> | void;
}

export interface PartOptions<T> {
  readonly name: string;
  start(): Promise<T> | T;
  /** Not called when `start` failed. */
  stop?(value: T): Promise<void> | void;
}

/** Somebody asked for the end while a part was starting. */
export class Stopping extends Error {
  override readonly name = "Stopping";
  constructor() {
    super("asked to stop while starting");
  }
}

/** The parts of a process: started one after another, stopped in reverse, whatever happens on the way. */
export class Lifecycle {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stopTimeoutMs: number;
  readonly #started: Part[] = [];
  /** Settles, never rejects, when the part that is starting has started or failed. */
  #starting: Promise<void> = Promise.resolve();
  #stopped: Promise<boolean> | undefined;

  /** @param options.stopTimeoutMs what each part has for its stop; then the next one is stopped. */
  constructor(options: { clock: Clock; log: Logger; stopTimeoutMs: number }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#stopTimeoutMs = options.stopTimeoutMs;
  }

  /**
   * Starts one part and gives what it made. One that fails stops those before it.
   * @throws what `start` threw; `Stopping` when `stop` was called meanwhile.
   */
  async start<T>(part: PartOptions<T>): Promise<T> {
    if (this.#stopped !== undefined) throw new Stopping();
    const starting = this.#startPart(part);
    this.#starting = starting.then(
      () => undefined,
      () => undefined,
    );
    let value: T;
    try {
      value = await starting;
    } catch (error) {
      await this.stop();
      throw error;
    }
    if (this.#stopped === undefined) return value;
    await this.stop();
    await this.#stopStarted(); // This part, if the stop had no time left to wait for it.
    throw new Stopping();
  }

  /** Stops every part, the last one first. @returns whether each did so cleanly and in its time, and one that was starting was done with that in its own. */
  stop(): Promise<boolean> {
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  async #startPart<T>({ name, start, stop }: PartOptions<T>): Promise<T> {
    const value = await start();
    this.#started.push({ name, stop: () => stop?.(value) });
    this.#log.debug({ part: name }, "started");
    return value;
  }

  /** A part that is starting needs those before it, so it is waited for. */
  async #stopAll(): Promise<boolean> {
    let inTime = true;
    try {
      await this.#withinLimit(this.#starting);
    } catch (err) {
      inTime = false;
      this.#log.error({ err }, "a part was still starting when asked to stop");
    }
    return (await this.#stopStarted()) && inTime;
  }

  async #stopStarted(): Promise<boolean> {
    let clean = true;
    for (let part = this.#started.pop(); part !== undefined; part = this.#started.pop()) {
      clean = (await this.#stopPart(part)) && clean;
    }
    return clean;
  }

  async #stopPart({ name, stop }: Part): Promise<boolean> {
    try {
      await this.#withinLimit(Promise.resolve(stop()));
      this.#log.debug({ part: name }, "stopped");
      return true;
    } catch (err) {
      this.#log.error({ err, part: name }, "a part did not stop cleanly");
      return false;
    }
  }

  #withinLimit(work: Promise<void>): Promise<void> {
    return within(this.#clock, this.#stopTimeoutMs, work, () => {
      throw new Error(`not done within ${this.#stopTimeoutMs} ms`);
    });
  }
}
