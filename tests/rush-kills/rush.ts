/**
 * A rush of buyers at a running Usher that is killed, or whose PostgreSQL is, again and again. After each kill everything that anybody
 * was told is held against what Usher says now.
 */
import { setTimeout as pause } from "node:timers/promises";
import { seeded } from "../../platform/random/index.ts";
import { until } from "../../platform/testing/until.ts";
import { checksumOf, type ShowtimeId, showtimeId } from "../../proto/index.ts";
import type { Encoding } from "../../proto/ws/index.ts";
import { between, pick } from "../simulation/random.ts";
import { type HoldView, Rest } from "../support/rest.ts";
import { freePort, type Settings, UsherProcess } from "../support/usher-process.ts";
import { Buyer, type Crowd, type Held } from "./buyer.ts";
import { type Shown, Viewer } from "./viewer.ts";

export type Victim = "usher" | "postgres";

export interface Kill {
  readonly victim: Victim;
  /** Answers a second in the rush before it. */
  readonly rate: number;
  /** Requests under way at the kill; those without an answer were asked again with their rids, and each got one. */
  readonly retried: number;
  /** Acknowledged holds and releases that were looked up afterwards. */
  readonly holds: number;
  readonly releases: number;
  /** From the kill until the next process said `ready`, or until everybody had an answer again. */
  readonly backMs: number;
  /** Events of the hall: in the newest frame before the kill, and in the end. */
  readonly shownSeq: number;
  readonly nextSeq: number;
  /** What holds have gained, at least and at most, if time had stood still from the kill until `backMs` later. */
  readonly leastGainMs: number;
  readonly mostGainMs: number;
}

interface Options {
  readonly settings: Settings;
  readonly seed: number;
  readonly killPostgres: () => Promise<void>;
}

const BUYERS = 100;
const VIEWERS = 6;
const COMMANDS_PER_SECOND = 2_000;
const TICK_MS = 5;
/** What the requirement allows a hold to gain by a kill; and what the timers and queues of a busy machine may add to a measurement. */
const GRACE_MS = 2_500;
const MEASURING_MS = 250;
/** A frame is at most this old when it is shown, whatever the machine does. */
const FRAME_AGE_MS = 3_000;
/** The last ones of each buyer. */
const LOOKED_UP_RELEASES = 5;
const LOOKUPS_AT_ONCE = 20;
const PATIENCE_MS = 60_000;
/** Ten. Nothing may run out meanwhile. */
const HOURS = "36000";

export class Rush implements Crowd {
  readonly random: () => number;
  readonly wrongs: string[] = [];
  readonly kills: Kill[] = [];
  readonly #options: Options;
  readonly #ports: { readonly http: number; readonly ws: number };
  readonly #buyers: Buyer[] = [];
  readonly #viewers: Viewer[] = [];
  readonly #stays: Promise<void>[] = [];
  #usher: UsherProcess;
  #showtime = showtimeId("unknown");
  #seatCount = 0;
  #mayAsk = Promise.resolve();
  #answers = 0;
  /** When the present process said that it is ready; undefined while the next answer has to tell. */
  #servesSince: number | undefined;

  private constructor(options: Options, usher: UsherProcess, ports: { http: number; ws: number }) {
    this.#options = options;
    this.#usher = usher;
    this.#ports = ports;
    this.random = seeded(options.seed);
  }

  /** Starts Usher, and brings everybody in. */
  static async begin(options: Options): Promise<Rush> {
    const ports = { http: await freePort(), ws: await freePort() };
    const rush = new Rush(options, await startUsher(options.settings, ports), ports);
    await rush.#open();
    return rush;
  }

  get wsPort(): number {
    return this.#ports.ws;
  }
  get showtime(): ShowtimeId {
    return this.#showtime;
  }
  get seatCount(): number {
    return this.#seatCount;
  }
  get mayAsk(): Promise<void> {
    return this.#mayAsk;
  }

  answered(): void {
    this.#answers++;
  }

  wrong(what: string): void {
    this.wrongs.push(`after ${this.kills.length} kills: ${what}`);
  }

  async end(): Promise<void> {
    for (const one of [...this.#buyers, ...this.#viewers]) one.leave();
    await this.#usher.end("SIGTERM");
    await Promise.all(this.#stays);
  }

  /** Lets the buyers press for a while, kills in the middle of it, and checks once everybody has an answer. */
  async killOnce(victim: Victim): Promise<void> {
    for (const buyer of this.#buyers) buyer.released = [];
    const rate = await this.#press(between(this.random, 500, 2_000));
    const retried = this.#buyers.reduce((sum, { pending }) => sum + pending.size, 0);
    const killedAt = performance.now();
    const { deadAt, restartedAt, shown } = victim === "usher" ? await this.#killUsher() : await this.#killPostgres();
    await until(
      () => this.#buyers.every(({ pending }) => pending.size === 0),
      "every request gets an answer",
      PATIENCE_MS,
    );
    const backAt = this.#servesSince ?? performance.now();
    this.#checkShown(shown, killedAt);
    const gains = await this.#checkHolds({ killedAt, deadAt, restartedAt, backAt });
    const releases = await this.#checkReleases();
    const nextSeq = await this.#checkHall();
    this.kills.push({
      victim,
      rate,
      retried,
      releases,
      nextSeq,
      holds: gains.length,
      backMs: Math.round(backAt - killedAt),
      shownSeq: shown.seq,
      leastGainMs: Math.round(Math.min(...gains.map(({ least }) => least))),
      mostGainMs: Math.round(Math.max(...gains.map(({ most }) => most))),
    });
  }

  async #open(): Promise<void> {
    const rest = this.#rest();
    const arena = (await rest.showtimes()).find(({ hallId }) => hallId === "ha_arena");
    if (arena === undefined) throw new Error("the demo has no arena");
    this.#showtime = showtimeId(arena.id);
    this.#seatCount = arena.seatCount;
    for (let number = 0; number < BUYERS; number++) {
      this.#buyers.push(new Buyer(this, await rest.guest(), encodingOf(number)));
    }
    for (let number = 0; number < VIEWERS; number++) this.#viewers.push(new Viewer(this, encodingOf(number)));
    this.#stays.push(...[...this.#buyers, ...this.#viewers].map((one) => one.stay()));
    await this.#everybodyIsIn();
  }

  /** @returns the answers a second */
  async #press(ms: number): Promise<number> {
    const begun = performance.now();
    const answersBefore = this.#answers;
    for (let sent = 0; performance.now() - begun < ms;) {
      const due = Math.floor(((performance.now() - begun) * COMMANDS_PER_SECOND) / 1_000);
      for (; sent < due; sent++) pick(this.random, this.#buyers).press();
      await pause(TICK_MS);
    }
    return Math.round(((this.#answers - answersBefore) * 1_000) / (performance.now() - begun));
  }

  async #killUsher(): Promise<Aftermath> {
    let letAsk = (): void => undefined;
    this.#mayAsk = new Promise((resolve) => {
      letAsk = resolve;
    });
    await this.#usher.end("SIGKILL");
    const deadAt = performance.now();
    await until(
      () => this.#viewers.every(({ isWatching }) => !isWatching),
      "every viewer notices the end",
      PATIENCE_MS,
    );
    const [restartedAt, shown] = [performance.now(), this.#newestShown()];
    this.#usher = await startUsher(this.#options.settings, this.#ports);
    this.#servesSince = performance.now();
    // The viewers first: nobody has asked again yet, so what they were shown must be there without that.
    await until(() => this.#viewers.every(({ isWatching }) => isWatching), "the viewers come back", PATIENCE_MS);
    letAsk();
    await this.#everybodyIsIn();
    return { deadAt, restartedAt, shown };
  }

  async #killPostgres(): Promise<Aftermath> {
    await this.#options.killPostgres();
    const [restartedAt, shown] = [performance.now(), this.#newestShown()];
    this.#servesSince = undefined;
    for (const buyer of this.#buyers) buyer.press();
    return { deadAt: restartedAt, restartedAt, shown };
  }

  async #everybodyIsIn(): Promise<void> {
    await until(
      () => this.#buyers.every(({ isConnected }) => isConnected) && this.#viewers.every(({ isWatching }) => isWatching),
      "everybody can connect",
      PATIENCE_MS,
    );
  }

  #newestShown(): Shown {
    const [newest] = this.#viewers.flatMap(({ shown }) => shown ?? []).sort((a, b) => b.seq - a.seq);
    if (newest === undefined) throw new Error("no viewer was shown anything");
    return newest;
  }

  /** What a viewer saw before the kill is true, or was changed on somebody's demand since. */
  #checkShown({ statuses }: Shown, killedAt: number): void {
    const owner = new Map(this.#holds().flatMap((hold) => [...hold.seats].map((seat) => [seat, hold])));
    const since = killedAt - FRAME_AGE_MS;
    statuses.forEach((status, seat) => {
      const hold = owner.get(seat);
      if (
        status === 1 &&
        hold === undefined &&
        !this.#buyers.some(({ givenBackAt }) => (givenBackAt.get(seat) ?? 0) > since)
      ) {
        this.wrong(`seat ${seat} was shown as held, and nobody was ever told that it is theirs`);
      }
      if (status === 0 && hold !== undefined && hold.acknowledgedAt < since) {
        this.wrong(`seat ${seat} is held since long, and was shown as free`);
      }
    });
  }

  /** Every hold is as it was acknowledged, its time included. */
  async #checkHolds({ killedAt, deadAt, restartedAt, backAt }: Times): Promise<{ least: number; most: number }[]> {
    const gains: { least: number; most: number }[] = [];
    await this.#forEach(
      this.#buyers.flatMap((buyer) => [...buyer.holds.values()].map((hold) => ({ buyer, hold }))),
      async ({ buyer, hold }) => {
        const sentAt = performance.now();
        const { status, body } = await this.#rest().get<HoldView>(`holds/${hold.holdId}`, {
          token: buyer.person.token,
        });
        const receivedAt = performance.now();
        const seats = [...hold.seats].sort((a, b) => a - b);
        if (status !== 200) return this.wrong(`hold ${hold.holdId} was acknowledged and is gone: ${status}`);
        if (String(body.seats) !== String(seats))
          this.wrong(`hold ${hold.holdId} has ${body.seats.join()} instead of ${seats.join()}`);
        // It is floored to a whole millisecond.
        const [leastEnd, mostEnd] = [sentAt + body.expiresInMs, receivedAt + body.expiresInMs + 1];
        const isOlder = hold.acknowledgedAt < killedAt;
        const least = hold.leastEnd + (isOlder ? restartedAt - deadAt : 0);
        if (mostEnd < least - 1) this.wrong(`hold ${hold.holdId} has lost ${least - mostEnd} ms`);
        const most = hold.mostEnd + (backAt - killedAt) + GRACE_MS + MEASURING_MS;
        if (leastEnd > most) this.wrong(`hold ${hold.holdId} has gained ${leastEnd - most} ms too many`);
        if (isOlder) {
          const awayMs = backAt - killedAt;
          gains.push({ least: leastEnd - hold.mostEnd - awayMs, most: mostEnd - hold.leastEnd - awayMs });
        }
        Object.assign(hold, { leastEnd, mostEnd });
      },
    );
    return gains;
  }

  /** Those of the last seconds one by one; that all others are still given back is seen in the hall. */
  async #checkReleases(): Promise<number> {
    const released = this.#buyers.flatMap((buyer) =>
      buyer.released.slice(-LOOKED_UP_RELEASES).map((holdId) => ({ buyer, holdId })),
    );
    await this.#forEach(released, async ({ buyer, holdId }) => {
      const { status } = await this.#rest().get(`holds/${holdId}`, { token: buyer.person.token });
      if (status !== 404) this.wrong(`hold ${holdId} was given back, and answers ${status}`);
    });
    return released.length;
  }

  /** The hall is what the acknowledged holds make it, and every viewer sees that. @returns its seq */
  async #checkHall(): Promise<number> {
    const expected = new Uint8Array(this.#seatCount);
    for (const { seats } of this.#holds()) for (const seat of seats) expected[seat] = 1;
    const { seq, epoch, statuses } = await this.#rest().seats(this.#showtime);
    if (statuses !== expected.join("")) this.wrong(`the hall at seq ${seq} is not what was acknowledged`);
    const isThere = ({ shown }: Viewer): boolean => shown?.seq === seq && shown.epoch === epoch;
    await until(() => this.#viewers.every(isThere), `the viewers see (${epoch}, ${seq})`, PATIENCE_MS);
    for (const { shown } of this.#viewers) {
      if (shown?.checksum !== checksumOf(expected)) this.wrong(`a viewer sees another hall at seq ${seq}`);
    }
    return seq;
  }

  #holds(): Held[] {
    return this.#buyers.flatMap(({ holds }) => [...holds.values()]);
  }

  #rest(): Rest {
    return new Rest(this.#ports.http);
  }

  async #forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
    const left = items.values();
    await Promise.all(
      Array.from({ length: LOOKUPS_AT_ONCE }, async () => {
        for (const item of left) await work(item);
      }),
    );
  }
}

interface Aftermath {
  /** Not later than this nothing answered any more: a busy machine takes its time to end a process. */
  readonly deadAt: number;
  /** Not sooner than this something answered again. */
  readonly restartedAt: number;
  /** The newest frame before. */
  readonly shown: Shown;
}

interface Times {
  readonly killedAt: number;
  readonly deadAt: number;
  readonly restartedAt: number;
  readonly backAt: number;
}

const encodingOf = (number: number): Encoding => (number % 2 === 0 ? "json" : "msgpack");

const startUsher = (settings: Settings, ports: { http: number; ws: number }): Promise<UsherProcess> =>
  UsherProcess.start({
    ...settings,
    HTTP_PORT: String(ports.http),
    WS_PORT: String(ports.ws),
    HOLD_TTL_SECONDS: HOURS,
    HOLD_MAX_SECONDS: HOURS,
    MAX_SEATS_PER_HOLDER: "1000",
    REQUESTS_PER_SECOND: "1000000",
    LOG_LEVEL: "silent",
  });
