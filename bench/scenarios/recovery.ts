import { recoveryWork } from "../engine/recovery.ts";
import type { Scenario } from "../runner/scenario.ts";
import { engineCase } from "./parts/engine-alone.ts";

export const recovery: Scenario = {
  name: "recovery",
  about: "events a second replayed from the journal, and a start with 10,000 showtimes",
  cases({ settings }) {
    const work = [...recoveryWork(1, "").keys()];
    return [
      engineCase(settings, {
        group: "recovery",
        name: "alone",
        load: "one process, without an edge",
        work,
        needsPostgres: true,
      }),
      engineCase(settings, {
        group: "recovery",
        name: "in a process that has just started",
        load: "the first time that it reads, without an edge",
        work,
        needsPostgres: true,
        isCold: true,
      }),
    ];
  },
};
