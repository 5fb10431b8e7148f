import { shardWork } from "../engine/shard.ts";
import type { Scenario } from "../runner/scenario.ts";
import { engineCase } from "./parts/engine-alone.ts";

export const shard: Scenario = {
  name: "shard",
  about: "commands a second of one shard with its journal in PostgreSQL, without an edge; beside one fsynced insert",
  cases: ({ settings }) => [
    engineCase(settings, {
      group: "shard",
      name: "alone",
      load: "one process, without an edge",
      work: [...shardWork(1, "").keys()],
      needsPostgres: true,
      limits: [...shardWork(1, "").keys()].filter((name) => name.startsWith("one fsynced insert")),
    }),
  ],
};
