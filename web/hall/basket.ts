import { type BestSeats, type Hold, Refused, type RestClient, type UsherClient } from "../../client/index.ts";
import type { ErrorCode } from "../../proto/index.ts";
import { groupBy } from "../group-by.ts";
import type { Session } from "../session.ts";
import { type Unheard, UnheardRequests } from "./unheard-requests.ts";
import type { Wish } from "./wish.ts";

/** With one of these a hold cannot be extended, and another may be. */
const NOT_TO_EXTEND: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["HOLD_PINNED", "HOLD_NOT_FOUND", "HOLD_EXPIRED"]);

/** A connected client is told that a hold has run out within this, by its own clock, which may be ahead a little. */
const TOLD_WITHIN_MS = 3_000;

export interface BasketOptions {
  readonly client: UsherClient;
  readonly rest: RestClient;
  readonly session: Session;
  readonly showtime: string;
  /** Whether the page of this hall is the one that the buyer sees. */
  readonly isOpen: () => boolean;
  /** Seats or times have changed. */
  readonly changed: () => void;
  /** Something was refused. */
  readonly failed: (error: unknown) => void;
  /** There is more time: so many milliseconds from now. */
  readonly extended: (msLeft: number) => void;
  /** More time was refused. */
  readonly notExtended: (error: unknown) => void;
  /** The best seats that were asked for. */
  readonly found: (seats: readonly number[]) => void;
  /** These seats, which were given up for lack of an answer, were granted all the same. */
  readonly regained: (seats: readonly number[]) => void;
  /** These seats are gone without the buyer's doing here: their time is over, or another tab of this guest's had them. */
  readonly lost: (seats: readonly number[], why: "over" | "elsewhere") => void;
}

interface Held {
  readonly holdId: string;
  readonly seats: readonly number[];
  /** On the client's clock. */
  readonly expiresAt: number;
}

/**
 * The seats that this guest holds in one showtime, and those asked for at the moment. It outlives the page of its hall: seats may
 * be on their way, here or back, when that is left, and are there when it is opened again. One that is empty may be closed then.
 */
export class Basket {
  readonly #options: BasketOptions;
  readonly #holds = new Map<string, Held>();
  /** Every seat of every hold: looked up for each seat of the hall, in each frame. */
  #mine: ReadonlySet<number> = new Set();
  readonly #asked = new Set<number>();
  /** Seats on their way back. */
  readonly #returning = new Set<number>();
  /** Holds that the server was asked about and has not told of: they may live, so their ids are kept. */
  readonly #untold = new Set<string>();
  readonly #unheard: UnheardRequests;
  readonly #unlisten: readonly (() => void)[];
  /** The end that the last extension gave to all holds, also those whose answer was from before it. */
  #extendedTo = 0;
  /** When it was answered, on the client's clock. */
  #extendedAt = 0;
  #extending: Promise<void> | undefined;
  /** When the server was asked last about what had run out by the clock here, on that clock. */
  #askedAt = 0;
  #signedIn = false;

  constructor(options: BasketOptions) {
    this.#options = options;
    const { client } = options;
    this.#unheard = new UnheardRequests(client, options.session, options.showtime);
    this.#unlisten = [
      client.on("expired", ({ holdId }) => this.#lose(holdId)),
      client.on("booked", ({ holdId }) => this.#drop(holdId)),
      client.on("lateHold", (hold) => hold.showtime === options.showtime && this.#regain(hold)),
      // Notices may have been missed while there was no connection.
      client.on("authed", () => {
        void this.refresh();
        // In a hall that was left, seats would be taken behind the buyer's back.
        if (options.isOpen()) this.askAgain();
      }),
    ];
    if (options.session.savedToken !== undefined) this.#signIn();
  }

  /** Whether this guest has nothing in the showtime, as far as is known, and waits for nothing. */
  get isEmpty(): boolean {
    return this.#holds.size === 0 && this.#untold.size === 0 && this.#unheard.isEmpty;
  }

  close(): void {
    for (const unlisten of this.#unlisten) unlisten();
  }

  get seats(): number[] {
    return [...this.#mine].sort((a, b) => a - b);
  }

  has(seat: number): boolean {
    return this.#mine.has(seat);
  }

  isAsked(seat: number): boolean {
    return this.#asked.has(seat);
  }

  /** Whether the seat, which others may see held, may be this guest's: to be taken once more to find out. */
  isUnheard(seat: number): boolean {
    return this.#unheard.has({ seats: [seat] });
  }

  /** The seats of each hold, which are booked together and paid for together. */
  get groups(): readonly (readonly number[])[] {
    return [...this.#holds.values()].map(({ seats }) => seats);
  }

  get holdIds(): string[] {
    return [...this.#holds.keys()];
  }

  /** The hold has become a booking: it is no longer the basket's. */
  handOver(holdId: string): void {
    this.#drop(holdId);
  }

  /** Until the first hold runs out; undefined when there is none. */
  get msLeft(): number | undefined {
    if (this.#holds.size === 0) return undefined;
    return Math.min(...[...this.#holds.values()].map((hold) => this.#options.client.msLeft(hold)));
  }

  async take(seats: readonly number[], accessible: boolean): Promise<void> {
    for (const seat of seats) this.#asked.add(seat);
    await this.#hold({ seats, accessible });
    for (const seat of seats) this.#asked.delete(seat);
    this.#options.changed();
  }

  /** @returns the seats that were granted; none where they were not, or may have been. */
  async takeBest(best: BestSeats, accessible: boolean): Promise<readonly number[]> {
    const before = this.#mine;
    await this.#hold({ best, accessible });
    const fresh = this.seats.filter((seat) => !before.has(seat));
    if (fresh.length > 0) this.#options.found(fresh);
    return fresh;
  }

  /** Asks once more for what was asked for and not heard of. */
  askAgain(): void {
    for (const wish of this.#unheard.wishes) void this.#hold(wish, (hold) => this.#regain(hold));
  }

  async giveBack(seats: readonly number[]): Promise<void> {
    const fresh = seats.filter((seat) => !this.#returning.has(seat));
    const byHold = groupBy(fresh, (seat) => this.#holdOf(seat));
    await Promise.all([...byHold].map(async ([hold, some]) => hold && this.#release(hold, some)));
  }

  /** Extends one hold, which moves the end of all that are not being paid for: of extensions there are few, so a second click asks for none. */
  extend(): Promise<void> {
    this.#extending ??= this.#extend().finally(() => (this.#extending = undefined));
    return this.#extending;
  }

  /** What the server knows of the holds, from before a reload or a lost connection. */
  async refresh(): Promise<void> {
    const { client, rest, session, showtime } = this.#options;
    const token = session.savedToken;
    if (token === undefined) return;
    for (const holdId of [...session.holdsOf(showtime), ...this.#holds.keys()]) this.#untold.add(holdId);
    await Promise.all(
      [...this.#untold].map(async (holdId) => {
        const asked = client.now();
        try {
          const found = await rest.hold(holdId, token);
          // What has happened to the hold meanwhile is newer than this answer.
          if (!this.#untold.has(holdId)) return;
          const hold = { holdId, seats: found.seats, expiresAt: asked + found.expiresInMs };
          // The answer may be from before an extension, which moves the end of what is not being paid for.
          if (asked < this.#extendedAt && found.status === "held") this.#grant(hold);
          else this.#add(hold);
        } catch (error) {
          if (error instanceof Refused && !error.retryable) {
            this.#lose(holdId, error.code === "HOLD_NOT_FOUND" ? "elsewhere" : "over");
          }
        }
      }),
    );
  }

  /** The hall shows these seats free. Another tab of this guest's may have given back what is in the basket here. */
  sawFree(seats: readonly number[]): void {
    if (seats.some((seat) => this.#mine.has(seat) && !this.#returning.has(seat))) void this.refresh();
  }

  /**
   * What has run out by the clock here may live still: it may have been given more time, also by an engine that was away itself, or be on its way to a
   * booking. The server tells, or is asked: at once where there is a connection, when there is one again where it was lost. Where there will be none, it is dropped.
   */
  dropExpired(): void {
    const { client } = this.#options;
    const over = [...this.#holds.values()].filter((hold) => client.msLeft(hold) === 0);
    if (client.state === "closed") return over.forEach(({ holdId }) => this.#lose(holdId));
    if (client.state !== "open") return;
    const isLate = over.some(({ expiresAt }) => client.now() - Math.max(expiresAt, this.#askedAt) > TOLD_WITHIN_MS);
    if (!isLate || this.#extending !== undefined) return;
    this.#askedAt = client.now();
    void this.refresh();
  }

  async #extend(): Promise<void> {
    const passedOver = new Set<string>();
    let refusal: unknown;
    for (const holdId of this.holdIds) {
      try {
        this.#extendedTo = (await this.#options.client.extend(holdId)).expiresAt;
        this.#extendedAt = this.#options.client.now();
        for (const hold of Array.from(this.#holds.values())) if (!passedOver.has(hold.holdId)) this.#grant(hold);
        this.#options.extended(this.#options.client.msLeft({ expiresAt: this.#extendedTo }));
        return;
      } catch (error) {
        refusal = error;
        if (!(error instanceof Refused && NOT_TO_EXTEND.has(error.code))) break;
        passedOver.add(holdId);
      }
    }
    if (refusal !== undefined) this.#options.notExtended(refusal);
    // It may have been carried out all the same.
    if (refusal instanceof Refused && refusal.code === "UNAVAILABLE") await this.refresh();
  }

  #signIn(): void {
    if (this.#signedIn) return;
    this.#signedIn = true;
    const { client, session } = this.#options;
    if (client.identity !== undefined) return void this.refresh();
    // What fails here fails the requests that wait for it, and is told there.
    client.authenticate(session.token).catch(() => {});
  }

  async #hold(wish: Wish, take = (hold: Hold): void => this.#grant(hold)): Promise<void> {
    const { session, changed, failed } = this.#options;
    const request = this.#unheard.ask(wish);
    this.#signIn();
    changed();
    try {
      await session.awaiting(async () => take(await this.#ask(request)));
      this.#unheard.answered(request);
      // An answer that is given again may tell of what is over by now.
      if (request.isAgain) await this.refresh();
    } catch (error) {
      if (error instanceof Refused && error.code !== "UNAVAILABLE") this.#unheard.answered(request);
      else this.#unheard.giveUp(request);
      failed(error);
    }
  }

  #ask({ wish, rid }: Unheard): Promise<Hold> {
    const { client, showtime } = this.#options;
    const options = { accessible: wish.accessible, rid };
    return "seats" in wish ? client.hold(showtime, wish.seats, options) : client.holdBest(showtime, wish.best, options);
  }

  async #release(hold: Held, seats: readonly number[]): Promise<void> {
    for (const seat of seats) this.#returning.add(seat);
    try {
      await this.#options.client.release(hold.holdId, seats.length < hold.seats.length ? { seats } : {});
      const current = this.#holds.get(hold.holdId);
      const left = current?.seats.filter((seat) => !seats.includes(seat)) ?? [];
      if (current !== undefined && left.length > 0) this.#add({ ...current, seats: left });
      else this.#drop(hold.holdId);
    } catch (error) {
      this.#options.failed(error);
      if (error instanceof Refused && (error.code === "HOLD_EXPIRED" || error.code === "HOLD_NOT_FOUND")) {
        this.#drop(hold.holdId);
      }
    } finally {
      for (const seat of seats) this.#returning.delete(seat);
    }
  }

  #holdOf(seat: number): Held | undefined {
    return [...this.#holds.values()].find(({ seats }) => seats.includes(seat));
  }

  #grant(hold: Held): void {
    this.#add({ ...hold, expiresAt: Math.max(hold.expiresAt, this.#extendedTo) });
  }

  #regain(hold: Held): void {
    const isNew = !this.#holds.has(hold.holdId);
    this.#grant(hold);
    if (isNew) this.#options.regained(hold.seats);
  }

  #add(hold: Held): void {
    this.#holds.set(hold.holdId, hold);
    this.#unheard.forget(hold);
    this.#untold.delete(hold.holdId);
    this.#save();
  }

  #lose(holdId: string, why: "over" | "elsewhere" = "over"): void {
    const hold = this.#holds.get(holdId);
    this.#drop(holdId);
    const lost = hold?.seats.filter((seat) => !this.#returning.has(seat)) ?? [];
    if (lost.length > 0) this.#options.lost(lost, why);
  }

  #drop(holdId: string): void {
    this.#holds.delete(holdId);
    this.#untold.delete(holdId);
    this.#save();
  }

  #save(): void {
    const { session, showtime, changed } = this.#options;
    this.#mine = new Set([...this.#holds.values()].flatMap(({ seats }) => seats));
    session.keepHolds(showtime, [...new Set([...this.#holds.keys(), ...this.#untold])]);
    changed();
  }
}
