/**
 * People who ask for pages at a fixed rate, whatever the server does, over connections that are kept alive; a request that finds all of them
 * busy waits for one. Latency counts from when a request was meant to begin; one that has no answer when the load is taken counts as long as it
 * has been under way. By Node's own HTTP client and not autocannon, whose rates are no open load (see `http-load.ts`), nor do its clients
 * send at a time that others choose.
 */
import { Agent, get } from "node:http";
import { BenchError, explain } from "../bench-error.ts";
import { Recorder, type Sample } from "./recorder.ts";

export interface PageLoadOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly connections: number;
  readonly perSecond: number;
  /** Asked for in turn, beginning anew after the last. Any status but 200 fails the load, since a server that refuses is done sooner. */
  readonly paths: readonly string[];
}

const DRAIN_MS = 10_000;

export class PageLoad {
  readonly #recorder = new Recorder();
  /** Those without an answer, and when each was meant to begin. */
  readonly #underWay = new Map<Promise<void>, number>();
  #options: PageLoadOptions | undefined;
  #agent = new Agent();
  #timer: NodeJS.Timeout | undefined;
  #failure: BenchError | undefined;

  open(options: PageLoadOptions): void {
    this.#options = options;
  }

  begin(): void {
    if (this.#options === undefined) throw new Error("the load was never opened");
    const { connections, perSecond, paths, url } = this.#options;
    // In turn, so that none is idle until the server closes it just as it is used; and new ones each time, since between two rounds they are.
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: "fifo" });
    const begun = performance.now();
    let next = 0;
    this.#recorder.mark();
    this.#timer = setInterval(() => {
      for (;;) {
        const meantAt = begun + (next * 1_000) / perSecond;
        if (meantAt > performance.now() || this.#failure !== undefined) return;
        const path = paths[next++ % paths.length] ?? "/";
        const asked: Promise<void> = this.#ask(url + path, meantAt).finally(() => this.#underWay.delete(asked));
        this.#underWay.set(asked, meantAt);
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
      [...this.#underWay.values()].map((meantAt) => now - meantAt),
    );
  }

  /** Once everything is answered. */
  async end(withinMs = DRAIN_MS): Promise<void> {
    clearInterval(this.#timer);
    let deadline: NodeJS.Timeout | undefined;
    const tooLate = new Promise<void>((resolve) => {
      deadline = setTimeout(() => {
        this.#failure ??= new BenchError("The server left requests unanswered.");
        resolve();
      }, withinMs);
    });
    await Promise.race([Promise.all(this.#underWay.keys()), tooLate]);
    clearTimeout(deadline);
    this.#agent.destroy();
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }

  #ask(url: string, meantAt: number): Promise<void> {
    return new Promise((resolve) => {
      const failed = (thrown: Error): void => {
        const error = explain(thrown);
        this.#failure ??=
          error instanceof BenchError ? error : new BenchError(`A request of the load failed: ${thrown.message}.`);
        resolve();
      };
      get(url, { agent: this.#agent }, (answer) => {
        const { statusCode } = answer;
        if (statusCode !== 200) {
          this.#failure ??= new BenchError(`GET ${url} was answered with ${statusCode} and not 200.`);
        }
        answer.once("error", failed);
        answer.once("end", () => {
          const now = performance.now();
          this.#recorder.record(now, now - meantAt);
          resolve();
        });
        answer.resume();
      }).once("error", failed);
    });
  }
}
