import { beforeEach, describe, expect, it } from "vitest";
import pino from "pino";
import { Members } from "../../engine/index.ts";
import { InProcessBus } from "../../platform/bus/index.ts";
import { VirtualClock } from "../../platform/clock/index.ts";
import { MEMBERS, type ServedShard } from "../../proto/index.ts";
import { A_LIST, shardLines } from "./shard-table.ts";

/** As long as one is. */
const EPOCH = 120_000_000;
const SMALL = { columns: 80, lines: 24 };
let clock: VirtualClock;
let bus: InProcessBus;
let members: Members;

beforeEach(() => {
  clock = new VirtualClock();
  bus = new InProcessBus({ clock, log: pino({ level: "silent" }) });
  members = new Members(bus, clock);
});

interface Said {
  readonly leaving?: boolean;
  readonly shards: readonly ServedShard[];
  readonly waiting?: number;
  readonly commitMs?: number;
}

/** Several engines say several things of themselves, one after another, a second apart. */
async function heard(shardCount: number, engines: Readonly<Record<string, readonly Said[]>>): Promise<void> {
  for (const at of [0, 1]) {
    for (const [engine, beats] of Object.entries(engines)) {
      const said = beats[at];
      if (said === undefined) continue;
      const requests = said.shards.reduce((sum, [, , each]) => sum + each, 0);
      const commits = said.shards.reduce((sum, [, , , each]) => sum + each, 0);
      const beat = {
        engine,
        host: "here",
        pid: 1,
        saidAt: 0,
        leaving: false,
        waiting: 0,
        commitMs: 0,
        shardCount,
        requests,
        commits,
      };
      bus.publish(MEMBERS, { ...beat, ...said });
    }
    await clock.advance(at === 0 ? 1_000 : 40);
  }
}

const linesIn = (room: { columns: number; lines: number }): string[] =>
  shardLines(members.live, clock.monotonic(), room);
const words = (lines: readonly string[]): string[] => lines.map((line) => line.trim().replaceAll(/ +/g, " "));

describe("the table of shards", () => {
  it("says that nobody is there", () => {
    expect(linesIn(SMALL)).toEqual(["No engine has been heard of."]);
  });

  it("has what each engine does and how far it is behind, each shard's owner, epoch and rates, and which have no owner", async () => {
    await heard(6, {
      bob: [
        { shards: [[4, 9, 50, 5]] },
        { shards: [[4, 9, 50, 5], [1, 12, 7, 7]], waiting: 3, commitMs: 8.4 }, // prettier-ignore
      ],
      ann: [{ shards: [[0, 2, 100, 10]] }, { shards: [[0, 2, 340, 50]], leaving: true }],
    });
    expect(words(linesIn(A_LIST))).toEqual([
      "engine shards requests/s commits/s waiting commit heard",
      "#1 ann 1 240 40 0 0 ms 40 ms (takes none)",
      "#2 bob 2 7 7 3 8 ms 40 ms",
      "",
      "No engine has 2-3 5.",
      "",
      "shard, its engine, epoch, requests/s and commits/s",
      "0 #1 e2 240/40",
      "1 #2 e12 0/0", // It has just come there.
      "4 #2 e9 0/0",
    ]);
  });

  const many = (count: number): readonly Said[] => [
    { shards: Array.from({ length: count }, (_, shard) => [shard, EPOCH, 0, 0]) },
    { shards: Array.from({ length: count }, (_, shard) => [shard, EPOCH, shard, 1]) },
  ];

  it("has 64 shards on a small screen, as wide as the screen at the most", async () => {
    await heard(64, { ann: many(64) });
    const lines = linesIn(SMALL);
    for (let shard = 0; shard < 64; shard++) expect(lines.join("\n")).toContain(`${shard} #1 `);
    expect(lines.length).toBeLessThanOrEqual(SMALL.lines);
    for (const line of lines.slice(4)) expect(line.length).toBeLessThanOrEqual(SMALL.columns);
    const larger = linesIn({ columns: 100, lines: 40 }).join("\n");
    for (let shard = 0; shard < 64; shard++) expect(larger).toContain(`${shard} #1 e${EPOCH} `);
  });

  it("has the busiest where not all fit, and all in a list", async () => {
    await heard(1_024, { ann: many(1_024) });
    const lines = linesIn(SMALL);
    expect(lines).toHaveLength(SMALL.lines);
    expect(lines.at(-1)).toMatch(/^and \d+ that do less/);
    expect(lines.at(-2)).toContain("1023 #1 1023/1");
    expect(words(lines)).not.toContainEqual(expect.stringMatching(/\b0 #1/));
    expect(linesIn(A_LIST)).toHaveLength(4 + 1_024);
  });
});
