import { expect, it } from "vitest";
import { openStage } from "./stage.ts";

it("gives servers of one name a profile each", async () => {
  const root = new URL("../../", import.meta.url);
  const worker = new URL("../load/worker.ts", import.meta.url);
  const stage = await openStage({ root, worker, profileDir: "/nowhere" });
  try {
    const profiles = Array.from({ length: 10 }, () => stage.profiling("engine").join(" "));
    expect(new Set(profiles).size).toBe(profiles.length);
  } finally {
    await stage.close();
  }
});
