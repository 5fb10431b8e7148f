/** Runs the engine alone in a process of its own, driven as a load generator is. */
import { createHistogram, encodeHistogram, microseconds, type Sample } from "../load/recorder.ts";
import { BusySlices } from "./busy-slices.ts";
import { coreWork, hallWork } from "./core.ts";
import { recoveryWork } from "./recovery.ts";
import { shardWork } from "./shard.ts";
import type { Work } from "./work.ts";

export interface EngineLoadOptions {
  readonly group: "core" | "halls" | "shard" | "recovery";
  readonly work: string;
  /** Share of the usual size, above 0. */
  readonly share: number;
  /** An empty database, where the work needs one. */
  readonly databaseUrl?: string;
  /** The database has what the work needs; else it is made first. */
  readonly isWritten?: boolean;
  /** The first go is the one to measure, as the compiler meets it. */
  readonly isCold?: boolean;
}

/** The engine's part of a round. */
export interface EngineRound {
  readonly seconds: number;
  /** By the garbage collector's threads too. */
  readonly cpuSeconds: number;
  readonly sample: Sample;
}

/** At least, before it is measured. */
const WARM_UP_GOES = 3;
/** Warm-up of work of the usual size. */
const WARM_UP_MS = 2_000;

const ignored = (): void => undefined;

export class EngineLoad {
  #work: Work | undefined;

  /** Makes what it needs, and runs it until the compiler has seen it, unless it is to be cold. */
  async open(options: EngineLoadOptions): Promise<void> {
    const { group, work, share, databaseUrl = "", isWritten = false, isCold = false } = options;
    const groups = {
      core: () => coreWork(share),
      halls: () => hallWork(share),
      shard: () => shardWork(share, databaseUrl),
      recovery: () => recoveryWork(share, databaseUrl, isWritten),
    };
    this.#work = groups[group]().get(work);
    if (this.#work === undefined) throw new Error(`no work ${work}`);
    if (isCold) return void (await this.#work.prepare());
    const until = performance.now() + WARM_UP_MS * share;
    for (let go = 0; go < WARM_UP_GOES || performance.now() < until; go++) await (await this.#work.prepare())(ignored);
  }

  /** As many goes as fill the time, one at least. */
  async round(seconds: number): Promise<EngineRound> {
    const work = this.#work;
    if (work === undefined) throw new Error("the load was never opened");
    const goes = createHistogram();
    let busy = 0;
    let cpu = 0;
    let count = 0;
    const slices = new BusySlices();
    do {
      const go = await work.prepare();
      const cpuBefore = process.cpuUsage();
      const begun = performance.now();
      let told = 0;
      await go((operations) => {
        told += operations;
        slices.doneAt(busy * 1_000 + performance.now() - begun, operations);
      });
      const ms = performance.now() - begun;
      slices.doneWithin(busy * 1_000, ms, work.count - told);
      const { user, system } = process.cpuUsage(cpuBefore);
      goes.recordValue(microseconds(ms));
      busy += ms / 1_000;
      cpu += (user + system) / 1e6;
      count += work.count;
    } while (busy < seconds);
    const figures = { "a CPU second": count / cpu, "ms a go": (busy * 1_000) / goes.totalCount };
    return {
      seconds: busy,
      cpuSeconds: cpu,
      sample: {
        count,
        refused: 0,
        histograms: { go: encodeHistogram(goes) },
        slices: slices.whole(busy * 1_000),
        figures,
      },
    };
  }

  async close(): Promise<void> {
    await this.#work?.close?.();
  }
}
