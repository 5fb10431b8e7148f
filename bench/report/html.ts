/** The report: one HTML file that needs nothing else, so that it can be mailed, kept, and opened years later. */
import { escape } from "../../platform/html/index.ts";
import { mergeHistograms, SLICE_MS } from "../load/recorder.ts";
import type { CaseResult, Results, RoundResult, ScenarioResult, SubjectResult } from "../runner/results.ts";
import type { Level } from "../runner/scenario.ts";
import { percentilesOf } from "../runner/latency.ts";
import { loadText, machineText } from "../runner/machine.ts";
import {
  figuresOf,
  generatorLimits,
  latenciesOf,
  ratioOf,
  scoreOf,
  scoreUnit,
  spreadOf,
  usherBeside,
} from "../runner/statistics.ts";
import { cpuRatioText, cpuText, ratioText } from "../runner/summary.ts";
import { figure } from "../runner/text.ts";
import { dotPlot, linePlot, type Series } from "./plot.ts";
import { colorClass, STYLE } from "./style.ts";

export function reportOf(results: Results): string {
  const { machine, versions, commit, begunAt, endedAt, command, settings, notes } = results;
  const facts = [
    ["Command", command],
    ["Machine", machineText(machine)],
    ["Load of the machine", loadText(machine)],
    ["Time", `${begunAt} to ${endedAt}`],
    ["Commit", commit],
    [
      "Versions",
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", "),
    ],
    [
      "Rounds",
      `${settings.rounds}${settings.seconds === undefined ? "" : ` of ${settings.seconds} s each`}, subjects in turns`,
    ],
    ...notes.map((note) => ["Note", note] as const),
  ] as const;
  const rows = facts.map(([name, value]) => `<tr><th>${escape(name)}</th><td>${escape(value)}</td></tr>`).join("");
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Usher benches, ${escape(begunAt.slice(0, 10))}</title>
<style>${STYLE}</style></head><body>
<h1>Usher benches</h1>
<table class="facts">${rows}</table>
<p>Server, database and load generator share this machine, so read the ratios: subjects took turns in one run, and whatever else the machine did fell
on all of them. A dot is a round, the stroke their median. Latencies of open loads count from when a command was meant to begin; a ratio above 1 says that Usher
does better, one below 1 that it does not.</p>
${results.scenarios.map(scenarioHtml).join("\n")}
</body></html>
`;
}

const scenarioHtml = ({ name, about, cases }: ScenarioResult): string =>
  `<section><h2>${escape(name)}</h2><p>${escape(about)}</p>${cases.map(caseHtml).join("")}</section>`;

function caseHtml(one: CaseResult): string {
  const subjects = one.subjects.map((subject, color) => ({ subject, color }));
  const unit = scoreUnit(one);
  const scores = subjects.map(({ subject, color }) => {
    const values = subject.rounds.map((round) => scoreOf(one, round));
    const { median } = spreadOf(values);
    return { name: subject.name, color, values, median, text: `${figure(median)} ${unit}` };
  });
  const ratios = subjects.flatMap(({ subject, color }) => {
    const usher = usherBeside(one, subject);
    if (usher === undefined) return [];
    const spread = ratioOf(one, usher, subject);
    const values = subject.rounds.map((_, round) => {
      const only = (rounds: SubjectResult): SubjectResult => ({
        ...rounds,
        rounds: rounds.rounds.slice(round, round + 1),
      });
      return ratioOf(one, only(usher), only(subject)).median;
    });
    return [{ name: `against ${subject.name}`, color, values, median: spread.median, text: ratioText(spread) }];
  });
  const latencies = latenciesOf(one);
  const legend = subjects
    .map(({ subject, color }) => `<span class="key ${colorClass(color)}">${escape(subject.name)}</span>`)
    .join(" ");
  return [
    `<h3>${escape(one.name)}</h3><p class="load">${escape(one.load)}</p>`,
    subjectsTable(one, latencies),
    ...generatorLimits(one).map((sentence) => `<p>${escape(sentence)}</p>`),
    `<p class="legend">${legend}</p><div class="plots">`,
    plot(
      one.judgedBy === undefined ? "Rate" : `${one.judgedBy.figure}: ${one.judgedBy.better} is better`,
      dotPlot(`${one.name}, by subject`, false, scores),
    ),
    plot("How many times Usher does as well", dotPlot(`${one.name}, ratios`, true, ratios, 1)),
    growthPlot(one),
    ...latencies.map((name) => latencyPlot(one, name)),
    plot("Throughput over time, rounds one after another", throughputPlot(one)),
    levelPlot(one),
    "</div>",
    aboutSubjects(one),
  ].join("\n");
}

const plot = (caption: string, svg: string): string =>
  svg === "" ? "" : `<figure><figcaption>${escape(caption)}</figcaption>${svg}</figure>`;

function subjectsTable(one: CaseResult, latencies: readonly string[]): string {
  const figures = figuresOf(one);
  const head = [
    "",
    scoreUnit(one),
    "least to most",
    ...latencies.flatMap((name) =>
      ["p50", "p99", "p99.9", "max"].map((at) => `${name === "latency" ? "" : `${name} `}${at} ms, all rounds`),
    ),
    "cores busy: server, client, database",
    "refused, all rounds",
    ...figures,
    "usher against it, by CPU of server and database",
  ];
  const rows = one.subjects.map((subject) => {
    const { rounds } = subject;
    const spread = spreadOf(rounds.map((round) => scoreOf(one, round)));
    return [
      subject.name,
      figure(spread.median),
      `${figure(spread.least)} to ${figure(spread.most)}`,
      ...latencies.flatMap((name) => percentileCells(subject, name)),
      cpuText(subject),
      figure(rounds.reduce((sum, { refused }) => sum + refused, 0)),
      ...figures.map((name) => spreadText(rounds.map((round) => round.figures[name] ?? Number.NaN))),
      cpuRatioText(one, subject),
    ];
  });
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escape(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="wide"><table>${line(head, "th")}${rows.map((row) => line(row, "td")).join("")}</table></div>`;
}

function spreadText(values: readonly number[]): string {
  const { median, least, most } = spreadOf(values);
  return least === most || Number.isNaN(median)
    ? figure(median)
    : `${figure(median)} (${figure(least)} to ${figure(most)})`;
}

function histogramOf({ rounds }: SubjectResult, name: string) {
  const encoded = rounds.flatMap(({ latencies }) => latencies[name]?.histogram ?? []);
  return encoded.length === 0 ? undefined : mergeHistograms(encoded);
}

function percentileCells(subject: SubjectResult, name: string): string[] {
  const histogram = histogramOf(subject, name);
  if (histogram === undefined) return ["-", "-", "-", "-"];
  const { p50, p99, "p99.9": p999, max } = percentilesOf(histogram);
  return [p50, p99, p999, max].map(figure);
}

/** Where a percentile stands on the axis: each nine takes as much room as the one before. */
const nines = (percentile: number): number => -Math.log10(1 - percentile / 100);
const TICKS = [0, 50, 90, 99, 99.9, 99.99, 99.999].map((at) => ({ at: nines(at), text: `${at} %` }));

function latencyPlot(one: CaseResult, name: string): string {
  let furthest = 0;
  const series = one.subjects.flatMap((subject, color): Series[] => {
    const histogram = histogramOf(subject, name);
    if (histogram === undefined || histogram.totalCount === 0) return [];
    // No further than the values tell: a hundred of them say nothing about 99.9 %.
    const end = Math.min(5, Math.log10(histogram.totalCount));
    furthest = Math.max(furthest, end);
    const points = Array.from({ length: 121 }, (_, step): [number, number] => {
      const at = (end * step) / 120;
      return [at, histogram.getValueAtPercentile(100 * (1 - 10 ** -at)) / 1_000];
    });
    return [{ name: subject.name, color, points }];
  });
  const caption = name === "latency" ? "Latency by percentile" : `Latency of ${name} by percentile`;
  const ticks = TICKS.filter(({ at }) => at <= furthest);
  return plot(caption, linePlot(caption, { label: "percentile", ticks }, { label: "ms", log: true }, series));
}

/** A line through the medians of the subjects that are points on an axis. */
function growthPlot(one: CaseResult): string {
  if (one.axis === undefined) return "";
  const points = one.subjects.flatMap(({ at, rounds }): [number, number][] => {
    const { median } = spreadOf(rounds.map((round) => scoreOf(one, round)));
    return at === undefined || Number.isNaN(median) ? [] : [[at, median]];
  });
  const caption = `How it grows with ${one.axis}`;
  const unit = scoreUnit(one);
  return plot(
    caption,
    linePlot(caption, { label: one.axis, log: true }, { label: unit }, [{ name: unit, color: 0, points }]),
  );
}

const throughputPlot = (one: CaseResult): string =>
  overTime(one, "Throughput over time", `${one.unit}/s`, ({ slices }) => ({ everyMs: SLICE_MS, values: slices }));

function levelPlot(one: CaseResult): string {
  const name = one.subjects.flatMap(({ rounds }) => rounds.flatMap(({ level }) => level?.name ?? []))[0];
  if (name === undefined) return "";
  const title = `${name} over time`;
  return plot(
    `${title}, rounds one after another`,
    overTime(one, title, "", ({ level }) => level),
  );
}

function overTime(
  { subjects }: CaseResult,
  title: string,
  label: string,
  of: (round: RoundResult) => Pick<Level, "everyMs" | "values"> | undefined,
): string {
  const series = subjects.map(({ name, rounds }, color): Series => {
    let seconds = 0;
    const points = rounds.flatMap((round) => {
      const { everyMs = 0, values = [] } = of(round) ?? {};
      return values.map((value): [number, number] => [(seconds += everyMs / 1_000), value]);
    });
    return { name, color, points };
  });
  return linePlot(title, { label: "measured seconds" }, { label }, series);
}

function aboutSubjects({ subjects }: CaseResult): string {
  const items = subjects.map(
    ({ name, about, fairness }) =>
      `<dt>${escape(name)}</dt><dd>${escape(about)}${fairness === undefined ? "" : `. ${escape(fairness)}`}</dd>`,
  );
  return `<details><summary>What they are</summary><dl>${items.join("")}</dl></details>`;
}
