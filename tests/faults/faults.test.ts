/**
 * A cluster of real processes whose parts are killed, stopped, cut off and restarted in the middle of a rush. After each fault everything
 * that anybody was told is held against what the engines, the journal and the books say. `npm run faults` is the long form.
 * FAULTS_SEED, FAULTS_COMMANDS and FAULTS_PURCHASES (a second) and FAULTS_COUNTS ("engine killed=3,hand-over=1") change a run, and after
 * FAULTS_MINUTES no other fault begins: the books are checked, and the table has those that there were.
 */
import { availableParallelism, loadavg } from "node:os";
import { describe, expect, it } from "vitest";
import { FAULTS, type FaultName } from "./faults.ts";
import { orderOf } from "./order.ts";
import { type Line, missed, tableOf } from "./report.ts";
import { Rush } from "./rush.ts";
import { World } from "./world.ts";

const env = (name: string, otherwise: number): number => Number(process.env[name] || otherwise);
const isLong = process.env["FAULTS"] === "long";
const seed = env("FAULTS_SEED", Date.now() % 1_000_000);
const load = {
  seed,
  commandsPerSecond: env("FAULTS_COMMANDS", isLong ? 2_000 : 300),
  purchasesPerSecond: env("FAULTS_PURCHASES", isLong ? 50 : 3),
  showtimes: 8,
};

const SHORT: Partial<Record<FaultName, number>> = {
  "engine killed": 1,
  "engine asleep": 1,
  "edge killed": 1,
  "NATS killed": 1,
  "Redis killed": 1,
  "PostgreSQL restarted": 1,
  "engine | NATS": 1,
  "engine | PostgreSQL": 1,
  "services | PostgreSQL": 1,
  "NATS | NATS": 1,
  garbage: 1,
  "hand-over": 1,
  "some restarted": 1,
};
const LONG: Partial<Record<FaultName, number>> = {
  nothing: 5,
  "engine killed": 100,
  "engine asleep": 30,
  "services asleep": 3,
  "edge killed": 20,
  "NATS killed": 20,
  "Redis killed": 10,
  "PostgreSQL restarted": 10,
  "engine | NATS": 10,
  "engine | PostgreSQL": 10,
  "edge | NATS": 5,
  "services | NATS": 5,
  "NATS | NATS": 5,
  "services | PostgreSQL": 5,
  "gateway | PostgreSQL": 2,
  "edge | Redis": 2,
  "services | Redis": 2,
  "services | gateway": 3,
  "gateway | HAProxy": 2,
  "HAProxy | edge": 3,
  "HAProxy | services": 3,
  garbage: 5,
  "hand-over": 10,
  "rolling restart": 1,
};
const counts = process.env["FAULTS_COUNTS"] ? parseCounts(process.env["FAULTS_COUNTS"]) : isLong ? LONG : SHORT;
/** Mixed in the long form: what one fault leaves behind meets every other. */
const names = counts === LONG ? orderOf(LONG, seed) : inTurn(counts);
const minutes = env("FAULTS_MINUTES", Infinity);
const timeout = 240_000 + names.length * 120_000;

describe(`faults (seed ${seed}, ${load.commandsPerSecond} commands and ${load.purchasesPerSecond} purchases a second)`, () => {
  it("lose nothing that was answered, sell nothing twice, and keep the books", { timeout }, async () => {
    const world = await World.start();
    const lines: Line[] = [];
    let rush: Rush | undefined;
    try {
      await world.whole();
      rush = await Rush.begin(world, load);
      const begun = performance.now();
      for (const name of names) {
        if (performance.now() - begun > minutes * 60_000) break;
        lines.push(await happens(name, world, rush));
        if (isLong) console.log(`${lines.length}/${names.length} ${JSON.stringify(lines.at(-1))}`);
        if (rush.wrongs.length > 0) break;
      }
      if (rush.wrongs.length === 0) await rush.checkBooks();
      expect(rush.wrongs).toEqual([]);
      expect(rush.purchases).toBeGreaterThan(0);
      if (isLong) expect(missed(lines)).toEqual([]);
    } finally {
      const retries = JSON.stringify(Object.fromEntries(rush?.retries ?? []));
      const bought = `${rush?.purchases} purchases, ${rush?.cancellations} given back, asked again ${retries}, waited at most ${rush?.longestMs.toFixed(0)} ms`;
      console.log(
        `${tableOf(lines)}\n${lines.length} of ${names.length} faults, ${bought}; load ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores`,
      );
      if (rush !== undefined && rush.wrongs.length > 0) console.log(await world.lastWords());
      await rush?.end();
      await world.end();
    }
  });
});

async function happens(fault: FaultName, world: World, rush: Rush): Promise<Line> {
  rush.during = fault;
  rush.resume();
  const [answers, purchases, wrongs] = [rush.answers.total, rush.purchases, rush.wrongs.length];
  const begun = performance.now();
  const moved = await FAULTS[fault](world, rush);
  await world.whole();
  const wholeMs = performance.now() - begun;
  const seconds = wholeMs / 1_000;
  const rate = (rush.answers.total - answers) / seconds;
  const purchaseRate = (rush.purchases - purchases) / seconds;
  const pausesMs = moved.map((showtime) => rush.answers.longestMs(showtime));
  await rush.check();
  return { fault, rate, purchaseRate, pausesMs, wholeMs, wrongs: rush.wrongs.length - wrongs };
}

function inTurn(counts: Partial<Record<FaultName, number>>): FaultName[] {
  return Object.entries(counts).flatMap(
    ([name, count]) => Array.from({ length: count }, () => name as FaultName), // The cast: the keys are such names.
  );
}

function parseCounts(text: string): Partial<Record<FaultName, number>> {
  return Object.fromEntries(
    text.split(",").map((part) => {
      const [name = "", count = "1"] = part.split("=");
      if (!Object.hasOwn(FAULTS, name)) throw new Error(`FAULTS_COUNTS: there is no ${name}`);
      return [name, Number(count)];
    }),
  );
}
