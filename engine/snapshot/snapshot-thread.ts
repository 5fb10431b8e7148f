import { on } from "node:events";
import { Worker } from "node:worker_threads";
import type { LogLevel } from "../../platform/log/index.ts";
import type { SnapshotTaker } from "./snapshot-schedule.ts";

export interface SnapshotWorkerData {
  readonly connectionString: string;
  readonly logLevel: LogLevel;
}

/** What the thread says: of each line that it logs its level, and of each snapshot whether it was taken. */
export type SnapshotAnswer =
  | { readonly type: "line"; readonly level: string }
  | { readonly type: "taken" }
  | { readonly type: "failed"; readonly problem: string };

/** Takes snapshots in a worker thread with its own connections; the thread is started with the first, and again after it died. */
export class SnapshotThread implements SnapshotTaker {
  readonly #script: URL;
  readonly #data: SnapshotWorkerData;
  readonly #onLine: (level: string) => void;
  #worker: Worker | undefined;
  #last: Promise<void> = Promise.resolve();

  /** @param onLine told of each line that the thread logs */
  constructor(script: URL, data: SnapshotWorkerData, onLine: (level: string) => void) {
    this.#script = script;
    this.#data = data;
    this.#onLine = onLine;
  }

  /** One after another: the thread answers in order, and does not say for which shard. */
  take(shard: number): Promise<void> {
    const taken = this.#last.then(() => this.#take(shard));
    this.#last = taken.catch(() => undefined);
    return taken;
  }

  async #take(shard: number): Promise<void> {
    const worker = (this.#worker ??= this.#start());
    worker.postMessage(shard);
    try {
      for await (const [answer] of on(worker, "message") as AsyncIterable<[SnapshotAnswer]>) {
        if (answer.type === "failed") throw new Error(answer.problem);
        if (answer.type === "taken") return;
      }
    } catch (error) {
      this.#worker = undefined;
      await worker.terminate();
      throw error;
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#script, { workerData: this.#data });
    return worker.on("message", (answer: SnapshotAnswer) => {
      if (answer.type === "line") this.#onLine(answer.level);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }
}
