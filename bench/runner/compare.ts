/**
 * `npm run bench -- compare BEFORE AFTER`: what changed between two runs, and what may be chance. Figures first, then ratios, which are taken
 * round by round and move less with what else a machine does.
 */
import { readFileSync } from "node:fs";
import { BenchError } from "../bench-error.ts";
import { mergeHistograms } from "../load/recorder.ts";
import { type CaseResult, FORMAT, type Results, type SubjectResult } from "./results.ts";
import { percentilesOf } from "./latency.ts";
import { isComparable, overlap, ratioOf, scoreOf, type Spread, spreadOf } from "./statistics.ts";
import { ratioText } from "./summary.ts";
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
  const [old, now] = [sidesOf(before), sidesOf(after)];
  const inBoth = [...now].flatMap(([name, side]) => {
    const earlier = old.get(name);
    return earlier === undefined ? [] : [{ name, before: earlier, after: side }];
  });
  if (inBoth.length === 0) throw new BenchError("The two results have nothing in common.");
  const ratios = inBoth.flatMap((pair) => ratioRow(pair));
  return [
    ...table([["", "before", "after", "change", "p99 ms before", "after", ""], ...inBoth.map(figureRow)]),
    ...(ratios.length === 0 ? [] : ["", ...table([["usher against", "before", "after", "change", ""], ...ratios])]),
    "",
    "Within the spread: the two runs' rounds overlap, so it may be chance.",
    ...onlyIn("before", old, now),
    ...onlyIn("after", now, old),
    ...(before.machine.cpu === after.machine.cpu ? [] : ["These were different machines: compare the ratios alone."]),
    ...versionLines(before.versions, after.versions),
  ];
}

/** A subject of one of the two runs, in its case. */
interface Side {
  readonly one: CaseResult;
  readonly subject: SubjectResult;
}

interface Pair {
  readonly name: string;
  readonly before: Side;
  readonly after: Side;
}

/** Every subject, by the name that it has in both runs. */
const sidesOf = ({ scenarios }: Results): ReadonlyMap<string, Side> =>
  new Map(
    scenarios.flatMap(({ name, cases }) =>
      cases.flatMap((one) =>
        one.subjects.map((subject) => [`${name}, ${one.name}: ${subject.name}`, { one, subject }] as const),
      ),
    ),
  );

const onlyIn = (which: string, some: ReadonlyMap<string, Side>, others: ReadonlyMap<string, Side>): string[] => {
  const names = [...some.keys()].filter((name) => !others.has(name));
  return names.length === 0 ? [] : [`Only in the run ${which}: ${names.join("; ")}.`];
};

function figureRow({ name, before, after }: Pair): string[] {
  const [old, now] = [scoresIn(before), scoresIn(after)];
  return [
    name,
    figure(old.median),
    figure(now.median),
    changeOf(old, now),
    p99Of(before.subject),
    p99Of(after.subject),
    verdictOn(old, now, after.one.judgedBy?.better) + otherLoad(before, after),
  ];
}

/** None for Usher itself, and for what counts something else. */
function ratioRow({ name, before, after }: Pair): string[][] {
  const [old, now] = [ratioIn(before), ratioIn(after)];
  if (old === undefined || now === undefined) return [];
  const verdict = verdictOn(old, now, "more") + otherLoad(before, after);
  return [[name, ratioText(old), ratioText(now), changeOf(old, now), verdict]];
}

const scoresIn = ({ one, subject }: Side): Spread => spreadOf(subject.rounds.map((round) => scoreOf(one, round)));

function ratioIn({ one, subject }: Side): Spread | undefined {
  const usher = one.subjects.find(({ kind }) => kind === "usher");
  if (usher === undefined || usher === subject || !isComparable(usher, subject)) return undefined;
  return ratioOf(one, usher, subject);
}

function changeOf(old: Spread, now: Spread): string {
  const change = now.median === old.median ? 0 : now.median / old.median - 1;
  return Number.isNaN(change) ? "-" : `${change >= 0 ? "+" : ""}${(change * 100).toFixed(1)} %`;
}

function verdictOn(old: Spread, now: Spread, better: "less" | "more" = "more"): string {
  if (Number.isNaN(old.median) || Number.isNaN(now.median)) return "-";
  if (overlap(old, now)) return "within the spread";
  return now.median > old.median === (better === "more") ? "better" : "worse";
}

const otherLoad = (before: Side, after: Side): string =>
  before.one.load === after.one.load ? "" : ", under another load";

/** Of what took part in both. */
function versionLines(before: Results["versions"], after: Results["versions"]): string[] {
  const others = Object.entries(after).flatMap(([name, version]) => {
    const earlier = before[name] ?? version;
    return earlier === version ? [] : [`${name} ${earlier} and ${version}`];
  });
  return others.length === 0 ? [] : [`These were different versions: ${others.join(", ")}.`];
}

function p99Of({ rounds }: SubjectResult): string {
  const encoded = rounds.flatMap(({ latencies }) => latencies["latency"]?.histogram ?? []);
  return encoded.length === 0 ? "-" : figure(percentilesOf(mergeHistograms(encoded)).p99);
}
