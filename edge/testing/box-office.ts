import type { Bus } from "../../platform/bus/index.ts";
import {
  checksumOf,
  type Command,
  deltasOf,
  type HoldId,
  holdIdOf,
  NOTICES,
  type Query,
  type Refusal,
  type Reply,
  rollChecksum,
  SEAT_STATUS,
  seatChange,
  type ShowtimeId,
} from "../../proto/index.ts";
import type { EngineGateway } from "../ports.ts";

interface Hall {
  epoch: number;
  seq: number;
  checksum: number;
  readonly statuses: Uint8Array;
  readonly holds: Map<HoldId, { holder: string; seats: readonly number[] }>;
}

const refused = (code: Refusal["code"], rest: Partial<Refusal> = {}): Refusal => ({
  type: "refused",
  code,
  message: code,
  ...rest,
});

/** Stands where the engine does for the edge's own tests: no journal, no rules, but true deltas and views. `tests/` has the engine. */
export class BoxOffice implements EngineGateway {
  readonly #bus: Bus;
  readonly #halls = new Map<ShowtimeId, Hall>();
  /** Answers by (holder, rid), as the engine keeps them. */
  readonly #first = new Map<string, Reply>();
  readonly asked: (Command | Query)[] = [];
  /** While set, answers, already decided, wait in it. */
  held: (() => void)[] | undefined;
  /** While set, every request is refused so. */
  refusal: Refusal | undefined;
  #losesDeltas = false;
  #holds = 0;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  open(showtime: ShowtimeId, seats: number): void {
    this.#halls.set(showtime, { epoch: 1, seq: 0, checksum: 0, statuses: new Uint8Array(seats), holds: new Map() });
  }

  close(showtime: ShowtimeId): void {
    this.#halls.delete(showtime);
  }

  hall(showtime: ShowtimeId): Hall {
    const hall = this.#halls.get(showtime);
    if (hall === undefined) throw new Error(`no hall ${showtime}`);
    return hall;
  }

  viewsOf(showtime: ShowtimeId): number {
    return this.asked.filter((request) => request.type === "view" && request.showtime === showtime).length;
  }

  /** One commit. */
  change(showtime: ShowtimeId, changes: ReadonlyMap<number, number>): void {
    const hall = this.hall(showtime);
    const from = hall.seq++;
    for (const [seat, status] of changes) {
      hall.checksum = rollChecksum(hall.checksum, seat, hall.statuses[seat] ?? 0, status);
      hall.statuses[seat] = status;
    }
    if (this.#losesDeltas) return;
    const { epoch, seq, checksum } = hall;
    const packed = Array.from(changes, ([seat, status]) => seatChange(seat, status));
    this.#bus.publish(deltasOf(showtime), { showtime, epoch, from, seq, changes: packed, checksum });
  }

  /** What changes meanwhile is told to nobody. */
  unheard(changes: () => void): void {
    this.#losesDeltas = true;
    changes();
    this.#losesDeltas = false;
  }

  expire(hold: HoldId): void {
    const { showtime, found } = this.#find(hold);
    if (found === undefined) throw new Error(`no hold ${hold}`);
    this.#give(showtime, found.seats, SEAT_STATUS.free);
    this.#bus.publish(NOTICES, { notices: [{ type: "expired", holder: found.holder as never, hold }] });
  }

  book(hold: HoldId, booking: string): void {
    const { showtime, found } = this.#find(hold);
    if (found === undefined) throw new Error(`no hold ${hold}`);
    this.#give(showtime, found.seats, SEAT_STATUS.booked);
    this.#bus.publish(NOTICES, {
      notices: [{ type: "booked", holder: found.holder as never, hold, booking: booking as never }],
    });
  }

  send(request: Command | Query, answer: (reply: Reply, tookMs: number) => void): void {
    this.asked.push(request);
    const reply = this.refusal ?? this.#replyTo(request);
    if (this.held !== undefined) this.held.push(() => answer(reply, 0));
    else queueMicrotask(() => answer(reply, 0));
  }

  #replyTo(request: Command | Query): Reply {
    const hall = this.#halls.get(request.showtime);
    if (hall === undefined) return refused("NOT_FOUND");
    if (request.type === "view") {
      const { epoch, seq, statuses } = hall;
      return { type: "view", epoch, seq, statuses: statuses.slice(), checksum: checksumOf(statuses) };
    }
    if (!("rid" in request)) return refused("INTERNAL");
    const key = `${request.holder}/${request.rid}`;
    const reply = this.#first.get(key) ?? this.#decide(request, hall);
    this.#first.set(key, reply);
    return reply;
  }

  #decide(command: Command, hall: Hall): Reply {
    switch (command.type) {
      case "hold":
        return this.#hold(command, command.seats, hall);
      case "hold-best": {
        const free = Array.from(hall.statuses.keys()).filter((seat) => hall.statuses[seat] === SEAT_STATUS.free);
        if (free.length < command.count) return refused("NOT_ENOUGH_SEATS");
        return this.#hold(command, free.slice(0, command.count), hall);
      }
      case "extend":
      case "release": {
        const found = hall.holds.get(command.hold);
        if (found?.holder !== command.holder) return refused("HOLD_NOT_FOUND");
        if (command.type === "extend") return { type: "extended", hold: command.hold, expiresInMs: 300_000 };
        this.#give(command.showtime, command.seats ?? found.seats, SEAT_STATUS.free);
        return { type: "released", hold: command.hold };
      }
      default:
        return refused("INTERNAL");
    }
  }

  #hold({ showtime, holder }: Command, seats: readonly number[], hall: Hall): Reply {
    if (seats.some((seat) => seat >= hall.statuses.length)) return refused("NOT_FOUND");
    const taken = seats.filter((seat) => hall.statuses[seat] !== SEAT_STATUS.free);
    if (taken.length > 0) return refused("SEAT_TAKEN", { seats: taken });
    const hold = holdIdOf(showtime, ++this.#holds);
    hall.holds.set(hold, { holder, seats });
    this.#give(showtime, seats, SEAT_STATUS.held);
    return { type: "held", hold, seats, expiresInMs: 300_000 };
  }

  #give(showtime: ShowtimeId, seats: readonly number[], status: number): void {
    this.change(showtime, new Map(seats.map((seat) => [seat, status])));
  }

  #find(hold: HoldId) {
    for (const [showtime, { holds }] of this.#halls) {
      const found = holds.get(hold);
      if (found !== undefined) return { showtime, found };
    }
    return { showtime: "" as ShowtimeId, found: undefined };
  }
}
