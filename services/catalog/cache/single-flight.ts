interface Flight<Value> {
  readonly running: Promise<Value>;
  /** What is loaded once that has landed, for all who came meanwhile. */
  next: Promise<Value> | undefined;
}

/**
 * Loads one thing once at a time, however many want it. Whoever comes while a load is under way waits for the next: the one under way
 * may have been read before what the caller has just done.
 */
export class SingleFlight<Value> {
  readonly #load: (key: string) => Promise<Value>;
  readonly #flights = new Map<string, Flight<Value>>();

  constructor(load: (key: string) => Promise<Value>) {
    this.#load = load;
  }

  get(key: string): Promise<Value> {
    const flight = this.#flights.get(key);
    if (flight === undefined) return this.#start(key);
    const start = () => this.#start(key);
    return (flight.next ??= flight.running.then(start, start));
  }

  #start(key: string): Promise<Value> {
    const running = this.#load(key);
    const flight: Flight<Value> = { running, next: undefined };
    this.#flights.set(key, flight);
    const land = () => {
      if (flight.next === undefined) this.#flights.delete(key);
    };
    running.then(land, land);
    return running;
  }
}
