import { expect, it } from "vitest";
import { type Delta, showtimeId } from "../../proto/index.ts";
import { RECENT_CHANGES_MAX, RECENT_DELTAS_MAX } from "./limits.ts";
import { RecentDeltas } from "./recent-deltas.ts";

const HALLS = ["small", "large", "quiet"].map(showtimeId);

function deltaAt(seq: number, changes: number): Delta {
  const showtime = HALLS[seq % 2] as Delta["showtime"]; // Nothing ever changes in the third.
  const list = Array.from({ length: changes }, (_, at) => (seq + at) % 65_536);
  return { showtime, epoch: 2 ** 40, from: seq - 1, seq, changes: list, checksum: (2 ** 32 - seq) >>> 0 };
}

it("the latest deltas are kept as they were pushed, up to their number and to the changes in all of them", () => {
  const recent = new RecentDeltas();
  let kept: Delta[] = [];
  const push = (delta: Delta): void => {
    recent.push(delta);
    kept.push(delta);
    const changes = (): number => kept.reduce((sum, one) => sum + one.changes.length, 0);
    while (kept.length > RECENT_DELTAS_MAX || changes() > RECENT_CHANGES_MAX) kept = kept.slice(1);
  };
  const expectAll = (): void => {
    for (const hall of HALLS) expect(recent.of(hall)).toEqual(kept.filter(({ showtime }) => showtime === hall));
  };
  expectAll();
  for (let seq = 1; seq <= 3_000; seq++) {
    // Few changes each for a while, and then many.
    push(deltaAt(seq, seq % 1_000 < 700 ? seq % 4 : (seq * 37) % 900));
    if (seq % 50 === 0) expectAll();
  }
  push(deltaAt(3_001, RECENT_CHANGES_MAX));
  expectAll();
  push(deltaAt(3_002, RECENT_CHANGES_MAX + 1));
  expectAll();
  push(deltaAt(3_003, 2));
  expectAll();
});
