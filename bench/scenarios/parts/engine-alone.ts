/** The engine without its edge, in a process of its own: a case whose subjects are pieces of work. */
import type { EngineLoadOptions } from "../../engine/engine-load.ts";
import { guarded } from "../../runner/measure.ts";
import type { Case, Measured, Subject, SubjectPlan } from "../../runner/scenario.ts";
import { secondsOf, type Settings } from "../../runner/settings.ts";
import type { Stage } from "../../stage/stage.ts";

interface EngineCase {
  readonly group: EngineLoadOptions["group"];
  readonly name: string;
  readonly load: string;
  readonly work: readonly string[];
  readonly needsPostgres: boolean;
  /** Each round is the first go of a process. */
  readonly isCold?: boolean;
  /** Limits among the work. */
  readonly limits?: readonly string[];
}

export function engineCase(
  settings: Settings,
  { group, name, load, work, needsPostgres, isCold = false, limits = [] }: EngineCase,
): Case {
  return {
    name,
    load,
    unit: "operations",
    subjects: work.map((title): SubjectPlan => ({
      name: title,
      kind: limits.includes(title) ? "limit" : "usher",
      about: "On one thread, everything made before the clock starts",
      unit: title.slice(title.lastIndexOf(": ") + 2),
      async start(stage) {
        const options = { group, work: title, share: 1, ...(needsPostgres && { databaseUrl: await stage.database() }) };
        return isCold ? startCold(stage, options) : startWarm(stage, options, secondsOf(settings, 1));
      },
    })),
  };
}

export async function startWarm(stage: Stage, options: EngineLoadOptions, seconds: number): Promise<Subject> {
  const engine = await openEngine(stage, options);
  return { round: () => engine.round(seconds), stop: () => engine.stop() };
}

/** What is to be read is written by one process, and read by another in each round. */
export async function startCold(stage: Stage, options: EngineLoadOptions): Promise<Subject> {
  const writer = await openEngine(stage, { ...options, isCold: true });
  await writer.stop();
  return {
    async round() {
      const engine = await openEngine(stage, { ...options, isCold: true, isWritten: true });
      const measured = await engine.round(0);
      await engine.stop();
      return measured;
    },
    stop: () => Promise.resolve(),
  };
}

/** A process with an engine that is ready to go. */
async function openEngine(stage: Stage, options: EngineLoadOptions) {
  const { load, stop } = stage.generator("engine");
  await load.open(options);
  return {
    /** @param seconds as many goes as fill them, one at least */
    round: (seconds: number): Promise<Measured> =>
      guarded(stage, async () => {
        const database = stage.databaseCpuSeconds() ?? 0;
        const { seconds: busy, cpuSeconds, sample } = await load.round(seconds);
        const cpu = { server: cpuSeconds, client: 0, database: (stage.databaseCpuSeconds() ?? 0) - database };
        return { seconds: busy, sample, cpu };
      }),
    async stop() {
      await load.close();
      await stop();
    },
  };
}
