/** `npm run bench -- compare BEFORE AFTER`: what changed between two runs, and what may be chance. */
import { readFileSync } from "node:fs";
import { BenchError } from "../bench-error.ts";
import { mergeHistograms } from "../load/recorder.ts";
import { type CaseResult, FORMAT, type Results, type SubjectResult } from "./results.ts";
import { percentilesOf } from "./latency.ts";
import { overlap, scoreOf, spreadOf } from "./statistics.ts";
import { figure, table } from "./text.ts";

/** @throws BenchError when the file is no results.json of this format. */
export function readResults(file: string): Results {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BenchError(`${file} cannot be read as a results.json: ${why}.`, { cause: error });
  }
  if (typeof value !== "object" || value === null || !("format" in value) || value.format !== FORMAT) {
    throw new BenchError(`${file} is no results.json of this version.`);
  }
  return value as Results; // Written by us, in this format.
}

export function compareLines(before: Results, after: Results): string[] {
  const rows = [["", "before", "after", "change", "p99 ms before", "after", ""]];
  for (const scenario of after.scenarios) {
    for (const one of scenario.cases) {
      const earlier = before.scenarios
        .find(({ name }) => name === scenario.name)
        ?.cases.find(({ name }) => name === one.name);
      for (const subject of one.subjects) {
        const other = earlier?.subjects.find(({ name }) => name === subject.name);
        if (earlier !== undefined && other !== undefined) {
          rows.push(
            compareRow(
              `${scenario.name}, ${one.name}: ${subject.name}`,
              { one: earlier, subject: other },
              { one, subject },
            ),
          );
        }
      }
    }
  }
  if (rows.length === 1) throw new BenchError("The two results have nothing in common.");
  return [
    ...table(rows),
    "",
    "Within the spread: the two runs' rounds overlap, so it may be chance.",
    ...(before.machine.cpu === after.machine.cpu
      ? []
      : ["These were different machines: compare the ratios within each report instead."]),
    ...versionLines(before.versions, after.versions),
  ];
}

/** Of what took part in both. */
function versionLines(before: Results["versions"], after: Results["versions"]): string[] {
  const others = Object.entries(after).flatMap(([name, version]) => {
    const earlier = before[name] ?? version;
    return earlier === version ? [] : [`${name} ${earlier} and ${version}`];
  });
  return others.length === 0 ? [] : [`These were different versions: ${others.join(", ")}.`];
}

interface Side {
  readonly one: CaseResult;
  readonly subject: SubjectResult;
}

function compareRow(name: string, before: Side, after: Side): string[] {
  const [old, now] = [before, after].map(({ one, subject }) =>
    spreadOf(subject.rounds.map((round) => scoreOf(one, round))),
  );
  if (old === undefined || now === undefined) return [name];
  const change = now.median === old.median ? 0 : now.median / old.median - 1;
  const lessIsBetter = after.one.judgedBy?.better === "less";
  const verdict = Number.isNaN(change)
    ? "-"
    : overlap(old, now)
      ? "within the spread"
      : change > 0 !== lessIsBetter
        ? "better"
        : "worse";
  const load = before.one.load === after.one.load ? "" : ", under another load";
  return [
    name,
    figure(old.median),
    figure(now.median),
    Number.isNaN(change) ? "-" : `${change >= 0 ? "+" : ""}${(change * 100).toFixed(1)} %`,
    p99Of(before.subject),
    p99Of(after.subject),
    verdict + load,
  ];
}

function p99Of({ rounds }: SubjectResult): string {
  const encoded = rounds.flatMap(({ latencies }) => latencies["latency"]?.histogram ?? []);
  return encoded.length === 0 ? "-" : figure(percentilesOf(mergeHistograms(encoded)).p99);
}
