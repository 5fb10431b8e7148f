/** Which scenarios take part in a run. */
import { BenchError } from "../bench-error.ts";
import type { Scenario } from "./scenario.ts";
import { whyMissing } from "../stage/server-process.ts";

export interface ChosenScenarios {
  readonly scenarios: readonly Scenario[];
  /** Which are left out, and why. */
  readonly notes: readonly string[];
}

/**
 * @param names undefined: all, as far as this machine has what they need
 * @throws BenchError when one that was named cannot take part
 */
export function chooseScenarios(all: readonly Scenario[], names: readonly string[] | undefined): ChosenScenarios {
  if (names === undefined) {
    const reasons = new Map(all.map((scenario) => [scenario.name, whyNot(scenario)]));
    return { scenarios: all.filter(({ name }) => reasons.get(name) === undefined), notes: leftOut(reasons) };
  }
  const scenarios = names.map((name) => {
    const scenario = all.find((one) => one.name === name);
    if (scenario === undefined)
      throw new BenchError(`There is no scenario ${name}: npm run bench -- --list names them.`);
    const why = whyNot(scenario);
    if (why !== undefined) throw new BenchError(why);
    return scenario;
  });
  return { scenarios, notes: [] };
}

const whyNot = ({ needs = [] }: Scenario): string | undefined =>
  needs.map((program) => whyMissing(program)).find((why) => why !== undefined);

/** A note for each reason. @param reasons by name; undefined: it takes part */
export const leftOut = (reasons: ReadonlyMap<string, string | undefined>): string[] =>
  [...new Set([...reasons.values()].filter((why) => why !== undefined))].map((why) => {
    const names = [...reasons].flatMap(([name, reason]) => (reason === why ? [name] : []));
    return `Left out: ${names.join(", ")}. ${why}`;
  });
