/**
 * Visitors who open a page at a fixed rate, whatever else the server does. Latency counts from when a visit was meant to begin; one that has no
 * answer when the load is taken counts as long as it has been under way.
 */
import { BenchError } from "../bench-error.ts";
import { ask } from "./json-http.ts";
import { Recorder, type Sample } from "./recorder.ts";

export interface VisitLoadOptions {
  /** Of the page, which is JSON. */
  readonly url: string;
  readonly perSecond: number;
}

export class VisitLoad {
  readonly #recorder = new Recorder();
  /** Those under way, and when each was meant to begin. */
  readonly #visits = new Map<Promise<void>, number>();
  #options: VisitLoadOptions | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failure: BenchError | undefined;

  open(options: VisitLoadOptions): void {
    this.#options = options;
  }

  begin(): void {
    if (this.#options === undefined) throw new Error("the load was never opened");
    const { url, perSecond } = this.#options;
    const begun = performance.now();
    let next = 0;
    this.#recorder.mark();
    this.#timer = setInterval(() => {
      for (;;) {
        const meantAt = begun + (next * 1_000) / perSecond;
        if (meantAt > performance.now()) return;
        next++;
        const visit: Promise<void> = this.#visit(url, meantAt).finally(() => this.#visits.delete(visit));
        this.#visits.set(visit, meantAt);
      }
    }, 1);
  }

  mark(): void {
    this.#recorder.mark();
  }

  take(): Sample {
    if (this.#failure !== undefined) throw this.#failure;
    const now = performance.now();
    return this.#recorder.take(
      {},
      [...this.#visits.values()].map((meantAt) => now - meantAt),
    );
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#visits.keys());
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #visit(url: string, meantAt: number): Promise<void> {
    try {
      await ask("GET", url);
      const now = performance.now();
      this.#recorder.record(now, now - meantAt);
    } catch (error) {
      this.#failure ??= error instanceof BenchError ? error : new BenchError(String(error), { cause: error });
    }
  }
}
