/**
 * Races for overlapping seats, over WebSocket, against the running program. RACES=10000 runs the long form, SEED=n repeats one.
 * Who won in which order is read from the hold ids, so what each loser is told can be held against the exact moment of its defeat.
 */
import { describe, expect, it } from "vitest";
import type { Client } from "../../edge/testing/client.ts";
import { seeded } from "../../platform/random/index.ts";
import { checksumOf, parseHoldId, type ShowtimeId } from "../../proto/index.ts";
import type { ServerMessage } from "../../proto/ws/index.ts";
import { between } from "../simulation/random.ts";
import { boxOffice } from "../support/box-office.ts";

const RACES = Number(process.env["RACES"] ?? 200);
const SEED = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
const RACERS = 50;
const ENCODINGS = ["json", "msgpack"] as const;

interface Attempt {
  readonly client: Client;
  readonly seats: readonly number[];
  readonly answer: ServerMessage;
}

interface Win {
  readonly client: Client;
  readonly holdId: string;
  readonly seats: readonly number[];
  /** Counts the holds of the showtime. */
  readonly number: number;
}

describe(`${RACES} races (seed ${SEED})`, () => {
  const office = boxOffice({
    COMMANDS_PER_SECOND: "1000000",
    ADDRESS_COMMANDS_PER_SECOND: "10000000",
    MAX_SEATS_PER_HOLDER: "1000",
    HOLD_TTL_SECONDS: "86400",
    HOLD_MAX_SECONDS: "86400",
  });

  it("have one winner per seat, and losers who know what they lost", { timeout: 60_000 + RACES * 200 }, async () => {
    const random = seeded(SEED);
    const showtime = office.anotherShowtime("ha_arena");
    const hallSize = (await office.rest.seats(showtime)).statuses.length;
    const racers = await Promise.all(
      Array.from({ length: RACERS }, async (_, number) => office.enter(await office.guest(), ENCODINGS[number % 2])),
    );
    const viewers = await Promise.all([...ENCODINGS, ...ENCODINGS].map((encoding) => office.connect(encoding)));
    for (const viewer of viewers) viewer.say({ op: "watch", showtime });
    await Promise.all(viewers.map((viewer) => viewer.next("snapshot")));

    const taken = new Uint8Array(hallSize);
    const tally = { races: 0, commands: 0, winners: 0, losers: 0, seatsNamed: 0 };
    const begun = performance.now();
    for (let race = 0; race < RACES; race++) {
      const attempts = await runRace({ race, random, racers, showtime, hallSize });
      const wins = judge(attempts, taken, `race ${race} of seed ${SEED}`);
      for (const { seats } of wins) for (const seat of seats) taken[seat] = 1;
      const givenBack = wins.filter(() => random() < 0.9);
      await Promise.all(givenBack.map((win) => release(win)));
      for (const { seats } of givenBack) for (const seat of seats) taken[seat] = 0;
      tally.races++;
      tally.commands += attempts.length + givenBack.length;
      tally.winners += wins.length;
      tally.losers += attempts.length - wins.length;
      tally.seatsNamed += attempts.reduce(
        (sum, { answer }) => sum + (answer.op === "error" ? (answer.seats?.length ?? 0) : 0),
        0,
      );
    }
    const seconds = (performance.now() - begun) / 1_000;

    const { seq, statuses } = await office.rest.seats(showtime);
    expect(statuses).toBe([...taken].join(""));
    await Promise.all(viewers.map((viewer) => viewer.until(() => viewer.halls.get(showtime)?.seq === seq)));
    for (const viewer of viewers) {
      expect(viewer.shown(showtime)).toBe(statuses);
      expect(viewer.halls.get(showtime)?.checksum).toBe(checksumOf(taken));
    }
    expect(tally.races).toBe(RACES);
    console.log(
      JSON.stringify({
        ...tally,
        stillHeld: taken.reduce((sum, seat) => sum + seat),
        seconds: Number(seconds.toFixed(1)),
        seed: SEED,
      }),
    );
  });
});

interface RaceOptions {
  readonly race: number;
  readonly random: () => number;
  readonly racers: readonly Client[];
  readonly showtime: ShowtimeId;
  readonly hallSize: number;
}

/** 2 to 50 clients want 1 to 5 of a few seats; some press at once, others a few turns of the loop later. */
async function runRace({ race, random, racers, showtime, hallSize }: RaceOptions): Promise<Attempt[]> {
  const width = between(random, 1, 12);
  const first = between(random, 0, hallSize - width);
  const lots = racers.map((client) => ({ client, lot: random() })).sort((a, b) => a.lot - b.lot);
  const field = lots.slice(0, between(random, 2, RACERS)).map(({ client }) => ({
    client,
    turns: between(random, 0, 3),
    seats: someOf(
      random,
      Array.from({ length: width }, (_, at) => first + at),
      between(random, 1, Math.min(5, width)),
    ),
  }));
  return Promise.all(
    field.map(async ({ client, turns, seats }): Promise<Attempt> => {
      for (let turn = 0; turn < turns; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
      client.say({ op: "hold", rid: `race ${race}`, showtime, seats });
      return { client, seats, answer: await answerTo(client, `race ${race}`) };
    }),
  );
}

/** @returns who won, in the order of winning */
function judge(attempts: readonly Attempt[], taken: Uint8Array, where: string): Win[] {
  const wins = attempts
    .flatMap(({ client, seats, answer }): Win[] => {
      if (answer.op !== "held") return [];
      expect(answer.seats, where).toEqual(seats);
      return [{ client, seats, holdId: answer.holdId, number: parseHoldId(answer.holdId)?.number ?? NaN }];
    })
    .sort((a, b) => a.number - b.number);
  const wonSeats = wins.flatMap(({ seats }) => seats);
  expect(new Set(wonSeats).size, `${where}: a seat has two winners`).toBe(wonSeats.length);
  expect(
    wonSeats.filter((seat) => taken[seat] === 1),
    `${where}: a seat was taken before`,
  ).toEqual([]);

  for (const { seats, answer } of attempts) {
    if (answer.op === "held") continue;
    expect(answer, where).toMatchObject({ op: "error", code: "SEAT_TAKEN" });
    const told = [...((answer.op === "error" && answer.seats) || [])].sort((a, b) => a - b);
    expect(told, `${where}: a loser is told of no seat`).not.toEqual([]);
    // What was taken of its wish before the race, after the first win, after the second, ...
    const possible = Array.from({ length: wins.length + 1 }, (_, count) => {
      const gone = new Set(wins.slice(0, count).flatMap((win) => win.seats));
      return seats.filter((seat) => taken[seat] === 1 || gone.has(seat)).sort((a, b) => a - b);
    });
    expect(possible, `${where}: the seats named were never exactly those taken`).toContainEqual(told);
  }
  return wins;
}

async function release({ client, holdId }: Win): Promise<void> {
  client.say({ op: "release", rid: `release ${holdId}`, holdId });
  expect(await answerTo(client, `release ${holdId}`)).toMatchObject({ op: "released" });
}

async function answerTo(client: Client, rid: string): Promise<ServerMessage> {
  const find = (): number => client.inbox.findIndex((message) => "rid" in message && message.rid === rid);
  await client.until(() => find() >= 0);
  const [answer] = client.inbox.splice(find(), 1);
  if (answer === undefined) throw new Error("it was found a line ago");
  return answer;
}

function someOf(random: () => number, from: number[], count: number): number[] {
  const some: number[] = [];
  for (let left = count; left > 0; left--) some.push(...from.splice(between(random, 0, from.length - 1), 1));
  return some;
}
