import { describe, expect, it } from "vitest";
import { reportOf } from "../report/html.ts";
import { createHistogram, encodeHistogram } from "../load/recorder.ts";
import { compareLines } from "./compare.ts";
import { latencyOf } from "./latency.ts";
import type { CaseResult, Results, RoundResult, SubjectResult } from "./results.ts";
import { cpuRatioOf, overlap, ratioOf, spreadOf } from "./statistics.ts";
import { summaryLines } from "./summary.ts";

const round = (value: number): RoundResult => ({
  at: 0,
  seconds: 1,
  count: value,
  rate: value,
  refused: 0,
  latencies: {},
  slices: [],
  figures: { took: value },
});

const subject = (name: string, values: readonly number[]): SubjectResult => ({
  name,
  kind: name === "usher" ? "usher" : "peer",
  about: "",
  rounds: values.map(round),
});

const byRate = (...subjects: SubjectResult[]): CaseResult => ({ name: "one", load: "some", unit: "holds", subjects });

const byTime = (...subjects: SubjectResult[]): CaseResult => ({
  ...byRate(...subjects),
  judgedBy: { figure: "took", unit: "ms", better: "less" },
});

const results = (...cases: CaseResult[]): Results => ({
  format: 1,
  begunAt: "",
  endedAt: "",
  machine: { os: "", cpu: "", cores: 1, memoryBytes: 1, loadBefore: 0, loadAfter: 0 },
  versions: {},
  commit: "",
  command: "",
  settings: {} as Results["settings"], // Nothing here reads them.
  notes: [],
  scenarios: [{ name: "hold-rush", about: "", cases }],
});

describe("the ratio of two subjects", () => {
  const [fast, slow] = [subject("usher", [2, 2]), subject("other", [6, 6])];

  it("is 3 for one that takes 2 ms against one that takes 6 ms", () => {
    expect(ratioOf(byTime(fast, slow), fast, slow)).toEqual({ rounds: 2, median: 3, least: 3, most: 3 });
  });

  it("is a third for one that does 2 a second against one that does 6", () => {
    expect(ratioOf(byRate(fast, slow), fast, slow).median).toBeCloseTo(1 / 3);
  });
});

describe("the ratio by CPU", () => {
  const costing = (name: string, server: number, database: number): SubjectResult => ({
    ...subject(name, []),
    rounds: [{ ...round(100), cpu: { server, client: 1, database } }],
  });
  const [usher, peer] = [costing("usher", 1, 0.25), costing("peer", 2, 3)];

  it("is of what server and database spent, whatever the rate was", () => {
    const one = byRate(usher, peer);
    expect(ratioOf(one, usher, peer).median).toBe(1);
    expect(cpuRatioOf(one, usher, peer)).toEqual({ rounds: 1, median: 4, least: 4, most: 4 });
    expect(summaryLines(results(one).scenarios).at(-1)).toMatch(/4\.00 x \(4\.00 to 4\.00\)$/);
    expect(reportOf(results(one))).toContain("4.00 x (4.00 to 4.00)");
  });

  it("is none where something else is judged, or nobody knows what was spent", () => {
    expect(cpuRatioOf(byTime(usher, peer), usher, peer)).toBeUndefined();
    const [unknown, other] = [subject("usher", [1]), subject("other", [1])];
    expect(cpuRatioOf(byRate(unknown, other), unknown, other)).toBeUndefined();
  });
});

it("percentiles of all rounds together say that they are, and are not taken for the median of the rounds' own", () => {
  const taking = (ms: number): RoundResult => {
    const histogram = createHistogram();
    histogram.recordValue(ms * 1e3);
    const latency = latencyOf(encodeHistogram(histogram));
    return { ...round(1), latencies: { latency, page: latency } };
  };
  const run = results(byRate({ ...subject("usher", []), rounds: [1, 2, 50].map(taking) }));
  const summary = summaryLines(run.scenarios).join("\n");
  expect(summary).toMatch(/ {2}p50 \/ p99 \/ p99\.9 ms, all rounds {3}page p50 \/ p99 \/ p99\.9 ms, all rounds {2}/);
  expect(summary).toContain("2.00 / 50.0 / 50.0");
  expect(reportOf(run)).toContain("<th>p99.9 ms, all rounds</th>");
  expect(reportOf(run)).toContain("<th>page p50 ms, all rounds</th>");
  expect(compareLines(run, run)[3]).toMatch(/ {2}p99 ms, all rounds, before {2}/);
});

describe("a spread", () => {
  it.each([
    [[3, 1, 10], { rounds: 3, median: 3, least: 1, most: 10 }],
    [[4, 1, 2, 10], { rounds: 4, median: 3, least: 1, most: 10 }],
    [[Number.NaN, 5], { rounds: 1, median: 5, least: 5, most: 5 }],
  ])("of %j has its median, least and most, and how many rounds they are of", (values, spread) => {
    expect(spreadOf(values)).toEqual(spread);
  });

  it("overlaps another that it touches, and none that it does not", () => {
    expect(overlap(spreadOf([1, 2]), spreadOf([2, 3]))).toBe(true);
    expect(overlap(spreadOf([1, 2]), spreadOf([3, 4]))).toBe(false);
    expect(overlap(spreadOf([3, 4]), spreadOf([1, 2]))).toBe(false);
  });
});

describe("a generator that may have been the limit", () => {
  const busyFor = (name: string, clients: readonly number[], server = 2): SubjectResult => ({
    ...subject(name, []),
    rounds: [{ ...round(1), seconds: 2, cpu: { server, client: 3, clients, database: 0 } }],
  });
  const said = (name: string, cores: string): string =>
    `The generator was the limit for ${name}: one of its processes kept ${cores} of a core busy.`;
  const subjects = [
    busyFor("usher", [1.7, 1.7]),
    busyFor("bare-loop", [1.1, 1.9]),
    // A virtual machine may have no more to give.
    busyFor("idle", [1.6], 1.2),
    busyFor("hello", [1.3], 1.2),
  ];
  const both = [said("bare-loop", "0.950"), said("idle", "0.800")];
  const run = results(byRate(...subjects));

  it("is said under the table", () => {
    const lines = summaryLines(run.scenarios).filter((line) => line.includes("generator"));
    expect(lines.map((line) => line.trim())).toEqual(both);
  });

  it("is said in the report", () => {
    for (const sentence of both) expect(reportOf(run)).toContain(`<p>${sentence}</p>`);
  });

  it("is said where two runs are compared", () => {
    const lines = compareLines(results(byRate(busyFor("usher", [1]))), run);
    const said = lines.filter((line) => line.includes("generator"));
    expect(said).toEqual(both.map((line) => `  hold-rush, one: ${line}`));
    expect(lines.indexOf("In B:")).toBeLessThan(lines.indexOf(said[0] ?? ""));
  });
});

describe("a case whose subjects are points on an axis", () => {
  const points = [10, 1_000].map((at) => ({ ...subject(`${at} viewers`, [at, at]), at }));
  const grown = results({ ...byTime(...points), axis: "viewers" });

  it("is a line in the report", () => {
    const [, drawn = ""] =
      /How it grows with viewers<\/figcaption>.*?class="line[^"]*" d="([^"]*)"/s.exec(reportOf(grown)) ?? [];
    expect(drawn.match(/[ML]/g)).toEqual(["M", "L"]);
    expect(reportOf(results(byTime(...points)))).not.toContain("How it grows");
  });

  it("has a row a point in the summary", () => {
    const lines = summaryLines(grown.scenarios).map((line) => line.trim());
    expect(lines).toEqual(
      expect.arrayContaining([expect.stringMatching(/^10 viewers /), expect.stringMatching(/^1000 viewers /)]),
    );
  });
});

it("the report draws what was looked at over time, one round after another", () => {
  const level = { name: "Resident bytes", everyMs: 1_000, values: [3, 4] };
  const [one, other] = [round(1), round(2)];
  const soaked = { ...subject("usher", []), rounds: [one, other].map((told) => ({ ...told, level })) };
  const [, drawn = ""] =
    /Resident bytes over time, rounds one after another<\/figcaption>.*?class="line[^"]*" d="([^"]*)"/s.exec(
      reportOf(results(byRate(soaked))),
    ) ?? [];
  expect(drawn.match(/[ML]/g)).toEqual(["M", "L", "L", "L"]);
});

describe("the verdict on two runs", () => {
  it.each([
    ["more a second", byRate, [1, 2, 2, 2], [5, 6, 6, 6], "better"],
    ["less a second", byRate, [5, 6, 6, 6], [1, 2, 2, 2], "worse"],
    ["more ms", byTime, [1, 2, 2, 2], [5, 6, 6, 6], "worse"],
    ["less ms", byTime, [5, 6, 6, 6], [1, 2, 2, 2], "better"],
    ["rounds that overlap", byRate, [1, 4], [3, 6], "within the spread"],
    ["one round each", byRate, [100], [99.9], "too few rounds"],
    ["few rounds before", byTime, [1, 2, 2], [5, 6, 6, 6], "too few rounds"],
    ["few rounds that told something after", byRate, [1, 2, 2, 2], [5, 6, 6, Number.NaN], "too few rounds"],
  ] as const)("on %s is right", (_, judged, before, after, verdict) => {
    const lines = compareLines(results(judged(subject("usher", before))), results(judged(subject("usher", after))));
    expect(
      lines
        .find((line) => line.includes("hold-rush, one: usher"))
        ?.trim()
        .endsWith(verdict),
    ).toBe(true);
  });

  it("names both runs", () => {
    const run = results(byRate(subject("usher", [1])));
    const lines = compareLines(run, {
      ...run,
      commit: "d8f3",
      begunAt: "2026-11-30T08:00:00Z",
      command: "--only core",
    });
    expect(lines.slice(0, 3)).toEqual([
      expect.stringMatching(/^A: /),
      "B: d8f3, 2026-11-30T08:00:00Z, --only core",
      "",
    ]);
  });

  it("says in what unit each figure is", () => {
    const rows = (one: CaseResult): string[] =>
      compareLines(results(one), results(one)).filter((line) => line.startsWith("hold-rush"));
    const commits = { ...subject("bare", [1]), unit: "commits" };
    expect(rows(byRate(subject("usher", [1]), commits))).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^hold-rush, one: usher +holds\/s +1\.00 /),
        expect.stringMatching(/^hold-rush, one: bare +commits\/s +1\.00 /),
      ]),
    );
    expect(rows(byTime(subject("usher", [1])))).toEqual([expect.stringMatching(/^hold-rush, one: usher +ms +1\.00 /)]);
  });

  it("does not judge what was judged by something else, and names both", () => {
    const [rate, time] = [byRate(subject("usher", [1])), byTime(subject("usher", [1]))];
    const both = (one: CaseResult) => results(one, { ...byRate(subject("usher", [1])), name: "two" });
    const lines = compareLines(both(rate), both(time));
    expect(lines).not.toContainEqual(expect.stringMatching(/^hold-rush, one: usher {2}/));
    expect(lines).toEqual(
      expect.arrayContaining([
        "Only in A, the earlier one:",
        "  hold-rush, one: usher, holds/s",
        "Only in B, the later one:",
        "  hold-rush, one: usher, judged by took, less is better",
      ]),
    );
  });
});

describe("the ratios of two runs", () => {
  const ratiosOf = (judged: typeof byRate, before: readonly number[], after: readonly number[]): string[] => {
    const beside = (values: readonly number[]) =>
      results(judged(subject("other", [10, 20, 10, 20]), subject("usher", values)));
    return compareLines(beside(before), beside(after)).filter((line) => line.includes("against"));
  };

  it("are told round by round, before and after", () => {
    // Figures alone would overlap: 8 to 16 and 12 to 24.
    expect(ratiosOf(byRate, [8, 16, 8, 16], [12, 24, 12, 24])).toEqual([
      expect.stringMatching(
        /^hold-rush, one: against other +0\.800 x \(0\.800 to 0\.800\) +1\.20 x \(1\.20 to 1\.20\) +\+50\.0 % +better$/,
      ),
    ]);
  });

  it("are better where they are more, also where less of a figure is", () => {
    expect(ratiosOf(byTime, [12, 24, 12, 24], [8, 16, 8, 16])).toEqual([expect.stringMatching(/ \+50\.0 % +better$/)]);
    expect(ratiosOf(byTime, [8, 16, 8, 16], [12, 24, 12, 24])).toEqual([expect.stringMatching(/ worse$/)]);
    expect(ratiosOf(byRate, [8, 24], [10, 20])).toEqual([expect.stringMatching(/ within the spread$/)]);
    expect(ratiosOf(byRate, [8, 16], [12, 24])).toEqual([expect.stringMatching(/ \+50\.0 % +too few rounds$/)]);
  });

  it("are not told of what counts something else", () => {
    const other = { ...subject("other", [1]), unit: "commits" };
    const one = results(byRate(other, subject("usher", [1])));
    expect(compareLines(one, one).join()).not.toContain("against");
  });
});

describe("what differs between two runs beside their figures", () => {
  const run = results(byRate(subject("usher", [1])));

  it("is named where it stands in one of them alone", () => {
    const latency = { histogram: "", count: 0, percentiles: { p50: 0, p90: 0, p99: 0, "p99.9": 0, max: 0 } };
    const told = { ...round(1), figures: { took: 1, bytes: 1 }, latencies: { page: latency } };
    const more = byRate({ ...subject("usher", []), rounds: [told] }, subject("other", [1]));
    const cases = [more, { ...more, name: "two" }];
    const other = { ...run, scenarios: ["hold-rush", "core"].map((name) => ({ name, about: "", cases })) };
    const names = [
      "  core",
      "  hold-rush, two",
      "  hold-rush, one: other",
      "  hold-rush, one: usher, bytes",
      "  hold-rush, one: usher, page",
    ];
    const onlyIn = (lines: readonly string[]): string[] =>
      lines.slice(
        lines.findIndex((line) => line.startsWith("Only in")),
        lines.indexOf("In A:") - 1,
      );
    expect(onlyIn(compareLines(run, other))).toEqual(["Only in B, the later one:", ...names]);
    expect(onlyIn(compareLines(other, run))).toEqual(["Only in A, the earlier one:", ...names]);
    expect(compareLines(run, run).join()).not.toContain("Only in");
  });

  it("is what each run noted, and the machine's load", () => {
    const broken = "The run was broken off: Stopped by SIGINT.";
    const other = { ...run, notes: [broken], machine: { ...run.machine, loadBefore: 0.5, loadAfter: 12 } };
    const lines = compareLines(run, other);
    expect(lines.slice(lines.indexOf("In A:"))).toEqual([
      "In A:",
      "  Load of the machine: 0 before the run, 0 after it (1 minute)",
      "",
      "In B:",
      `  ${broken}`,
      "  Load of the machine: 0.500 before the run, 12.0 after it (1 minute)",
    ]);
  });

  it.each([
    [
      { machine: { ...run.machine, cpu: "EPYC", cores: 2, os: "Linux 6.1" } },
      "These were different machines: , 1 cores, 0.000000 GiB, ; and EPYC, 2 cores, 0.000000 GiB, Linux 6.1. Compare the ratios.",
    ],
    [{ versions: { node: "22.0" } }, "These were different versions: node 20.0 and 22.0, redis 7.0 and none."],
    [
      { settings: { seconds: 9, rounds: 5 } as Results["settings"] },
      "These were different settings: seconds none and 9.",
    ],
  ])("is said: %j", (other, sentence) => {
    const before = { ...run, versions: { node: "20.0", redis: "7.0" }, settings: { rounds: 5 } as Results["settings"] };
    expect(compareLines(before, { ...before, ...other }).at(-1)).toBe(sentence);
    expect(compareLines(before, { ...before }).join()).not.toContain("different");
  });
});
