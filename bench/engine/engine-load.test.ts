import { describe, expect, it } from "vitest";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { SLICE_MS } from "../load/recorder.ts";
import { coreWork, hallWork } from "./core.ts";
import { EngineLoad, type EngineLoadOptions } from "./engine-load.ts";
import { recoveryWork } from "./recovery.ts";
import { shardWork } from "./shard.ts";

const TINY = 0.005;
const SHORT_SECONDS = 0.001;
/** Long enough for a slice that is over. */
const SLICE_SECONDS = SLICE_MS / 1_000;

async function measure(options: EngineLoadOptions): Promise<void> {
  const load = new EngineLoad();
  try {
    await load.open(options);
    const { seconds, sample } = await load.round(SHORT_SECONDS);
    expect(seconds).toBeGreaterThan(0);
    expect(sample.count).toBeGreaterThan(0);
  } finally {
    await load.close();
  }
}

it.each([
  { group: "core", works: coreWork(TINY) },
  { group: "shard", works: shardWork(TINY, "") },
] as const)("what $group does is told over time too", async ({ group, works }) => {
  const { url, drop } = await testDatabase();
  const load = new EngineLoad();
  try {
    await load.open({ group, work: [...works.keys()][0] ?? "", share: TINY, databaseUrl: url });
    const { sample } = await load.round(SLICE_SECONDS);
    const [first = 0] = sample.slices;
    expect(first).toBeGreaterThan(0);
    expect(Math.round(first)).toBeLessThanOrEqual(sample.count);
  } finally {
    await load.close();
    await drop();
  }
});

describe("the benches of the engine alone, as small as they can be", () => {
  it.each([...coreWork(TINY).keys()])("core, %s", (work) => measure({ group: "core", work, share: TINY }));

  it.each([...hallWork(TINY).keys()])("halls, %s", (work) => measure({ group: "halls", work, share: TINY }));

  it.each([...shardWork(TINY, "").keys()])("shard, %s", async (work) => {
    const { url, drop } = await testDatabase();
    try {
      await measure({ group: "shard", work, share: TINY, databaseUrl: url });
    } finally {
      await drop();
    }
  });

  it.each([...recoveryWork(TINY, "").keys()])("recovery, %s", async (work) => {
    const { url, drop } = await testDatabase();
    try {
      await measure({ group: "recovery", work, share: TINY, databaseUrl: url });
    } finally {
      await drop();
    }
  });
});
