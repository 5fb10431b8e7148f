/** Medians and spreads: a mean would hide what a round in which something else ran has done. */
import type { CaseResult, RoundResult, SubjectResult } from "./results.ts";
import { figure } from "./text.ts";

export interface Spread {
  /** That told something. */
  readonly rounds: number;
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  const [least = Number.NaN] = sorted;
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  const lower = sorted[Math.ceil(middle) - 1] ?? upper;
  return { rounds: sorted.length, median: (upper + lower) / 2, least, most: sorted.at(-1) ?? Number.NaN };
}

/** What a round of this case is judged by. */
export const scoreOf = (result: Pick<CaseResult, "judgedBy">, round: RoundResult): number =>
  result.judgedBy === undefined ? round.rate : (round.figures[result.judgedBy.figure] ?? Number.NaN);

export const scoreUnit = ({ judgedBy, unit }: Pick<CaseResult, "judgedBy" | "unit">): string =>
  judgedBy?.unit ?? `${unit}/s`;

/** The names of what the rounds tell beside their score. */
export const figuresOf = ({ judgedBy, subjects }: Pick<CaseResult, "judgedBy" | "subjects">): string[] =>
  [...new Set(subjects.flatMap(({ rounds }) => rounds.flatMap(({ figures }) => Object.keys(figures))))].filter(
    (name) => name !== judgedBy?.figure,
  );

export const latenciesOf = ({ subjects }: Pick<CaseResult, "subjects">): string[] => [
  ...new Set(subjects.flatMap(({ rounds }) => rounds.flatMap(({ latencies }) => Object.keys(latencies)))),
];

/** Usher, where the subject is another that counts the same: what it is held against. */
export function usherBeside(
  { subjects }: Pick<CaseResult, "subjects">,
  subject: SubjectResult,
): SubjectResult | undefined {
  const usher = subjects.find(({ kind }) => kind === "usher");
  return subject.kind === "usher" || usher?.unit !== subject.unit ? undefined : usher;
}

/** Round by round, how many times as well as `other` the subject does: above 1 it wins. */
export function ratioOf(result: CaseResult, subject: SubjectResult, other: SubjectResult): Spread {
  const score = (round: RoundResult): number => scoreOf(result, round);
  return result.judgedBy?.better === "less" ? ratioBy(score, other, subject) : ratioBy(score, subject, other);
}

/** The same by what was done while server and database spent a CPU second: where the generator is the limit, the rate says less. */
export function cpuRatioOf(result: CaseResult, subject: SubjectResult, other: SubjectResult): Spread | undefined {
  if (result.judgedBy !== undefined) return undefined;
  const done = ({ count, cpu }: RoundResult): number =>
    cpu === undefined ? Number.NaN : count / (cpu.server + cpu.database);
  const ratio = ratioBy(done, subject, other);
  return Number.isNaN(ratio.median) ? undefined : ratio;
}

const ratioBy = (score: (round: RoundResult) => number, one: SubjectResult, other: SubjectResult): Spread =>
  spreadOf(
    one.rounds.map((round, index) => {
      const against = other.rounds[index];
      return against === undefined ? Number.NaN : score(round) / score(against);
    }),
  );

/** A spread's ranges overlap: what differs may be chance. */
export const overlap = (a: Spread, b: Spread): boolean => a.least <= b.most && b.least <= a.most;

/**
 * Of how many rounds each of two spreads must be before that says something: equal runs of n rounds each lie apart by chance in 2 of (2n over n)
 * cases, which is always with one, one in 3 with two, one in 10 with three, and one in 35 with four.
 */
export const ROUNDS_THAT_TELL = 4;

/**
 * Cores that a process of the load generator may keep busy: it has one thread that sends and reads. A virtual machine may give less than a
 * whole core, so one that has this much, and more than all of the server, is the limit too.
 */
const GENERATOR_CORES_MAX = 0.9;
const GENERATOR_CORES_MUCH = 0.7;

/** For whom not the server may have been measured but who asks it: a sentence for each. */
export const generatorLimits = ({ subjects }: CaseResult): string[] =>
  subjects.flatMap(({ name, rounds }) => {
    const busiest = rounds.map(({ cpu, seconds }) => Math.max(0, ...(cpu?.clients ?? [])) / seconds);
    const { median } = spreadOf(busiest);
    const server = spreadOf(rounds.map(({ cpu, seconds }) => (cpu?.server ?? Number.NaN) / seconds)).median;
    return median > GENERATOR_CORES_MAX || (median > GENERATOR_CORES_MUCH && median > server)
      ? [`The generator was the limit for ${name}: one of its processes kept ${figure(median)} of a core busy.`]
      : [];
  });
