import { setMaxListeners } from "node:events";
import { Command } from "commander";
import { WebSocket } from "ws";
import { type Hall, RestClient, UsherClient } from "../../client/index.ts";
import { type Clock, sleep, systemClock, within } from "../../platform/clock/index.ts";
import { loadConfig } from "../../platform/config/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { SEAT_STATUS } from "../../proto/index.ts";
import type { Context } from "../context.ts";
import { onSignal } from "../on-signal.ts";
import { explained } from "../remote/explained.ts";
import { findHall, type FoundHall } from "../remote/find-hall.ts";
import { ownHttp, validUrl } from "../remote/server-urls.ts";
import { Buyer } from "../rush/buyer.ts";
import { Chance } from "../rush/chance.ts";
import { dreamSeats } from "../rush/dream-seats.ts";
import { Referee } from "../rush/referee.ts";
import { Score } from "../rush/score.ts";
import { wholeNumber } from "./whole-number.ts";

export interface RushOptions {
  readonly buyers: number;
  readonly seconds: number;
  readonly seed: number;
  readonly showtime?: string;
  readonly http: string;
  readonly url?: string;
}

export interface RushIo {
  readonly print: (line: string) => void;
  readonly clock: Clock;
  /** Called once the buyers are there, with what sends them home, so that what they did is told: until then a signal ends the process as it is. */
  onStop(end: () => void): void;
}

/** A crowd that comes through the doors together, not one that would be a denial of service. */
const BUYERS_MAX = 5_000;
const ARRIVING_AT_ONCE = 25;
const CONNECT_TIMEOUT_MS = 10_000;
/** How long the viewers may take to see the last change. */
const SETTLE_TIMEOUT_MS = 10_000;
const LOOK_AGAIN_MS = 20;

export const demoRushCommand = (context: Context): Command =>
  new Command("rush")
    .description("lets make-believe buyers loose on a premiere, and counts what they get")
    .option("--buyers <count>", "how many", wholeNumber(1, BUYERS_MAX), 300)
    .option("--seconds <seconds>", "how long", wholeNumber(1, 3_600), 20)
    .option("--showtime <id>", "default: the next premiere")
    .option("--seed <number>", "for the same wishes again", wholeNumber(0, 2 ** 32 - 1))
    .option("--http <url>", "where the REST API is; default: HTTP_PORT of this machine")
    .option("--url <url>", "where the WebSocket is; asked over HTTP when left out")
    .action(async (options: Omit<RushOptions, "seed" | "http"> & { seed?: number; http?: string }) => {
      const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
      const http = options.http ?? ownHttp(loadConfig(context.env));
      await rush({ ...options, http, seed }, { print: context.print, clock: systemClock, onStop: onSignal });
    });

interface Crowd {
  readonly buyers: readonly Buyer[];
  readonly halls: readonly Hall[];
}

/** @throws ExplainedError when there is no such server or showtime, and when a seat was held twice. */
export async function rush(options: RushOptions, { print, clock, onStop }: RushIo): Promise<Score> {
  const rest = new RestClient(validUrl("--http", options.http));
  const found = await findHall(rest, {
    ...(options.showtime !== undefined && { id: options.showtime }),
    ...(options.url !== undefined && { webSocketUrl: validUrl("--url", options.url) }),
  });
  const { showtime } = found;
  print(
    `${options.buyers} buyers for ${showtime.title}, ${showtime.hallName}, ${showtime.seatCount} seats (seed ${options.seed})`,
  );
  const over = new AbortController();
  // Every buyer listens.
  setMaxListeners(0, over.signal);
  const score = new Score();
  const referee = new Referee(() => clock.monotonic());
  const crowd = await arrive({ options, found, rest, clock, referee, score, over: over.signal });
  try {
    onStop(() => over.abort());
    const everybody = Promise.all(crowd.buyers.map((buyer) => buyer.run()));
    for (let second = 1; second <= options.seconds && !over.signal.aborted; second++) {
      await Promise.race([sleep(clock, 1_000, over.signal), everybody]);
      print(progressOf(second, score, referee));
    }
    over.abort();
    await everybody;
    const agreed = await agreement(crowd.halls, referee, clock);
    printTable({ score, referee, agreed, viewers: crowd.halls.length, seed: options.seed, print });
  } finally {
    await Promise.allSettled(crowd.buyers.map((buyer) => buyer.leave()));
  }
  const [clash] = referee.clashes;
  if (clash !== undefined) {
    throw new ExplainedError(
      `Seat ${clash.seat} was held by ${clash.holds.join(" and ")} at once: this is a defect, please report it.`,
    );
  }
  return score;
}

interface Doors {
  readonly options: RushOptions;
  readonly found: FoundHall;
  readonly rest: RestClient;
  readonly clock: Clock;
  readonly referee: Referee;
  readonly score: Score;
  readonly over: AbortSignal;
}

/** Everybody gets a guest account and a connection before the first one buys. */
async function arrive({ options, found, rest, clock, referee, score, over }: Doors): Promise<Crowd> {
  const chance = new Chance(options.seed);
  const dreams = dreamSeats(found.layout);
  const categories = found.layout.categories.map(({ id }) => id);
  const buyers: Buyer[] = [];
  const halls: Hall[] = [];
  const chances = Array.from({ length: options.buyers }, () => chance.fork());
  const comeIn = async (): Promise<void> => {
    for (let own = chances.pop(); own !== undefined; own = chances.pop()) {
      const { accessToken } = await rest.guest();
      const url = found.webSocketUrl;
      const client = new UsherClient({ url, WebSocket, encoding: "msgpack", token: accessToken });
      const hall = client.watch(found.showtime.id);
      buyers.push(
        new Buyer({
          client,
          hall,
          dreamSeats: dreams,
          categories,
          chance: own,
          referee,
          score,
          over,
          now: () => clock.monotonic(),
          sleep: (ms) => sleep(clock, ms, over),
        }),
      );
      halls.push(hall);
      await within(clock, CONNECT_TIMEOUT_MS, Promise.all([client.connect(), hall.ready]), () => {
        throw new ExplainedError(`The WebSocket at ${url} does not answer: give its address with --url.`);
      });
    }
  };
  try {
    await Promise.all(Array.from({ length: ARRIVING_AT_ONCE }, comeIn));
  } catch (error) {
    await Promise.allSettled(buyers.map((buyer) => buyer.leave()));
    throw explained(error);
  }
  return { buyers, halls };
}

/** Whether all viewers come to see the same hall, in which every seat that a buyer has is held. */
async function agreement(halls: readonly Hall[], referee: Referee, clock: Clock): Promise<boolean> {
  const deadline = clock.monotonic() + SETTLE_TIMEOUT_MS;
  const [first] = halls;
  const agree = (): boolean =>
    halls.every((hall) => hall.inStep && hall.seq === first?.seq && hall.checksum === first.checksum) &&
    [...referee.seats].every((seat) => first?.statuses[seat] === SEAT_STATUS.held);
  while (!agree() && clock.monotonic() < deadline) await sleep(clock, LOOK_AGAIN_MS);
  return agree();
}

function progressOf(second: number, score: Score, referee: Referee): string {
  const p99 = score.percentile(0.99).toFixed(1);
  return `${String(second).padStart(4)} s  ${score.holds} holds  ${score.refusalCount} refused  ${referee.seatsHeld} seats held now  p99 ${p99} ms`;
}

interface Result {
  readonly score: Score;
  readonly referee: Referee;
  readonly agreed: boolean;
  readonly viewers: number;
  readonly seed: number;
  readonly print: (line: string) => void;
}

function printTable({ score, referee, agreed, viewers, seed, print }: Result): void {
  const rows: [string, string][] = [
    ["holds", `${score.holds} (${score.seats} seats)`],
    ["extensions", String(score.extensions)],
    ["releases", String(score.releases)],
    ["expired", String(score.expired)],
    ...[...score.refusals].map(([code, count]): [string, string] => [`refused ${code}`, String(count)]),
    ["connections lost for good", String(score.lost)],
    ["answer time p50", `${score.percentile(0.5).toFixed(1)} ms`],
    ["answer time p99", `${score.percentile(0.99).toFixed(1)} ms`],
    ["seats held by two at once", String(referee.clashes.length)],
    [`${viewers} viewers see the same hall`, agreed ? "yes" : "NO"],
    ["seed", String(seed)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  print("");
  for (const [name, value] of rows) print(`${name.padEnd(width)}  ${value}`);
}
