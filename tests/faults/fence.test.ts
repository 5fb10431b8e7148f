/** The faults are worth nothing if they would not show what the epochs are for: here the program is run with all looks at them taken out. */
import { setTimeout as pause } from "node:timers/promises";
import { expect, it } from "vitest";
import { until } from "../../platform/testing/until.ts";
import { FAULTS } from "./faults.ts";
import { Rush } from "./rush.ts";
import { type Patch, PATIENCE_MS, World } from "./world.ts";

const WITHOUT_EPOCHS: readonly Patch[] = [
  { find: " AND b.epoch = s.epoch", replace: "" },
  { find: "AND j.epoch = b.epoch AND", replace: "AND" },
  { find: "USING (shard, epoch)", replace: "USING (shard)" },
  { find: "return this.ageMs <= PROOF_MS;", replace: "return true;" },
  { find: "newest === this.#epoch", replace: "newest !== -1" },
  { find: "newest.get(id) === epoch", replace: "newest.has(id)" },
  { find: "epoch > this.#epoch &&", replace: "epoch < 0 &&" },
  {
    find: " WHERE shard = $1 AND owner = $2 RETURNING epoch",
    replace: " WHERE shard = $1 AND $2 <> '' RETURNING epoch",
  },
];
/** What somebody was told and is not so, or was sold twice. What is shown too early or too late, or refused, is no loss yet. */
const LOST = /is gone|given to two|not what was acknowledged|the release of .* was answered with/;
const seed = Number(process.env["FAULTS_SEED"] || Date.now() % 1_000_000);
const LOAD = { seed, commandsPerSecond: 400, purchasesPerSecond: 1, showtimes: 8 };
const AWAKE_MS = 2_000;

/** It sleeps while its shards are taken, and wakes to what was sent to it meanwhile: as a rule once is enough, but it may be told in time. */
const SLEEPS_MAX = 8;

it(
  `without the epochs, an engine that slept loses what others had answered (seed ${seed})`,
  { timeout: 1_200_000 },
  async () => {
    let wrongs: readonly string[] = [];
    let sleeps = 0;
    for (; sleeps < SLEEPS_MAX && !wrongs.some((wrong) => LOST.test(wrong)); sleeps++) {
      wrongs = await wrongsOfASleep().catch((error: unknown) => [`nobody can tell: ${String(error)}`]);
    }
    expect(
      wrongs.filter((wrong) => LOST.test(wrong)),
      `found: ${wrongs.join("; ")}`,
    ).not.toEqual([]);
    console.log(`found ${wrongs.length} after ${sleeps}, among them: ${wrongs.find((wrong) => LOST.test(wrong))}`);
  },
);

async function wrongsOfASleep(): Promise<readonly string[]> {
  const world = await World.start(WITHOUT_EPOCHS);
  let rush: Rush | undefined;
  try {
    await world.whole();
    rush = await Rush.begin(world, LOAD);
    rush.during = "asleep";
    await until(() => rush?.hasHolds, "something is held in each hall", PATIENCE_MS);
    await FAULTS["engine asleep"](world, rush);
    await pause(AWAKE_MS);
    // With two that write, some may wait for an answer for ever.
    await rush.check().catch((error: unknown) => rush?.wrong(`nobody can tell: ${String(error)}`));
    return rush.wrongs;
  } finally {
    await rush?.end();
    await world.end();
  }
}
