import { describe, expect, it } from "vitest";
import { reportOf } from "../report/html.ts";
import { compareLines } from "./compare.ts";
import type { CaseResult, Results, RoundResult, SubjectResult } from "./results.ts";
import { overlap, ratioOf, spreadOf } from "./statistics.ts";
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

const results = (one: CaseResult): Results => ({
  format: 1,
  begunAt: "",
  endedAt: "",
  machine: { os: "", cpu: "", cores: 1, memoryBytes: 1, loadBefore: 0, loadAfter: 0 },
  versions: {},
  commit: "",
  command: "",
  settings: {} as Results["settings"], // Nothing here reads them.
  notes: [],
  scenarios: [{ name: "hold-rush", about: "", cases: [one] }],
});

describe("the ratio of two subjects", () => {
  const [fast, slow] = [subject("usher", [2, 2]), subject("other", [6, 6])];

  it("is 3 for one that takes 2 ms against one that takes 6 ms", () => {
    expect(ratioOf(byTime(fast, slow), fast, slow)).toEqual({ median: 3, least: 3, most: 3 });
  });

  it("is a third for one that does 2 a second against one that does 6", () => {
    expect(ratioOf(byRate(fast, slow), fast, slow).median).toBeCloseTo(1 / 3);
  });
});

describe("a spread", () => {
  it.each([
    [[3, 1, 10], { median: 3, least: 1, most: 10 }],
    [[4, 1, 2, 10], { median: 3, least: 1, most: 10 }],
    [[Number.NaN, 5], { median: 5, least: 5, most: 5 }],
  ])("of %j has its median, least and most", (values, spread) => {
    expect(spreadOf(values)).toEqual(spread);
  });

  it("overlaps another that it touches, and none that it does not", () => {
    expect(overlap(spreadOf([1, 2]), spreadOf([2, 3]))).toBe(true);
    expect(overlap(spreadOf([1, 2]), spreadOf([3, 4]))).toBe(false);
    expect(overlap(spreadOf([3, 4]), spreadOf([1, 2]))).toBe(false);
  });
});

describe("a generator that may have been the limit", () => {
  const busyFor = (name: string, clients: readonly number[]): SubjectResult => ({
    ...subject(name, []),
    rounds: [{ ...round(1), seconds: 2, cpu: { server: 2, client: 3, clients, database: 0 } }],
  });
  const said = "The generator was the limit for bare-loop: one of its processes kept 0.950 of a core busy.";
  const { scenarios, ...rest } = results(byRate(busyFor("usher", [1.7, 1.7]), busyFor("bare-loop", [1.1, 1.9])));

  it("is said under the table", () => {
    const lines = summaryLines(scenarios).filter((line) => line.includes("generator"));
    expect(lines.map((line) => line.trim())).toEqual([said]);
  });

  it("is said in the report", () => {
    expect(reportOf({ ...rest, scenarios })).toContain(`<p>${said}</p>`);
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

describe("the verdict on two runs", () => {
  it.each([
    ["more a second", byRate, [1, 2], [5, 6], "better"],
    ["less a second", byRate, [5, 6], [1, 2], "worse"],
    ["more ms", byTime, [1, 2], [5, 6], "worse"],
    ["less ms", byTime, [5, 6], [1, 2], "better"],
    ["rounds that overlap", byRate, [1, 4], [3, 6], "within the spread"],
  ] as const)("on %s is right", (_, judged, before, after, verdict) => {
    const lines = compareLines(results(judged(subject("usher", before))), results(judged(subject("usher", after))));
    expect(
      lines
        .find((line) => line.includes("hold-rush, one: usher"))
        ?.trim()
        .endsWith(verdict),
    ).toBe(true);
  });

  it("is told of Usher's ratio to each of the others too, which a slower hour does not change", () => {
    const inAnHour = (speed: number, better: number) =>
      results(
        byRate(subject("usher", [40 * speed * better, 44 * speed * better]), subject("ws", [20 * speed, 20 * speed])),
      );
    const told = (lines: string[]) => lines.find((line) => line.includes("2.10 x"))?.replace(/ {2,}/g, " | ");
    expect(told(compareLines(inAnHour(4, 1), inAnHour(1, 1)))).toBe(
      "hold-rush, one: ws | 2.10 x (2.00 to 2.20) | 2.10 x (2.00 to 2.20) | +0.0 % | within the spread",
    );
    expect(told(compareLines(inAnHour(4, 1), inAnHour(1, 2)))).toMatch(/4\.20 x .* \| \+100\.0 % \| better$/);
    const [slower, quicker] = [
      byTime(subject("usher", [2]), subject("ws", [4])),
      byTime(subject("usher", [1]), subject("ws", [4])),
    ];
    expect(compareLines(results(slower), results(quicker)).join("\n")).toMatch(/2\.00 x .* 4\.00 x .* better/);
  });

  it("names what took part in one of them alone", () => {
    const [ws, redis] = [
      results(byRate(subject("usher", [1]), subject("ws", [1]))),
      results(byRate(subject("usher", [1]), subject("redis", [1]))),
    ];
    expect(compareLines(ws, redis)).toEqual(
      expect.arrayContaining([
        "Only in the run before: hold-rush, one: ws.",
        "Only in the run after: hold-rush, one: redis.",
      ]),
    );
    expect(compareLines(ws, ws).join("\n")).not.toContain("Only in");
  });
});
