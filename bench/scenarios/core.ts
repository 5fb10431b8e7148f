import { coreWork } from "../engine/core.ts";
import type { Scenario } from "../runner/scenario.ts";
import { engineCase } from "./parts/engine-alone.ts";

export const core: Scenario = {
  name: "core",
  about: "decisions a second of the engine's core, replay, best available, snapshots; no journal, no socket",
  cases: ({ settings }) => [
    engineCase(settings, {
      group: "core",
      name: "alone",
      load: "one process, without an edge",
      work: [...coreWork(1).keys()],
      needsPostgres: false,
    }),
  ],
};
