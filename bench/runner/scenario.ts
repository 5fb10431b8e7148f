/** What a scenario is: one file that says what to compare, and how one round of it is measured. */
import type { Sample } from "../load/recorder.ts";
import type { Stage } from "../stage/stage.ts";
import type { Settings } from "./settings.ts";

export interface Scenario {
  readonly name: string;
  /** One line for `--list`. */
  readonly about: string;
  /** Programs that must be on the PATH. */
  readonly needs?: readonly string[];
  /** Each is asked for when those before it have run. */
  cases(context: ScenarioContext): Iterable<Case>;
}

export interface ScenarioContext {
  readonly settings: Settings;
  /** The median rate of a case that ran earlier in this run, or undefined. */
  rateOf(scenario: string, caseName: string, subject: string): number | undefined;
}

/** One comparison: subjects that take the same load in turns. */
export interface Case {
  readonly name: string;
  /** The load in words: how many, how fast, closed or open. */
  readonly load: string;
  /** What the rate counts, such as "commands". */
  readonly unit: string;
  /** The figure that a round is judged by, if not by its rate. */
  readonly judgedBy?: Judgement;
  readonly subjects: readonly SubjectPlan[];
  /** What grows from subject to subject, where they are points on an axis. */
  readonly axis?: string;
  /** Every round has a server of its own: where what went before would show. */
  readonly fresh?: boolean;
}

export interface Judgement {
  readonly figure: string;
  readonly unit: string;
  readonly better: "less" | "more";
}

/** `form`: Usher too, run in another way. */
export type SubjectKind = "usher" | "form" | "limit" | "peer";

export interface SubjectPlan {
  readonly name: string;
  readonly kind: SubjectKind;
  readonly about: string;
  /** A peer's best practice, and how it was set up by it. */
  readonly fairness?: string;
  /** What its rate counts, if not what the case's does: then no ratio is told. */
  readonly unit?: string;
  /** Where it is on the case's axis. */
  readonly at?: number;
  start(stage: Stage): Promise<Subject>;
}

/** A subject that runs. */
export interface Subject {
  /** @param round from 1 */
  round(round: number): Promise<Measured>;
  stop(): Promise<void>;
}

/** Something that was looked at again and again while it was measured, beside what was done. */
export interface Level {
  /** With its unit. */
  readonly name: string;
  readonly everyMs: number;
  readonly values: readonly number[];
}

/** One round of one subject. */
export interface Measured {
  /** Length of the time that was measured. */
  readonly seconds: number;
  readonly sample: Sample;
  readonly level?: Level;
  readonly cpu: CpuSeconds | undefined;
  /** CPU seconds of each process, by its role, where roles are processes of their own. */
  readonly roles?: Readonly<Record<string, readonly number[]>>;
}

export interface CpuSeconds {
  readonly server: number;
  /** The load generator's processes. */
  readonly client: number;
  /** Each of them, where there are any. */
  readonly clients?: readonly number[];
  readonly database: number;
}
