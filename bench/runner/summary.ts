/** The table at the end: for each case the median of the rounds, how far they spread, and Usher beside each of the others. */
import { mergeHistograms } from "../load/recorder.ts";
import type { CaseResult, ScenarioResult, SubjectResult } from "./results.ts";
import { percentilesOf } from "./latency.ts";
import {
  cpuRatioOf,
  figuresOf,
  generatorLimits,
  latenciesOf,
  ratioOf,
  scoreOf,
  scoreUnit,
  type Spread,
  spreadOf,
  usherBeside,
} from "./statistics.ts";
import { figure, table } from "./text.ts";

export function summaryLines(scenarios: readonly ScenarioResult[]): string[] {
  return scenarios.flatMap(({ name, cases }) =>
    cases.flatMap((one) => ["", `${name}, ${one.name}: ${one.load}`, ...caseLines(one)]),
  );
}

function caseLines(one: CaseResult): string[] {
  const latencies = latenciesOf(one);
  const figures = figuresOf(one);
  const rows = [
    [
      "",
      scoreUnit(one),
      "least to most",
      ...latencies.map((name) => `${name === "latency" ? "" : `${name} `}p50 / p99 / p99.9 ms, all rounds`),
      "CPU s/s server, client, db",
      "refused, all rounds",
      ...figures,
      "usher against it",
      "by CPU of server and db",
    ],
  ];
  for (const subject of one.subjects) {
    const scores = spreadOf(subject.rounds.map((round) => scoreOf(one, round)));
    const usher = usherBeside(one, subject);
    rows.push([
      subject.name,
      figure(scores.median),
      `${figure(scores.least)} to ${figure(scores.most)}`,
      ...latencies.map((name) => latencyText(subject, name)),
      cpuText(subject),
      figure(subject.rounds.reduce((sum, { refused }) => sum + refused, 0)),
      ...figures.map((name) =>
        figure(spreadOf(subject.rounds.map((round) => round.figures[name] ?? Number.NaN)).median),
      ),
      usher === undefined ? "" : ratioText(ratioOf(one, usher, subject)),
      cpuRatioText(one, subject),
    ]);
  }
  return [...table(rows), ...generatorLimits(one)].map((line) => `  ${line}`);
}

export const ratioText = ({ median, least, most }: Spread): string =>
  `${figure(median)} x (${figure(least)} to ${figure(most)})`;

export function cpuRatioText(one: CaseResult, subject: SubjectResult): string {
  const usher = usherBeside(one, subject);
  const ratio = usher && cpuRatioOf(one, usher, subject);
  return ratio === undefined ? "" : ratioText(ratio);
}

/** Latency over all rounds together. */
function latencyText(subject: SubjectResult, name: string): string {
  const encoded = subject.rounds.flatMap(({ latencies }) => latencies[name]?.histogram ?? []);
  if (encoded.length === 0) return "-";
  const { p50, p99, "p99.9": p999 } = percentilesOf(mergeHistograms(encoded));
  return `${figure(p50)} / ${figure(p99)} / ${figure(p999)}`;
}

/** CPU seconds a second, which is how many cores were busy. */
export function cpuText({ rounds }: SubjectResult): string {
  const share = (of: "server" | "client" | "database"): string =>
    figure(spreadOf(rounds.map(({ cpu, seconds }) => (cpu === undefined ? Number.NaN : cpu[of] / seconds))).median);
  return `${share("server")}, ${share("client")}, ${share("database")}`;
}
