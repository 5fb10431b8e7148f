import { expect, it } from "vitest";
import { shardsThatSay, takeover } from "./takeover.ts";
import { positive, RUN_TIMEOUT_MS, smallRuns } from "./testing/small-runs.ts";

const run = smallRuns();

it("after a kill the shards count that the killed engine had, and none that was handed over to the next one", () => {
  const shards = { before: new Set([1, 2]), after: new Set([2, 3]) };
  expect(shardsThatSay("now", shards)).toEqual(new Set([1, 2]));
  expect(shardsThatSay("cleanly", shards)).toEqual(new Set([1, 2, 3]));
});

it(
  "engines are killed, and leave by plan: every showtime is served again, and no command fails at a hand-over",
  async () => {
    expect(await run(takeover)).toMatchObject({
      rounds: [
        {
          count: positive,
          figures: { kills: positive, "p99 after a kill, ms": positive, "failed commands at hand-overs": 0 },
          latencies: { latency: expect.anything(), killed: expect.anything(), "handed over": expect.anything() },
        },
      ],
    });
  },
  RUN_TIMEOUT_MS,
);
