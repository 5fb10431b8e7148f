/** Screens that show a hall in which nothing happens: the memory that each of them takes from the server, and whether it grows. */
import { setTimeout as pause } from "node:timers/promises";
import { guarded, spent, usageOf } from "../runner/measure.ts";
import type { Scenario, Subject } from "../runner/scenario.ts";
import { secondsOf } from "../runner/settings.ts";
import { usualConnections } from "../stage/machine-limits.ts";
import type { Stage } from "../stage/stage.ts";
import { ARENA } from "../stage/targets.ts";
import { residentBytesOf } from "../stage/usage.ts";
import { createAudience } from "./parts/audience.ts";
import { type StartTarget, subjectsOf } from "./parts/subjects.ts";

const VIEWERS = 10_000;
/** What the first ones make a server allocate is not theirs, and they take up what its start left free. */
const FIRST = 3_000;
const SETTLE_MS = 2_000;
const LOOK_EVERY_MS = 1_000;
const BYTES = "bytes a viewer";

export const kioskSoak: Scenario = {
  name: "kiosk-soak",
  about: "idle viewers: resident memory that each takes from the server, and what becomes of it over --seconds",
  cases({ settings }) {
    const first = Math.ceil((FIRST / (VIEWERS + FIRST)) * usualConnections(VIEWERS + FIRST).connections);
    const { connections: viewers, note } =
      settings.connections === undefined
        ? usualConnections(VIEWERS, first)
        : { connections: settings.connections, note: "" };
    return [
      {
        name: "idle viewers",
        load: `${viewers} idle viewers${note} of one hall of 20,000 seats, beside ${first} that came before, for ${secondsOf(settings)} s`,
        unit: "connections",
        judgedBy: { figure: BYTES, unit: "bytes a viewer", better: "less" },
        // What a round leaves behind in the heap, the next one would get for nothing.
        fresh: true,
        subjects: subjectsOf(
          "kiosk-soak",
          settings,
          [],
          (start) => (stage) => startSoak(start, stage, { viewers, first, seconds: secondsOf(settings) }),
        ),
      },
    ];
  },
};

interface Soak {
  readonly viewers: number;
  /** Who come before them. */
  readonly first: number;
  readonly seconds: number;
}

async function startSoak(startTarget: StartTarget, stage: Stage, soak: Soak): Promise<Subject> {
  const { viewers, seconds } = soak;
  const audience = createAudience(stage, viewers, soak.first);
  const first = createAudience(stage, soak.first);
  const target = await startTarget(stage, ARENA);
  const resident = (): number => residentBytesOf(target.pid) ?? Number.NaN;
  const pids = [...first.pids, ...audience.pids];
  const open = async (these: typeof audience): Promise<number> => {
    const times = await Promise.all(these.shares(target).map(({ load, options }) => load.open(options)));
    await pause(SETTLE_MS);
    return Math.max(...times);
  };
  return {
    round: () =>
      guarded(stage, async () => {
        await open(first);
        const before = resident();
        const ms = await open(audience);
        const opened = resident();
        const cpuBefore = usageOf(stage, target.pids, pids);
        const loads = [...first.loads, ...audience.loads];
        await Promise.all(loads.map((load) => load.mark()));
        const ofEach = (bytes: number): number => (bytes - before) / viewers;
        const values = [ofEach(opened)];
        for (let left = seconds; left > 0; left--) {
          await pause(LOOK_EVERY_MS);
          values.push(ofEach(resident()));
        }
        // Fails when a connection was lost meanwhile.
        await Promise.all(loads.map((load) => load.take()));
        const figures = {
          [BYTES]: ofEach(opened),
          "after the soak": values.at(-1) ?? Number.NaN,
          "connected/s": (viewers / ms) * 1_000,
        };
        const sample = { count: viewers, refused: 0, histograms: {}, slices: [], figures };
        const level = { name: `Resident ${BYTES}`, everyMs: LOOK_EVERY_MS, values };
        // Where nobody tells it, there is nothing to plot.
        const told = Number.isNaN(before) ? {} : { level };
        return { seconds, sample, ...told, cpu: spent(cpuBefore, usageOf(stage, target.pids, pids)) };
      }),
    async stop() {
      await first.stop();
      await audience.stop();
      await target.stop();
    },
  };
}
