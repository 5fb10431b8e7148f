/** Buyers, viewers and shoppers at the entry of a cluster, and what they were told. */
import { setTimeout as pause } from "node:timers/promises";
import { seeded } from "../../platform/random/index.ts";
import { until } from "../../platform/testing/until.ts";
import { shardOf, showtimeId } from "../../proto/index.ts";
import type { Encoding } from "../../proto/ws/index.ts";
import { Buyer, type Crowd } from "../rush-kills/buyer.ts";
import { Viewer } from "../rush-kills/viewer.ts";
import { pick } from "../simulation/random.ts";
import { Rest } from "../support/rest.ts";
import { Answers } from "./answers.ts";
import { Onlooker } from "./onlooker.ts";
import { type Hall, Referee } from "./referee.ts";
import { Shopper } from "./shopper.ts";
import { PATIENCE_MS, SHARDS, type World } from "./world.ts";

export interface Load {
  readonly seed: number;
  readonly commandsPerSecond: number;
  readonly purchasesPerSecond: number;
  readonly showtimes: number;
}

const BUYERS_A_SHOWTIME = 6;
const VIEWERS_A_SHOWTIME = 2;
/** Buyers quarrel about so many seats of each hall. */
const CONTESTED_SEATS = 300;
/** So many for a purchase a second: as many as one takes seconds. Where it takes longer, fewer are made. */
const SHOPPERS_A_PURCHASE = 1.5;
const TICK_MS = 5;
const POLL_MS = 250;

export class Rush {
  readonly random: () => number;
  readonly wrongs: string[] = [];
  readonly answers = new Answers();
  /** Answers that said to ask again: on WebSockets all of them, over REST those of `UNAVAILABLE`. */
  postponed = 0;
  /** Named when something is wrong. */
  during = "the beginning";
  readonly #world: World;
  readonly #load: Load;
  readonly #halls: Hall[] = [];
  readonly #shoppers: Shopper[] = [];
  readonly #onlooker: Onlooker;
  readonly #referee: Referee;
  readonly #stays: Promise<void>[] = [];
  #isQuiet = true;
  #isOver = false;

  private constructor(world: World, load: Load) {
    this.#world = world;
    this.#load = load;
    this.random = seeded(load.seed);
    const wrong = (what: string): void => this.wrong(what);
    this.#onlooker = new Onlooker(world.httpPort, wrong);
    this.#referee = new Referee({ httpPort: world.httpPort, databaseUrl: world.databaseUrl, wrong });
  }

  /** Brings everybody in, and lets them begin. */
  static async begin(world: World, load: Load): Promise<Rush> {
    const rush = new Rush(world, load);
    await rush.#open();
    return rush;
  }

  get showtimes(): readonly string[] {
    return this.#halls.map(({ showtime }) => showtime);
  }

  get purchases(): number {
    return this.#shoppers.reduce((sum, { purchases }) => sum + purchases, 0);
  }

  get cancellations(): number {
    return this.#shoppers.reduce((sum, { cancellations }) => sum + cancellations, 0);
  }

  /** The longest that a shopper waited for an answer, in milliseconds. */
  get longestMs(): number {
    return Math.max(0, ...this.#shoppers.map(({ longestMs }) => longestMs));
  }

  /** How often shoppers had to ask again, by status and code. */
  get retries(): ReadonlyMap<string, number> {
    const all = new Map<string, number>();
    for (const { retries } of this.#shoppers)
      for (const [why, count] of retries) all.set(why, (all.get(why) ?? 0) + count);
    return all;
  }

  /** Whether something is held in each hall. */
  get hasHolds(): boolean {
    return this.#halls.every(({ buyers }) => buyers.some(({ holds }) => holds.size > 0));
  }

  /** Those whose shard is among these. */
  showtimesIn(shards: ReadonlySet<number>): readonly string[] {
    return this.#halls.map(({ showtime }) => showtime).filter((showtime) => shards.has(shardOf(showtime, SHARDS)));
  }

  wrong(what: string): void {
    if (this.#isOver) return;
    this.wrongs.push(`${this.during}: ${what}`);
  }

  resume(): void {
    this.#isQuiet = false;
  }

  /** Waits until all that was asked is answered, and holds it against the engine and the journal. */
  async check(): Promise<void> {
    await this.#quiet();
    await this.#referee.check(this.#halls, this.#bought());
  }

  async checkBooks(): Promise<void> {
    await this.#quiet();
    await this.#referee.checkBooks(this.#bought());
  }

  async end(): Promise<void> {
    this.#isOver = true;
    this.#isQuiet = true;
    this.#onlooker.leave();
    for (const { buyers, viewers } of this.#halls) for (const one of [...buyers, ...viewers]) one.leave();
    await Promise.all(this.#stays);
    await this.#referee.close();
  }

  async #quiet(): Promise<void> {
    this.#isQuiet = true;
    const waiting = (): Buyer[] => this.#buyers().filter(({ pending }) => pending.size > 0);
    await until(
      () => waiting().length === 0 && this.#shoppers.every(({ isIdle }) => isIdle),
      () =>
        `all are answered; ${waiting().length} buyers and ${this.#shoppers.filter(({ isIdle }) => !isIdle).length} shoppers wait`,
      PATIENCE_MS,
    );
  }

  #bought(): Shopper["bought"] {
    return this.#shoppers.flatMap(({ bought }) => bought);
  }

  #buyers(): Buyer[] {
    return this.#halls.flatMap(({ buyers }) => [...buyers]);
  }

  async #open(): Promise<void> {
    const { showtimes, purchasesPerSecond } = this.#load;
    const rest = new Rest(this.#world.httpPort);
    const onSale = (await patiently(() => rest.showtimes())).sort(
      (a, b) => b.seatCount - a.seatCount || (a.id < b.id ? -1 : 1),
    );
    for (const { id, seatCount } of onSale.slice(0, showtimes)) {
      const showtime = showtimeId(id);
      const crowd: Crowd = {
        wsPort: this.#world.wsPort,
        showtime,
        seatCount: Math.min(seatCount, CONTESTED_SEATS),
        random: this.random,
        mayAsk: Promise.resolve(),
        answered: () => this.answers.note(showtime),
        postponed: () => void this.postponed++,
        wrong: (what) => this.wrong(`${showtime}: ${what}`),
      };
      const buyers: Buyer[] = [];
      for (let n = 0; n < BUYERS_A_SHOWTIME; n++)
        buyers.push(new Buyer(crowd, await patiently(() => rest.guest()), encodingOf(n)));
      const viewers = Array.from({ length: VIEWERS_A_SHOWTIME }, (_, n) => new Viewer(crowd, encodingOf(n)));
      this.#halls.push({ showtime, seatCount, buyers, viewers });
      this.#stays.push(...[...buyers, ...viewers].map((one) => one.stay()));
    }
    // What is bought and kept would fill a small hall, which is among them in the evening, when a large one has begun.
    const largest = Math.max(...this.#halls.map(({ seatCount }) => seatCount));
    const large = this.#halls.filter(({ seatCount }) => seatCount === largest);
    const shop = {
      httpPort: this.#world.httpPort,
      showtimes: large.map(({ showtime }) => showtime),
      random: this.random,
      postponed: () => void this.postponed++,
      wrong: (what: string) => this.wrong(what),
    };
    for (let n = 0; n < Math.ceil(purchasesPerSecond * SHOPPERS_A_PURCHASE); n++) {
      this.#shoppers.push(new Shopper(shop, await patiently(() => rest.guest())));
    }
    this.#stays.push(this.#onlooker.stay(this.showtimes));
    await until(
      () =>
        this.#buyers().every(({ isConnected }) => isConnected) &&
        this.#halls.every(({ viewers }) => viewers.every(({ isWatching }) => isWatching)),
      "everybody can connect",
      PATIENCE_MS,
    );
    this.#isQuiet = false;
    this.#stays.push(this.#press());
  }

  async #press(): Promise<void> {
    const { commandsPerSecond, purchasesPerSecond } = this.#load;
    const buyers = this.#buyers();
    let [commands, purchases] = [0, 0];
    for (let last = performance.now(); !this.#isOver;) {
      await pause(TICK_MS);
      const now = performance.now();
      const seconds = this.#isQuiet ? 0 : Math.min(now - last, 1_000) / 1_000;
      last = now;
      for (commands += seconds * commandsPerSecond; commands >= 1; commands--) pick(this.random, buyers).press();
      for (purchases += seconds * purchasesPerSecond; purchases >= 1; purchases--) {
        const idle = this.#shoppers.filter(({ isIdle }) => isIdle);
        if (idle.length > 0) void pick(this.random, idle).buy();
      }
    }
  }
}

/** Asks again where a busy machine has not all it needs yet. */
async function patiently<T>(ask: () => Promise<T>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > end) throw error;
      await pause(POLL_MS);
    }
  }
}

const encodingOf = (number: number): Encoding => (number % 2 === 0 ? "json" : "msgpack");
