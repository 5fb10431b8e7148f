/** What was done in each slice of the time in which goes were under way; what is made between them takes none of it. */
import { SLICE_MS } from "../load/recorder.ts";

export class BusySlices {
  readonly #slices: number[] = [];

  /** @param ms of the time, when they were done */
  doneAt(ms: number, operations: number): void {
    const slice = Math.floor(ms / SLICE_MS);
    this.#slices[slice] = (this.#slices[slice] ?? 0) + operations;
  }

  /** Somewhere within the `ms` from `from`, so evenly, as far as anybody knows. */
  doneWithin(from: number, ms: number, operations: number): void {
    if (operations === 0) return;
    const end = from + ms;
    for (let begin = from; begin < end;) {
      const until = Math.min(end, (Math.floor(begin / SLICE_MS) + 1) * SLICE_MS);
      this.doneAt(begin, (operations * (until - begin)) / ms);
      begin = until;
    }
  }

  /** Those that are over after so many ms. */
  whole(ms: number): number[] {
    return Array.from({ length: Math.floor(ms / SLICE_MS) }, (_, slice) => this.#slices[slice] ?? 0);
  }
}
