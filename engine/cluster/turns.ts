/**
 * In which order a group of shards is handed over: their next owners read some at a time, and when all are read they change hands one after
 * another. So whoever takes one has as much of the machine for it as there is, and a showtime is without an answer as shortly as can be.
 */
export class Turns {
  readonly #readAtOnce: number;
  readonly #toRead: (() => void)[] = [];
  #reading = 0;
  readonly #toPass: (() => void)[] = [];
  #passing = 0;
  #lastPass: Promise<void> = Promise.resolve();

  constructor(readAtOnce: number) {
    this.#readAtOnce = readAtOnce;
  }

  /** Whether shards change hands now: whatever else is to be handed over is read when they have. */
  get isPassing(): boolean {
    return this.#passing > 0;
  }

  /** One of the group is read. */
  async read(work: () => Promise<void>): Promise<void> {
    if (this.#reading < this.#readAtOnce) this.#reading++;
    else await new Promise<void>((resolve) => this.#toRead.push(resolve));
    try {
      await work();
    } finally {
      const next = this.#toRead.shift();
      if (next !== undefined) next();
      else if (--this.#reading === 0) for (const pass of this.#toPass.splice(0)) pass();
    }
  }

  /** One of the group, which was read, changes hands. */
  async pass(work: () => Promise<void>): Promise<void> {
    if (this.#reading > 0) await new Promise<void>((resolve) => this.#toPass.push(resolve));
    this.#passing++;
    const pass = this.#lastPass.then(work).finally(() => this.#passing--);
    this.#lastPass = pass.catch(() => undefined);
    await pass;
  }
}
