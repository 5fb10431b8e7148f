import { PassThrough } from "node:stream";
import { beforeEach, expect, it } from "vitest";
import { InProcessBus } from "../../platform/bus/index.ts";
import { VirtualClock } from "../../platform/clock/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { Claiming } from "./claiming.ts";

let clock: VirtualClock;
let warnings: { msg: string; reason: string }[];
let failure: Error | undefined;
let claiming: Claiming;

beforeEach(() => {
  clock = new VirtualClock();
  warnings = [];
  failure = undefined;
  const destination = new PassThrough();
  destination.on("data", (line: Buffer) => warnings.push(JSON.parse(line.toString()) as (typeof warnings)[number])); // pino's.
  const log = createLogger({ name: "test", level: "info", destination });
  claiming = new Claiming({
    engine: {
      owned: new Map(),
      unprovenMs: 0,
      totals: { commits: 0, requests: 0, waiting: 0, commitMs: 0 },
      countsOf: () => ({ requests: 0, commits: 0 }),
      prepare: () => Promise.resolve(),
      own: () => (failure === undefined ? Promise.resolve() : Promise.reject(failure)),
      wrapUp: () => Promise.resolve(),
      disown: () => Promise.resolve(false),
      noteServedElsewhere: () => undefined,
    },
    bus: new InProcessBus({ clock, log }),
    clock,
    log,
    onServed: () => undefined,
    onDone: () => undefined,
  });
});

async function claim(shards: readonly number[]): Promise<void> {
  for (const shard of shards) claiming.claim(shard);
  await clock.settle();
}

it("says once why shards cannot be taken, and again once one could be", async () => {
  failure = new Error("connect ECONNREFUSED");
  await claim([1, 2, 3]);
  expect(warnings).toMatchObject([{ msg: "a shard cannot be taken over yet", reason: "connect ECONNREFUSED" }]);
  failure = new Error("the database system is starting up");
  await claim([1, 2, 3]);
  expect(warnings.map(({ reason }) => reason)).toEqual([expect.anything(), "the database system is starting up"]);
  failure = undefined;
  await claim([1]);
  failure = new Error("connect ECONNREFUSED");
  await claim([2, 3]);
  expect(warnings).toHaveLength(3);
});
