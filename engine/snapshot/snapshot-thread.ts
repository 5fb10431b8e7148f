import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { LogLevel } from "../../platform/log/index.ts";
import type { SnapshotTaker } from "./snapshot-schedule.ts";

export interface SnapshotWorkerData {
  readonly connectionString: string;
  readonly logLevel: LogLevel;
}

/** Takes snapshots in a worker thread with its own connections; the thread is started with the first, and again after it died. */
export class SnapshotThread implements SnapshotTaker {
  readonly #script: URL;
  readonly #data: SnapshotWorkerData;
  #worker: Worker | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(script: URL, data: SnapshotWorkerData) {
    this.#script = script;
    this.#data = data;
  }

  /** One after another: the thread answers in order, and says no more than "done". */
  take(shard: number): Promise<void> {
    const taken = this.#last.then(() => this.#take(shard));
    this.#last = taken.catch(() => undefined);
    return taken;
  }

  async #take(shard: number): Promise<void> {
    const worker = (this.#worker ??= new Worker(this.#script, { workerData: this.#data }));
    worker.postMessage(shard);
    try {
      const [problem] = (await once(worker, "message")) as [string | undefined]; // What worker.ts posts.
      if (problem !== undefined) throw new Error(problem);
    } catch (error) {
      this.#worker = undefined;
      await worker.terminate();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }
}
