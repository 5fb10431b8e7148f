/** The engine without its edge, in a process of its own: a case whose subjects are pieces of work. */
import type { EngineLoadOptions } from "../engine/engine-load.ts";
import { guarded } from "../runner/measure.ts";
import type { Case, SubjectPlan } from "../runner/scenario.ts";
import { secondsOf, type Settings } from "../runner/settings.ts";

interface EngineCase {
  readonly group: EngineLoadOptions["group"];
  readonly name: string;
  readonly load: string;
  readonly work: readonly string[];
  readonly needsPostgres: boolean;
  /** Limits among the work. */
  readonly limits?: readonly string[];
}

export function engineCase(
  settings: Settings,
  { group, name, load, work, needsPostgres, limits = [] }: EngineCase,
): Case {
  return {
    name,
    load,
    unit: "operations",
    subjects: work.map((title): SubjectPlan => ({
      name: title,
      kind: limits.includes(title) ? "limit" : "usher",
      about: "On one thread, everything made before the clock starts",
      async start(stage) {
        const generator = stage.generator("engine");
        const databaseUrl = needsPostgres ? { databaseUrl: await stage.database() } : {};
        await generator.load.open({ group, work: title, share: 1, ...databaseUrl });
        return {
          round: () =>
            guarded(stage, async () => {
              const database = stage.databaseCpuSeconds() ?? 0;
              const { seconds: busy, cpuSeconds, sample } = await generator.load.round(secondsOf(settings, 1));
              const cpu = { server: cpuSeconds, client: 0, database: (stage.databaseCpuSeconds() ?? 0) - database };
              return { seconds: busy, sample, cpu };
            }),
          async stop() {
            await generator.load.close();
            await generator.stop();
          },
        };
      },
    })),
  };
}
