/**
 * In which order a group of shards is handed over: their next owners read them one by one, and when all are read they change hands one by one.
 * So whoever takes a shard has as much of the machine for it as there is, and a showtime is without an answer as shortly as can be.
 */
export class Turns {
  #reading = 0;
  #passing = 0;
  #lastRead: Promise<void> = Promise.resolve();
  #lastPass: Promise<void> = Promise.resolve();
  readonly #toPass: (() => void)[] = [];

  /** Whether shards change hands now: whatever else is to be handed over is read when they have. */
  get isPassing(): boolean {
    return this.#passing > 0;
  }

  /** One of the group is read. */
  async read(work: () => Promise<void>): Promise<void> {
    this.#reading++;
    const read = this.#lastRead.then(work).finally(() => {
      if (--this.#reading === 0) for (const pass of this.#toPass.splice(0)) pass();
    });
    this.#lastRead = read.catch(() => undefined);
    await read;
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
