import { expect, it } from "vitest";
import { createMetrics, Durations, sampledDurations } from "./index.ts";

it("durations are a histogram in seconds, whose series are there before the first of them", async () => {
  const registry = createMetrics("edge", { ofProcess: false });
  const [done, failed] = [new Durations(), new Durations()];
  sampledDurations({
    registry,
    name: "usher_work_seconds",
    help: "Time of work.",
    series: [
      { labels: { outcome: "done" }, durations: done },
      { labels: { outcome: "failed" }, durations: failed },
    ],
  });
  for (const ms of [0, 1, 1.5, 2_500, 60_000]) done.add(ms);
  const lines = (await registry.metrics()).split("\n");
  const of = (series: string) => lines.find((line) => line.startsWith(`usher_work_seconds${series}`))?.split(" ")[1];
  expect(lines[1]).toBe("# TYPE usher_work_seconds histogram");
  const buckets = ["0.001", "0.0025", "2.5", "30", "+Inf"];
  expect(buckets.map((le) => of(`_bucket{outcome="done",le="${le}",role="edge"}`))).toEqual(["2", "3", "4", "4", "5"]);
  expect([of('_sum{outcome="done"'), of('_count{outcome="done"')]).toEqual(["62.5025", "5"]);
  expect([of('_sum{outcome="failed"'), of('_count{outcome="failed"')]).toEqual(["0", "0"]);
});
