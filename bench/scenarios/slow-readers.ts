/** Viewers who do not read: what they cost the server, and whether those who do read notice. */
import { FRESH_WARM_UP_MS } from "../runner/measure.ts";
import type { Scenario } from "../runner/scenario.ts";
import { secondsOf } from "../runner/settings.ts";
import { startFanOut } from "./parts/fan-out.ts";
import { subjectsOf } from "./parts/subjects.ts";
import { viewersOf } from "./viewer-fanout.ts";

const VIEWERS = 2_000;
/** Few enough that the system has room for what it keeps for them, some MB each. */
const SLOW_SHARE = 0.05;
const CHANGES_PER_SECOND = 400;

export const slowReaders: Scenario = {
  name: "slow-readers",
  about:
    "one in twenty of 2,000 viewers reads nothing: the others' latency, the server's memory, and how the slow ones come back",
  cases({ settings }) {
    const { connections: viewers, note } = viewersOf(settings, VIEWERS);
    const slow = Math.ceil(viewers * SLOW_SHARE);
    const changesPerSecond = settings.rate ?? CHANGES_PER_SECOND;
    const kinds = [
      { name: "all read", slow: 0 },
      { name: "one in twenty reads nothing", slow },
    ];
    return kinds.map((kind) => ({
      name: kind.name,
      load: `${viewers} viewers${note} of one hall, ${kind.slow} of them slow, ${changesPerSecond} changes/s by schedule`,
      unit: "seat changes",
      // What a round leaves behind in the heap, the next one would get for nothing.
      fresh: true,
      judgedBy: { figure: "p99 to the last viewer, ms", unit: "ms", better: "less" },
      subjects: subjectsOf(
        undefined,
        settings,
        [],
        (start) => (stage) =>
          startFanOut(start, stage, {
            viewers,
            changesPerSecond,
            seconds: secondsOf(settings),
            slow: kind.slow,
            warmUpMs: FRESH_WARM_UP_MS,
          }),
      ),
    }));
  },
};
