/**
 * Runs scenarios: subjects take turns, round by round, so that whatever else the machine does falls on all of them alike. Every other round goes
 * backwards, so that what a subject leaves behind does not fall on the same one each time.
 */
import { explain } from "../bench-error.ts";
import { SLICE_MS } from "../load/recorder.ts";
import { openStage, type StageOptions } from "../stage/stage.ts";
import { latencyOf } from "./latency.ts";
import { guarded } from "./measure.ts";
import type { Progress } from "./progress.ts";
import { type CaseResult, type RoundResult, type ScenarioResult, type SubjectResult } from "./results.ts";
import type { Case, Measured, Scenario, Subject, SubjectPlan } from "./scenario.ts";
import type { Settings } from "./settings.ts";
import { scoreOf, scoreUnit, spreadOf } from "./statistics.ts";
import { duration, figure } from "./text.ts";

export interface RunOptions extends Omit<StageOptions, "profileDir"> {
  readonly settings: Settings;
  readonly scenarios: readonly Scenario[];
  readonly progress: Progress;
  /** After each case: all that was measured so far. */
  keep(run: Run): void;
  /** Stops the run between two steps. */
  readonly signal?: AbortSignal;
}

/** The rounds that came to their end, and why the run did not get further, if it did not. */
export interface Run {
  readonly scenarios: readonly ScenarioResult[];
  /** Servers that took part and that Node does not run. */
  readonly programs: ReadonlySet<string>;
  readonly failure?: Error;
}

export async function runScenarios(options: RunOptions): Promise<Run> {
  const { settings, scenarios, progress, signal } = options;
  const results: ScenarioResult[] = [];
  const programs = new Set<string>();
  const rateOf = (scenario: string, caseName: string, subject: string): number | undefined => {
    const found = results
      .find(({ name }) => name === scenario)
      ?.cases.find(({ name }) => name === caseName)
      ?.subjects.find(({ name }) => name === subject);
    return found === undefined ? undefined : spreadOf(found.rounds.map(({ rate }) => rate)).median;
  };
  const abort = new Promise<never>((_resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true }); // An Error, see main.
  });
  abort.catch(() => undefined);
  try {
    for (const { name, about, cases } of scenarios) {
      const scenario = { name, about, cases: [] as CaseResult[] };
      results.push(scenario);
      for (const one of cases({ settings, rateOf })) {
        if (one.subjects.length === 0) continue;
        progress.say(`\n${name}, ${one.name}: ${one.load}`);
        const { measured, failure } = await runCase(one, options, abort, programs);
        if (measured.subjects.some(({ rounds }) => rounds.length > 0)) scenario.cases.push(measured);
        if (failure !== undefined) throw failure;
        options.keep({ scenarios: results, programs });
      }
    }
    return { scenarios: results, programs };
  } catch (error) {
    const measured = results.filter(({ cases }) => cases.length > 0);
    // Ctrl-C goes to the servers too: that one of them has ended may be heard of first.
    return { scenarios: measured, programs, failure: errorOf(signal?.aborted === true ? signal.reason : error) };
  }
}

/** In a sentence, where this process is out of what the machine has. */
function errorOf(thrown: unknown): Error {
  const error = explain(thrown);
  return error instanceof Error ? error : new Error(String(error));
}

/** The rounds of it that came to their end, all of them unless there is a failure. */
interface MeasuredCase {
  readonly measured: CaseResult;
  readonly failure: Error | undefined;
}

async function runCase(
  one: Case,
  options: RunOptions,
  abort: Promise<never>,
  programs: Set<string>,
): Promise<MeasuredCase> {
  const { settings, progress, root, worker } = options;
  const profileDir = settings.profile ? { profileDir: settings.out } : {};
  const stage = await openStage({ root, worker, ...profileDir });
  const subjects = new Map<string, Subject>();
  const rounds = new Map<string, RoundResult[]>(one.subjects.map(({ name }) => [name, []]));
  const begun = performance.now();
  const step = <Result>(work: () => Promise<Result>): Promise<Result> => Promise.race([guarded(stage, work), abort]);
  const start = async (plan: SubjectPlan): Promise<void> => {
    progress.show(`  ${plan.name}: starting`);
    subjects.set(plan.name, await step(() => plan.start(stage)));
  };
  const stop = async ({ name }: SubjectPlan): Promise<void> => {
    await subjects.get(name)?.stop();
    subjects.delete(name);
  };
  let failure: Error | undefined;
  try {
    if (one.fresh !== true) for (const plan of one.subjects) await start(plan);
    for (let round = 1; round <= settings.rounds; round++) {
      for (const plan of round % 2 === 1 ? one.subjects : one.subjects.toReversed()) {
        if (one.fresh === true) await start(plan);
        progress.show(
          `  round ${round} of ${settings.rounds}, ${plan.name} ... ${remaining(one, rounds, settings, begun)}`,
        );
        const at = performance.now() - begun;
        const measured = await step(() => (subjects.get(plan.name) as Subject).round(round)); // Started above.
        const result = resultOf(measured, at);
        rounds.get(plan.name)?.push(result);
        progress.say(`  round ${round}  ${plan.name.padEnd(28)} ${line(one, result)}`);
        if (one.fresh === true) await stop(plan);
      }
    }
    for (const plan of one.subjects) await stop(plan);
  } catch (error) {
    failure = errorOf(error);
  }
  for (const program of stage.programs) programs.add(program);
  await stage.close();
  for (const name of new Set(stage.withoutProfile())) {
    progress.say(`  A process of ${name} wrote no profile: it was killed, as one is that fell behind or does not end.`);
  }
  const measured: CaseResult = {
    name: one.name,
    load: one.load,
    unit: one.unit,
    ...(one.judgedBy !== undefined && { judgedBy: one.judgedBy }),
    ...(one.axis !== undefined && { axis: one.axis }),
    subjects: one.subjects.map(({ name, kind, about, fairness, unit, at }): SubjectResult => ({
      name,
      kind,
      about,
      ...(fairness !== undefined && { fairness }),
      ...(unit !== undefined && { unit }),
      ...(at !== undefined && { at }),
      rounds: rounds.get(name) ?? [],
    })),
  };
  return { measured, failure };
}

function remaining(
  one: Case,
  rounds: ReadonlyMap<string, readonly unknown[]>,
  settings: Settings,
  begun: number,
): string {
  const done = [...rounds.values()].reduce((sum, list) => sum + list.length, 0);
  if (done === 0) return "";
  const left = settings.rounds * one.subjects.length - done;
  return `about ${duration(((performance.now() - begun) / done) * left)} left of this case`;
}

function line(one: Case, result: RoundResult): string {
  const score = scoreOf(one, result);
  const rate = `${figure(score)} ${scoreUnit(one)}`;
  const { latency = result.latencies["lastViewer"] } = result.latencies;
  if (latency === undefined) return rate;
  const { p50, p99 } = latency.percentiles;
  return `${rate.padStart(28)}   p50 ${figure(p50)} ms   p99 ${figure(p99)} ms`;
}

function resultOf({ seconds, sample, level, cpu }: Measured, at: number): RoundResult {
  return {
    at: Math.round(at),
    seconds,
    count: sample.count,
    rate: sample.count / seconds,
    refused: sample.refused,
    latencies: Object.fromEntries(
      Object.entries(sample.histograms)
        .map(([name, histogram]) => [name, latencyOf(histogram)] as const)
        .filter(([, { count }]) => count > 0),
    ),
    slices: sample.slices.map((count) => count * (1e3 / SLICE_MS)),
    ...(level !== undefined && { level }),
    ...(cpu !== undefined && { cpu }),
    figures: sample.figures,
  };
}
