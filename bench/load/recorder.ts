/** What a load counts while it is measured: latencies in microseconds, and how many were done in each slice of time. */
import { build, decodeFromCompressedBase64, encodeIntoCompressedBase64, type Histogram } from "hdr-histogram-js";

/** Beyond this a latency is recorded as this. */
const LATENCY_MAX_US = 100_000_000;
export const SLICE_MS = 250;

export const createHistogram = (): Histogram =>
  build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: LATENCY_MAX_US,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    useWebAssembly: false,
  });

/** As HdrHistogram encodes it (V2, compressed), in base64. */
export const encodeHistogram = (histogram: Histogram): string => encodeIntoCompressedBase64(histogram);

/** Adds all up. */
export function mergeHistograms(encoded: readonly string[]): Histogram {
  const sum = createHistogram();
  for (const one of encoded) sum.add(decodeFromCompressedBase64(one, 32, false));
  return sum;
}

/** What a load reports of the time between `mark` and `take`. */
export interface Sample {
  /** What was done: commands answered, seat changes delivered, requests answered. */
  readonly count: number;
  readonly refused: number;
  /** Encoded; by what they measure. */
  readonly histograms: Readonly<Record<string, string>>;
  /** Done in each slice of `SLICE_MS`. */
  readonly slices: readonly number[];
  readonly figures: Readonly<Record<string, number>>;
}

export class Recorder {
  #histogram = createHistogram();
  #slices: number[] = [];
  #begun = 0;
  count = 0;
  refused = 0;

  /** Forgets what was before. */
  mark(): void {
    this.#histogram.reset();
    this.#slices = [];
    this.count = 0;
    this.refused = 0;
    this.#begun = performance.now();
  }

  /** `times` things were done at `now`, each after `ms`. */
  record(now: number, ms: number, times = 1): void {
    this.done(now, times);
    this.#histogram.recordValueWithCount(microseconds(ms), times);
  }

  done(now: number, times: number): void {
    this.count += times;
    const slice = Math.floor((now - this.#begun) / SLICE_MS);
    this.#slices[slice] = (this.#slices[slice] ?? 0) + times;
  }

  /** @param underWay for how many ms each has been under way that is not done yet: it counts among the latencies, and not as done */
  take(figures: Readonly<Record<string, number>> = {}, underWay: Iterable<number> = []): Sample {
    const latency = createHistogram();
    latency.add(this.#histogram);
    for (const ms of underWay) latency.recordValue(microseconds(ms));
    const whole = Math.floor((performance.now() - this.#begun) / SLICE_MS);
    return {
      count: this.count,
      refused: this.refused,
      histograms: { latency: encodeHistogram(latency) },
      slices: Array.from({ length: whole }, (_, slice) => this.#slices[slice] ?? 0),
      figures,
    };
  }
}

export const microseconds = (ms: number): number => Math.min(LATENCY_MAX_US, Math.max(1, Math.round(ms * 1_000)));
