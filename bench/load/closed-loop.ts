/** Closed-loop load: every connection keeps so many commands in flight, and sends the next when one is answered. */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";

export interface Lane {
  /** Sends one command; its answer is told to `answered` with the same number. */
  send(number: number): void;
}

export interface ClosedLoopResult {
  readonly perSecond: number;
  /** Microseconds from sending to answer. */
  readonly latency: RecordableHistogram;
}

interface Pending {
  sentAt: Float64Array;
}

/**
 * `connect` opens the lanes and is given what to call for each answer. Runs for `seconds`, after a second of warming up that does not count.
 * There is no coordinated omission to correct: the load is closed, and says so.
 */
export class ClosedLoop {
  readonly #lanes: Lane[] = [];
  readonly #pending: Pending[] = [];
  readonly #inFlight: number;
  #histogram = createHistogram();
  #answered = 0;
  #running = false;

  constructor(inFlight: number) {
    this.#inFlight = inFlight;
  }

  add(lane: Lane): number {
    this.#pending.push({ sentAt: new Float64Array(this.#inFlight) });
    return this.#lanes.push(lane) - 1;
  }

  /** To be called by lane `index` when the command with this number is answered. */
  answered(index: number, number: number): void {
    const pending = this.#pending[index];
    if (pending === undefined) return;
    const micros = (performance.now() - (pending.sentAt[number] ?? 0)) * 1_000;
    this.#histogram.record(Math.max(1, Math.round(micros)));
    this.#answered++;
    if (this.#running) this.#send(index, number);
  }

  async run(seconds: number): Promise<ClosedLoopResult> {
    this.#running = true;
    for (let index = 0; index < this.#lanes.length; index++) {
      for (let number = 0; number < this.#inFlight; number++) this.#send(index, number);
    }
    await sleep(1_000);
    this.#histogram = createHistogram();
    this.#answered = 0;
    const begun = performance.now();
    await sleep(seconds * 1_000);
    const perSecond = this.#answered / ((performance.now() - begun) / 1_000);
    const latency = this.#histogram;
    this.#running = false;
    this.#histogram = createHistogram();
    await sleep(300); // What is still in flight comes in, and is not counted.
    return { perSecond, latency };
  }

  #send(index: number, number: number): void {
    const pending = this.#pending[index];
    if (pending === undefined) return;
    pending.sentAt[number] = performance.now();
    this.#lanes[index]?.send(number);
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));
