import { LIMITS } from "../limits.ts";
import { Bucket, type Rate, rateOf } from "./bucket.ts";

/** What one address, or one user, may use. */
export interface MeterLimits {
  readonly commandsPerSecond: number;
  readonly connectionsMax: number;
}

/** Meters that are used so much that others should know: found as they are used, not by looking through all there are. */
interface Busy<Connection> {
  /** Counted up whenever `commands` begins anew. */
  round: number;
  readonly commands: Set<Meter<Connection>>;
  readonly connections: Set<Meter<Connection>>;
}

/** What is shared by all connections of one IP address, or of one user. */
export class Meter<Connection> {
  readonly name: string;
  readonly #limits: MeterLimits;
  readonly #busy: Busy<Connection>;
  readonly #connections = new Set<Connection>();
  readonly #bucket = new Bucket();
  #rate: Rate;
  #busyFrom: number;
  #connectionsMax: number;
  #taken = 0;
  #round = 0;

  constructor(name: string, limits: MeterLimits, busy: Busy<Connection>) {
    this.name = name;
    this.#limits = limits;
    this.#busy = busy;
    this.#rate = rateOf(limits.commandsPerSecond);
    this.#busyFrom = busyFrom(limits.commandsPerSecond);
    this.#connectionsMax = limits.connectionsMax;
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** More connections than the others leave to it just now. */
  get isOvercrowded(): boolean {
    return this.#connections.size > this.#connectionsMax;
  }

  enter(connection: Connection): void {
    this.#connections.add(connection);
    if (this.#connections.size >= this.#limits.connectionsMax * LIMITS.busyShare) this.#busy.connections.add(this);
  }

  leave(connection: Connection): void {
    this.#connections.delete(connection);
    if (this.#connections.size < this.#limits.connectionsMax * LIMITS.busyShare) this.#busy.connections.delete(this);
  }

  /** How long until one more command fits, 0 when it fits now. Takes nothing. */
  waitMs(now: number): number {
    return this.#bucket.waitMs(this.#rate, now);
  }

  take(now: number): void {
    this.#bucket.take(this.#rate, now);
    this.#count(1);
  }

  takeMore(now: number, commands: number): void {
    this.#bucket.takeMore(this.#rate, now, commands);
    this.#count(commands);
  }

  /** How long until nothing is owed for what was dearer than there was left. */
  owedMs(now: number): number {
    return this.#bucket.owedMs(this.#rate, now);
  }

  #count(commands: number): void {
    if (this.#round !== this.#busy.round) {
      this.#round = this.#busy.round;
      this.#taken = 0;
    }
    this.#taken += commands;
    if (this.#taken >= this.#busyFrom) this.#busy.commands.add(this);
  }

  /** Commands since the round began. */
  get taken(): number {
    return this.#round === this.#busy.round ? this.#taken : 0;
  }

  /** From now on it may use less here, or again as much as the limits say. */
  allow({ commandsPerSecond, connectionsMax }: Partial<MeterLimits>): void {
    if (commandsPerSecond !== undefined) {
      this.#rate = rateOf(commandsPerSecond);
      this.#busyFrom = busyFrom(commandsPerSecond);
    }
    if (connectionsMax !== undefined) this.#connectionsMax = connectionsMax;
  }

  /** Nobody would notice if it were forgotten. */
  isIdle(now: number): boolean {
    return this.#connections.size === 0 && this.#bucket.isFull(now);
  }
}

/** Commands in one round that make a meter busy. A share of what it may use now, not of the full limit: one that was cut down could not reach that. */
const busyFrom = (commandsPerSecond: number): number =>
  Math.ceil((commandsPerSecond * LIMITS.busyShare * LIMITS.tellEveryMs) / 1000);

/**
 * Meters by name. One without connections is kept until its bucket is full again, so that nobody gets a new allowance by
 * reconnecting, and then forgotten.
 */
export class Meters<Name extends string, Connection> {
  readonly limits: MeterLimits;
  readonly #meters = new Map<Name, Meter<Connection>>();
  readonly #busy: Busy<Connection> = { round: 0, commands: new Set(), connections: new Set() };
  /** Room was made since the last sweep. To try again before the next would find hardly any, and each newcomer would pay for the search. */
  #hasMadeRoom = false;

  constructor(limits: MeterLimits) {
    this.limits = limits;
  }

  get(name: Name): Meter<Connection> | undefined {
    return this.#meters.get(name);
  }

  enter(name: Name, connection: Connection): Meter<Connection> {
    let meter = this.#meters.get(name);
    if (meter === undefined) {
      if (this.#meters.size >= LIMITS.metersMax && !this.#hasMadeRoom) {
        this.sweep(Number.POSITIVE_INFINITY);
        this.#hasMadeRoom = true;
      }
      meter = new Meter(name, this.limits, this.#busy);
      this.#meters.set(name, meter);
    }
    meter.enter(connection);
    return meter;
  }

  /** Forgets what has no connection and owes nothing at `now`. Due every `sweepMs`: in between, room is made for newcomers once. */
  sweep(now: number): void {
    this.#hasMadeRoom = false;
    for (const [name, meter] of this.#meters) {
      if (!meter.isIdle(now)) continue;
      this.#meters.delete(name);
      this.#busy.commands.delete(meter);
    }
  }

  get size(): number {
    return this.#meters.size;
  }

  /** Those with a good part of the connections that they may have. */
  get crowded(): Iterable<Meter<Connection>> {
    return this.#busy.connections;
  }

  /** Ends a round. @returns those that took a good part of the commands they may, with how many */
  endRound(): readonly { readonly meter: Meter<Connection>; readonly taken: number }[] {
    const busy = [...this.#busy.commands].map((meter) => ({ meter, taken: meter.taken }));
    this.#busy.commands.clear();
    this.#busy.round++;
    return busy;
  }
}
