import { beforeAll, expect, it } from "vitest";
import { prepared } from "../../../platform/testing/prepared.ts";
import { recoveryWork } from "../../engine/recovery.ts";
import { openStage } from "../../stage/stage.ts";
import { startCold } from "./engine-alone.ts";

const SHARE = 0.005;

beforeAll(prepared);

it("a process that has just started comes back from what another one wrote", { timeout: 120_000 }, async () => {
  const worker = new URL("../../../dist/bench/load/worker.js", import.meta.url);
  const stage = await openStage({ root: new URL("../../../", import.meta.url), worker });
  try {
    const [work = "", { count = 0 } = {}] = [...recoveryWork(SHARE, "")][0] ?? [];
    const databaseUrl = await stage.database();
    const subject = await startCold(stage, { group: "recovery", work, share: SHARE, databaseUrl });
    const { seconds, sample } = await subject.round(1);
    expect(seconds).toBeGreaterThan(0);
    expect(sample.count).toBe(count);
  } finally {
    await stage.close();
  }
});
