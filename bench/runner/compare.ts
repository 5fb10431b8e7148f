/**
 * `npm run bench -- compare BEFORE AFTER`: what changed between two runs, and what may be chance. Figures first, then ratios, which are taken
 * round by round and move less with what else a machine does.
 */
import { readFileSync } from "node:fs";
import { messageOf } from "../../platform/explained/index.ts";
import { BenchError } from "../bench-error.ts";
import { mergeHistograms } from "../load/recorder.ts";
import { type CaseResult, FORMAT, type Results, type SubjectResult } from "./results.ts";
import { percentilesOf } from "./latency.ts";
import { loadText, machineText } from "./machine.ts";
import type { Settings } from "./settings.ts";
import {
  figuresOf,
  generatorLimits,
  latenciesOf,
  overlap,
  ratioOf,
  ROUNDS_THAT_TELL,
  scoreOf,
  scoreUnit,
  type Spread,
  spreadOf,
  usherBeside,
} from "./statistics.ts";
import { ratioText } from "./summary.ts";
import { figure, table } from "./text.ts";

/** @throws BenchError when the file is no results.json of this format. */
export function readResults(file: string): Results {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const why = messageOf(error);
    throw new BenchError(`${file} cannot be read as a results.json: ${why}.`, { cause: error });
  }
  if (typeof value !== "object" || value === null || !("format" in value) || value.format !== FORMAT) {
    throw new BenchError(`${file} is no results.json of this version.`);
  }
  return value as Results; // Written by us, in this format.
}

/** Two runs of one thing. */
type Pair<One> = readonly [before: One, after: One];

/** Goes through what is in both, and remembers what is not. */
class Common {
  readonly #only: Pair<string[]> = [[], []];

  /** @param path what they are parts of */
  of<One extends { readonly name: string }>(path: string, [before, after]: Pair<readonly One[]>): Pair<One>[] {
    const named = (list: readonly One[], wanted: string): One | undefined => list.find(({ name }) => name === wanted);
    const [onlyA, onlyB] = this.#only;
    onlyA.push(...before.flatMap(({ name }) => (named(after, name) === undefined ? [path + name] : [])));
    onlyB.push(...after.flatMap(({ name }) => (named(before, name) === undefined ? [path + name] : [])));
    return after.flatMap((one): Pair<One>[] => {
      const earlier = named(before, one.name);
      return earlier === undefined ? [] : [[earlier, one]];
    });
  }

  lines(): string[] {
    const [onlyA, onlyB] = this.#only.map((names) => names.map((name) => `  ${name}`));
    return [...headed("Only in A, the earlier one:", onlyA), ...headed("Only in B, the later one:", onlyB)];
  }
}

const headed = (heading: string, lines: readonly string[] = []): string[] =>
  lines.length === 0 ? [] : ["", heading, ...lines];

const each = <From, To>([before, after]: Pair<From>, to: (from: From) => To): Pair<To> => [to(before), to(after)];

export function compareLines(before: Results, after: Results): string[] {
  const figures = [["", "unit", "before", "after", "change", "p99 ms, all rounds, before", "after", ""]];
  const ratios = [["How many times Usher does as well", "before", "after", "change", ""]];
  const common = new Common();
  for (const scenario of common.of("", [before.scenarios, after.scenarios])) {
    const [{ name: scenarioName }] = scenario;
    for (const one of common.of(
      `${scenarioName}, `,
      each(scenario, ({ cases }) => cases),
    )) {
      const name = `${scenarioName}, ${one[0].name}: `;
      for (const subject of common.of(
        name,
        each(one, ({ subjects }) => subjects),
      )) {
        const title = name + subject[0].name;
        const sides: Pair<Side> = [
          { one: one[0], subject: subject[0] },
          { one: one[1], subject: subject[1] },
        ];
        common.of(`${title}, `, each(sides, metricsOf));
        const [judged, judgedNow] = each(sides, judgementOf);
        if (judged !== judgedNow) continue;
        figures.push(figuresRow(title, sides));
        const [ratio, ratioNow] = each(sides, ratioOfSide);
        if (ratio === undefined || ratioNow === undefined) continue;
        const [old, now, change, verdict] = changeColumns([ratio, ratioNow], false, ratioText);
        ratios.push([`${name}against ${subject[0].name}`, old, now, change, verdict + underLoad(sides)]);
      }
    }
  }
  if (figures.length === 1) throw new BenchError("The two results have nothing in common.");
  return [
    ...each([before, after], runText).map((run, at) => `${at === 0 ? "A" : "B"}: ${run}`),
    "",
    ...table(figures),
    ...(ratios.length === 1 ? [] : ["", ...table(ratios)]),
    "",
    "Within the spread: the two runs' rounds overlap, so it may be chance.",
    `Too few rounds: they lie apart, and with fewer than ${ROUNDS_THAT_TELL} on a side that may be chance too.`,
    ...common.lines(),
    ...noteLines(before, after),
    ...differenceLines(before, after),
  ];
}

const runText = ({ commit, begunAt, command }: Results): string => `${commit}, ${begunAt}, ${command}`;

/** What to know of each run before its figures are believed. Where the generator was the limit a figure is its own, and no more than that of a subject. */
function noteLines(...both: Pair<Results>): string[] {
  const [inA = [], inB = []] = both.map(({ notes, machine, scenarios }) =>
    [
      ...notes,
      `Load of the machine: ${loadText(machine)}`,
      ...scenarios.flatMap(({ name, cases }) =>
        cases.flatMap((one) => generatorLimits(one).map((sentence) => `${name}, ${one.name}: ${sentence}`)),
      ),
    ].map((line) => `  ${line}`),
  );
  return [...headed("In A:", inA), ...headed("In B:", inB)];
}

/** Where, by what and how they were measured, as far as that differs. */
function differenceLines(before: Results, after: Results): string[] {
  const [machine, machineNow] = [machineText(before.machine), machineText(after.machine)];
  const machines =
    machine === machineNow ? [] : [`These were different machines: ${machine}; and ${machineNow}. Compare the ratios.`];
  const [settings, settingsNow] = each([before.settings, after.settings], howOf);
  const lines = [
    ...machines,
    ...differences("versions", before.versions, after.versions),
    ...differences("settings", settings, settingsNow),
  ];
  return lines.length === 0 ? [] : ["", ...lines];
}

/** Without what was chosen to take part, which shows in what does. */
const howOf = ({ seconds, rounds, connections, inFlight, rate, profile }: Settings): How => ({
  seconds,
  rounds,
  connections,
  inFlight,
  rate,
  profile,
});

type How = Omit<Settings, "only" | "peers" | "out">;
type Values = Readonly<Record<string, string | number | boolean | undefined>>;

function differences(what: string, before: Values, after: Values): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const others = [...names].flatMap((name) => {
    const [old, now] = [before[name], after[name]].map((value) => String(value ?? "none"));
    return old === now ? [] : [`${name} ${old} and ${now}`];
  });
  return others.length === 0 ? [] : [`These were different ${what}: ${others.join(", ")}.`];
}

interface Side {
  readonly one: CaseResult;
  readonly subject: SubjectResult;
}

/** What the subject's rounds tell, and what they are judged by. */
const metricsOf = ({ one, subject }: Side): { readonly name: string }[] =>
  [judgementOf({ one, subject }), ...figuresOf({ subjects: [subject] }), ...latenciesOf({ subjects: [subject] })].map(
    (name) => ({ name }),
  );

const judgementOf = ({ one: { judgedBy, unit }, subject }: Side): string =>
  judgedBy === undefined ? `${subject.unit ?? unit}/s` : `judged by ${judgedBy.figure}, ${judgedBy.better} is better`;

function ratioOfSide({ one, subject }: Side): Spread | undefined {
  const usher = usherBeside(one, subject);
  return usher && ratioOf(one, usher, subject);
}

const unitOf = ({ one: { judgedBy, unit }, subject }: Side): string =>
  scoreUnit({ ...(judgedBy !== undefined && { judgedBy }), unit: subject.unit ?? unit });

function figuresRow(name: string, sides: Pair<Side>): string[] {
  const scores = each(sides, ({ one, subject }) => spreadOf(subject.rounds.map((round) => scoreOf(one, round))));
  const lessIsBetter = sides[1].one.judgedBy?.better === "less";
  const [before, after, change, verdict] = changeColumns(scores, lessIsBetter, ({ median }) => figure(median));
  return [name, unitOf(sides[1]), before, after, change, ...each(sides, p99Of), verdict + underLoad(sides)];
}

function changeColumns(
  [before, after]: Pair<Spread>,
  lessIsBetter: boolean,
  text: (spread: Spread) => string,
): [before: string, after: string, change: string, verdict: string] {
  const change = after.median === before.median ? 0 : after.median / before.median - 1;
  const percent = Number.isNaN(change) ? "-" : `${change >= 0 ? "+" : ""}${(change * 100).toFixed(1)} %`;
  const verdict = Number.isNaN(change)
    ? "-"
    : overlap(before, after)
      ? "within the spread"
      : Math.min(before.rounds, after.rounds) < ROUNDS_THAT_TELL
        ? "too few rounds"
        : change > 0 !== lessIsBetter
          ? "better"
          : "worse";
  return [text(before), text(after), percent, verdict];
}

const underLoad = ([before, after]: Pair<Side>): string =>
  before.one.load === after.one.load ? "" : ", under another load";

function p99Of({ subject: { rounds } }: Side): string {
  const encoded = rounds.flatMap(({ latencies }) => (latencies["latency"] ?? latencies["lastViewer"])?.histogram ?? []);
  return encoded.length === 0 ? "-" : figure(percentilesOf(mergeHistograms(encoded)).p99);
}
