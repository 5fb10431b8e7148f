/** What a run found, as it is kept in results.json. */
import type { CpuSeconds, Judgement, Level, SubjectKind } from "./scenario.ts";
import type { Settings } from "./settings.ts";

export const FORMAT = 1;

export interface Results {
  readonly format: typeof FORMAT;
  readonly begunAt: string;
  readonly endedAt: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly commit: string;
  readonly command: string;
  readonly settings: Settings;
  /** Why something is not in it. */
  readonly notes: readonly string[];
  readonly scenarios: readonly ScenarioResult[];
}

export interface Machine {
  readonly os: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  /** Load of the last minute, before the run and after it: what else the machine did. */
  readonly loadBefore: number;
  readonly loadAfter: number;
}

export interface ScenarioResult {
  readonly name: string;
  readonly about: string;
  readonly cases: readonly CaseResult[];
}

export interface CaseResult {
  readonly name: string;
  readonly load: string;
  readonly unit: string;
  readonly judgedBy?: Judgement;
  /** What grows from subject to subject, where they are points on an axis. */
  readonly axis?: string;
  readonly subjects: readonly SubjectResult[];
}

export interface SubjectResult {
  readonly name: string;
  readonly kind: SubjectKind;
  readonly about: string;
  readonly fairness?: string;
  /** What its rate counts, where that is not the case's. */
  readonly unit?: string;
  /** Where it is on the case's axis. */
  readonly at?: number;
  readonly rounds: readonly RoundResult[];
}

export interface RoundResult {
  /** When it began, in ms since its case did. */
  readonly at: number;
  readonly seconds: number;
  readonly count: number;
  readonly rate: number;
  readonly refused: number;
  readonly latencies: Readonly<Record<string, LatencyResult>>;
  /** Done in each slice of the time that was measured, a second; for the plot. */
  readonly slices: readonly number[];
  /** For a plot too. */
  readonly level?: Level;
  readonly cpu?: CpuSeconds;
  /** One that there is nothing to tell of is NaN, and null in the file. */
  readonly figures: Readonly<Record<string, number>>;
}

export interface LatencyResult {
  /** HdrHistogram, V2, compressed, base64; in microseconds. */
  readonly histogram: string;
  readonly count: number;
  /** In milliseconds. */
  readonly percentiles: Readonly<Record<PercentileName, number>>;
}

export const PERCENTILES = { p50: 50, p90: 90, p99: 99, "p99.9": 99.9, max: 100 } as const;
export type PercentileName = keyof typeof PERCENTILES;
