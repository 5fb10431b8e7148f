/** Fills what the system keeps for viewers who do not read: until then a server cannot know that they are slow. */
import { setTimeout as pause } from "node:timers/promises";
import { BenchError } from "../../bench-error.ts";
import { type EdgeCounts, edgeCountsOf } from "../../stage/edge-counts.ts";
import type { Target } from "../../stage/targets.ts";
import type { Audience } from "./audience.ts";

/** That each of them asks for at once; together they are many times what Linux keeps for a connection, 4 MB as it comes. */
const HALLS = 100;
const TIMES_MAX = 40;
const READ_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 5;

/**
 * Shows each slow viewer the hall, again and again, until the edge has set all of them aside: whom it has, it shows nothing.
 *
 * @returns frames that it dropped for them
 * @throws BenchError when it dropped none for one of them
 */
export async function fillSlowOnes({ http }: Target, { loads }: Audience, slow: number): Promise<number> {
  const begun = await edgeCountsOf(http);
  let counts = begun;
  for (let time = 0; time < TIMES_MAX; time++) {
    const asked = await Promise.all(loads.map((load) => load.askAgain(HALLS)));
    const after = await countsAt(http, counts.messages + asked.reduce((sum, one) => sum + one, 0));
    const dropped = after.dropped - begun.dropped;
    if (after.snapshots === counts.snapshots && dropped >= slow) return dropped;
    counts = after;
  }
  throw new BenchError("The server dropped nothing for viewers who read nothing, so that none of them was slow.");
}

/** Once the edge has read so many messages. */
async function countsAt(http: string, messages: number): Promise<EdgeCounts> {
  const end = performance.now() + READ_WITHIN_MS;
  for (;;) {
    const counts = await edgeCountsOf(http);
    if (counts.messages >= messages) return counts;
    if (performance.now() > end) throw new BenchError("The server did not read what slow viewers asked for.");
    await pause(LOOK_EVERY_MS);
  }
}
