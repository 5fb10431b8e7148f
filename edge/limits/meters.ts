import { LIMITS } from "../limits.ts";
import { Bucket } from "./bucket.ts";

/** What is shared by all connections of one IP address, or of one user. */
export class Meter<Connection> {
  readonly connections = new Set<Connection>();
  readonly bucket = new Bucket();
}

/**
 * Meters by name. One without connections is kept until its bucket is full again, so that nobody gets a new allowance by
 * reconnecting, and then forgotten.
 */
export class Meters<Name extends string, Connection> {
  readonly #meters = new Map<Name, Meter<Connection>>();

  get(name: Name): Meter<Connection> | undefined {
    return this.#meters.get(name);
  }

  enter(name: Name, connection: Connection): Meter<Connection> {
    let meter = this.#meters.get(name);
    if (meter === undefined) {
      if (this.#meters.size >= LIMITS.metersMax) this.sweep(Number.POSITIVE_INFINITY);
      meter = new Meter();
      this.#meters.set(name, meter);
    }
    meter.connections.add(connection);
    return meter;
  }

  /** Forgets what has no connection and owes nothing at `now`. */
  sweep(now: number): void {
    for (const [name, meter] of this.#meters) {
      if (meter.connections.size === 0 && meter.bucket.isFull(now)) this.#meters.delete(name);
    }
  }

  get size(): number {
    return this.#meters.size;
  }
}
