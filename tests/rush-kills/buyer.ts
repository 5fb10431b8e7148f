import { setTimeout as pause } from "node:timers/promises";
import { Client } from "../../edge/testing/client.ts";
import type { ShowtimeId } from "../../proto/index.ts";
import type { Encoding, ServerMessage } from "../../proto/ws/index.ts";
import { between, pick } from "../simulation/random.ts";
import type { Person } from "../support/box-office.ts";

/** A hold that was acknowledged, and whose release was not. */
export interface Held {
  // Times are those of `performance.now` in this process.
  readonly holdId: string;
  readonly seats: Set<number>;
  readonly acknowledgedAt: number;
  /** Between these two it ends: when the request was sent and when the answer came, plus what the answer said. */
  leastEnd: number;
  mostEnd: number;
  /** A request about it is under way. */
  isBusy: boolean;
}

interface Pending {
  readonly message: {
    readonly op: "hold" | "release";
    readonly rid: string;
    readonly showtime?: string;
    readonly seats?: readonly number[];
    readonly holdId?: string;
  };
  /** First. */
  readonly sentAt: number;
}

/** The rush that a buyer is part of. */
export interface Crowd {
  readonly wsPort: number;
  readonly showtime: ShowtimeId;
  readonly seatCount: number;
  readonly random: () => number;
  /** Settled once buyers may ask again after a kill. */
  readonly mayAsk: Promise<void>;
  answered(): void;
  /** The request got an error that says to ask again. */
  postponed?(code: string): void;
  /** Something that must not be. */
  wrong(what: string): void;
}

const HOLDS_AT_MOST = 5;
/** So many requests of one buyer under way. */
const IN_FLIGHT_MAX = 8;
const RECONNECT_MS = 20;
/** Who is not signed in by then tries another connection. */
const SIGN_IN_MS = 5_000;

/** Holds seats and gives them back, comes back whenever the connection ends, and keeps account of every answer. */
export class Buyer {
  readonly person: Person;
  readonly holds = new Map<string, Held>();
  readonly pending = new Map<string, Pending>();
  /** Since they were last forgotten. */
  released: string[] = [];
  /** When a request to give a seat back was last sent. */
  readonly givenBackAt = new Map<number, number>();
  readonly #crowd: Crowd;
  readonly #encoding: Encoding;
  #client: Client | undefined;
  #rids = 0;
  #isGone = false;

  constructor(crowd: Crowd, person: Person, encoding: Encoding) {
    this.#crowd = crowd;
    this.person = person;
    this.#encoding = encoding;
  }

  get isConnected(): boolean {
    return this.#client !== undefined;
  }

  leave(): void {
    this.#isGone = true;
    this.#client?.ws.terminate();
  }

  /** Until `leave`. */
  async stay(): Promise<void> {
    while (!this.#isGone) {
      try {
        await this.#visit();
      } catch {
        // Refused or cut: what is wrong with an answer goes to `wrong`.
        this.#client = undefined;
        await pause(RECONNECT_MS);
      }
    }
  }

  press(): void {
    if (this.#client === undefined || this.pending.size >= IN_FLIGHT_MAX) return;
    const { random, showtime, seatCount } = this.#crowd;
    const rid = `${++this.#rids}`;
    const idle = [...this.holds.values()].filter(({ isBusy }) => !isBusy);
    if (idle.length > 0 && (this.holds.size >= HOLDS_AT_MOST || random() < 0.5)) {
      const hold = pick(random, idle);
      hold.isBusy = true;
      const [first] = hold.seats;
      const inPart = first !== undefined && hold.seats.size > 1 && random() < 0.3;
      const gone = inPart ? [first] : [...hold.seats];
      for (const seat of gone) this.givenBackAt.set(seat, performance.now());
      this.#send({ op: "release", rid, holdId: hold.holdId, ...(inPart && { seats: gone }) });
    } else {
      const first = between(random, 0, seatCount - 4);
      const seats = Array.from({ length: between(random, 1, 4) }, (_, at) => first + at);
      this.#send({ op: "hold", rid, showtime, seats });
    }
  }

  #send(message: Pending["message"]): void {
    this.pending.set(message.rid, { message, sentAt: performance.now() });
    this.#client?.say(message);
  }

  async #visit(): Promise<void> {
    const { wsPort, mayAsk } = this.#crowd;
    const client = await Client.connect(wsPort, this.#encoding);
    const late = setTimeout(() => client.ws.terminate(), SIGN_IN_MS);
    await client.signIn(this.person.token).finally(() => clearTimeout(late));
    await mayAsk;
    this.#client = client;
    for (const { message } of this.pending.values()) client.say(message);
    for (;;) {
      await client.until(() => client.inbox.length > 0);
      for (const message of client.inbox.splice(0)) this.#take(message);
    }
  }

  #take(message: ServerMessage): void {
    if (message.op === "expired") this.#crowd.wrong(`hold ${message.holdId} ran out although it had hours left`);
    if (!("rid" in message) || message.rid === undefined) return;
    const pending = this.pending.get(message.rid);
    if (pending === undefined) return; // The second answer to a request that was asked twice.
    if (message.op === "error" && (message.code === "UNAVAILABLE" || message.code === "BUSY")) {
      this.#crowd.postponed?.(message.code);
      void pause(message.retryInMs ?? RECONNECT_MS).then(() => this.#client?.say(pending.message));
      return;
    }
    this.pending.delete(message.rid);
    this.#crowd.answered();
    if (pending.message.op === "hold") this.#learnHold(pending, message);
    else this.#learnRelease(pending, message);
  }

  #learnHold({ message: { seats = [] }, sentAt }: Pending, answer: ServerMessage): void {
    if (answer.op === "held") {
      if (String(answer.seats) !== String(seats))
        this.#crowd.wrong(`${seats.join()} were asked for, and ${answer.seats.join()} held`);
      this.holds.set(answer.holdId, {
        holdId: answer.holdId,
        seats: new Set(answer.seats),
        acknowledgedAt: performance.now(),
        leastEnd: sentAt + answer.expiresInMs,
        mostEnd: performance.now() + answer.expiresInMs,
        isBusy: false,
      });
    } else if (answer.op !== "error" || answer.code !== "SEAT_TAKEN") {
      this.#crowd.wrong(`a hold was answered with ${JSON.stringify(answer)}`);
    }
  }

  #learnRelease({ message: { holdId = "", seats } }: Pending, answer: ServerMessage): void {
    const hold = this.holds.get(holdId);
    if (answer.op !== "released" || hold === undefined) {
      this.#crowd.wrong(`the release of ${holdId} was answered with ${JSON.stringify(answer)}`);
      return;
    }
    hold.isBusy = false;
    for (const seat of seats ?? hold.seats) hold.seats.delete(seat);
    if (hold.seats.size > 0) return;
    this.holds.delete(holdId);
    this.released.push(holdId);
  }
}
