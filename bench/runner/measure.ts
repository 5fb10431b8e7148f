/** One round: load, a while to warm up, and a stretch of time in which all is counted. */
import { setTimeout as pause } from "node:timers/promises";
import type { Sample } from "../load/recorder.ts";
import { mergeHistograms, encodeHistogram } from "../load/recorder.ts";
import type { Stage } from "../stage/stage.ts";
import { cpuSecondsOf, cpuSecondsOfAll } from "../stage/usage.ts";
import type { CpuSeconds, Measured } from "./scenario.ts";

const WARM_UP_MS = 1_000;
/** For servers that are new in each round: until V8 has compiled what they do. */
export const FRESH_WARM_UP_MS = 4_000;
/** How long a server that has died may take to be found dead. */
const LAST_WORDS_MS = 500;

/** What a round needs of a generator that is under load. */
export interface Marked {
  mark(): Promise<void>;
  take(): Promise<Sample>;
}

export interface Watched {
  readonly stage: Stage;
  readonly seconds: number;
  readonly warmUpMs?: number;
  /** The processes of the server. */
  readonly serverPids: readonly number[];
  /** The same by their role, where roles are processes of their own. */
  readonly roles?: Readonly<Record<string, readonly number[]>> | undefined;
  readonly clientPids: readonly number[];
  /** Whose samples count; they must have begun. */
  readonly loads: readonly Marked[];
  /** Resolves after so many ms, or once the load has nothing left to do; it sleeps if it is left out. */
  readonly last?: (ms: number) => Promise<void>;
}

export async function measure(watched: Watched): Promise<Measured> {
  const { stage, seconds, warmUpMs = WARM_UP_MS, serverPids, roles = {}, clientPids, loads, last = pause } = watched;
  const rolesUsage = (): Record<string, number[]> =>
    mapValues(roles, (pids) => pids.map((pid) => cpuSecondsOf(pid) ?? Number.NaN));
  const usage = (): CpuSeconds | undefined => usageOf(stage, serverPids, clientPids);
  return guarded(stage, async () => {
    await pause(warmUpMs);
    await Promise.all(loads.map((load) => load.mark()));
    const begun = performance.now(); // As long after the mark as the end is after what is taken: to ask who used what may take a while.
    const before = usage();
    const rolesBefore = rolesUsage();
    await last(seconds * 1_000);
    const samples = await Promise.all(loads.map((load) => load.take()));
    const elapsed = (performance.now() - begun) / 1_000;
    const after = usage();
    const spentByRole = mapValues(rolesUsage(), (used, role) =>
      used.map((seconds, index) => seconds - (rolesBefore[role]?.[index] ?? 0)),
    );
    return { seconds: elapsed, sample: merge(samples), cpu: spent(before, after), roles: spentByRole };
  });
}

/** The work, unless a server dies meanwhile: then its last words, also where the load notices first that it is gone. */
export async function guarded<Result>(stage: Stage, work: () => Promise<Result>): Promise<Result> {
  try {
    return await Promise.race([work(), stage.death]);
  } catch (error) {
    await Promise.race([stage.death, pause(LAST_WORDS_MS)]);
    throw error;
  }
}

export function usageOf(
  stage: Stage,
  serverPids: readonly number[],
  clientPids: readonly number[],
): CpuSeconds | undefined {
  const server = cpuSecondsOfAll(serverPids);
  const clients = clientPids.map((pid) => cpuSecondsOf(pid) ?? 0);
  if (server === undefined) return undefined;
  return { server, client: sumOf(clients), clients, database: stage.databaseCpuSeconds() ?? Number.NaN };
}

export function spent(before: CpuSeconds | undefined, after: CpuSeconds | undefined): CpuSeconds | undefined {
  if (before === undefined || after === undefined) return undefined;
  return {
    server: after.server - before.server,
    client: after.client - before.client,
    ...(after.clients !== undefined && {
      clients: after.clients.map((used, index) => used - (before.clients?.[index] ?? 0)),
    }),
    database: after.database - before.database,
  };
}

/** What was done a CPU second of the server: it says more than the rate where others use the machine too. */
export const perServerCpu = ({ sample, cpu }: Measured): Record<string, number> =>
  cpu === undefined || cpu.server === 0 ? {} : { "done a server CPU s": sample.count / cpu.server };

/** What each role spent on a thousand of what was done, where roles are processes of their own. */
export const perRoleCpu = ({ sample: { count }, roles = {} }: Measured): Record<string, number> =>
  Object.fromEntries(
    Object.entries(roles).map(([role, used]) => [`${role}, CPU ms a 1,000`, (sumOf(used) * 1_000_000) / count]),
  );

/** How many cores each role kept busy, where roles are processes of their own. */
export const coresByRole = ({ seconds, roles = {} }: Measured): Record<string, number> =>
  Object.fromEntries(Object.entries(roles).map(([role, used]) => [`${role}, CPU s/s`, sumOf(used) / seconds]));

export const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** The sample with other figures. */
export const withFigures = (measured: Measured, figures: Readonly<Record<string, number>>): Measured => ({
  ...measured,
  sample: { ...measured.sample, figures },
});

/** What several processes counted at once, as if one had. */
export function merge(samples: readonly Sample[]): Sample {
  const [first] = samples;
  if (first === undefined || samples.length === 1) return first ?? EMPTY;
  const sum = (of: (sample: Sample) => number): number => samples.reduce((total, sample) => total + of(sample), 0);
  const names = Object.keys(first.histograms);
  return {
    count: sum((sample) => sample.count),
    refused: sum((sample) => sample.refused),
    histograms: Object.fromEntries(
      names.map((name) => [
        name,
        encodeHistogram(mergeHistograms(samples.map(({ histograms }) => histograms[name] ?? ""))),
      ]),
    ),
    // Only what all of them have counted in whole: half a sum would look like a dip.
    slices: Array.from({ length: Math.min(...samples.map(({ slices }) => slices.length)) }, (_, slice) =>
      sum((sample) => sample.slices[slice] ?? 0),
    ),
    figures: Object.fromEntries(
      Object.keys(first.figures).map((name) => [name, sum(({ figures }) => figures[name] ?? 0)]),
    ),
  };
}

const EMPTY: Sample = { count: 0, refused: 0, histograms: {}, slices: [], figures: {} };

const mapValues = <From, To>(
  values: Readonly<Record<string, From>>,
  to: (value: From, key: string) => To,
): Record<string, To> => Object.fromEntries(Object.entries(values).map(([key, value]) => [key, to(value, key)]));
