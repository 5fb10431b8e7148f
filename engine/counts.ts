/** What an engine has done since it started: of each shard that it has or had, and of all together as metrics. */
import { type Registry, sampledCounter } from "../platform/metrics/index.ts";

const HELP = {
  commits: "Rows committed",
  bytes: "Bytes of events committed",
  requests: "Requests answered by a commit",
} as const;
type Counted = keyof typeof HELP;
type Counts = Readonly<Record<Counted, number>>;

const NONE: Counts = { commits: 0, bytes: 0, requests: 0 };

export class EngineCounts {
  readonly #ofShard = new Map<number, Record<Counted, number>>();

  constructor(registry: Registry) {
    for (const [name, help] of Object.entries(HELP) as [Counted, string][]) {
      // The cast: Object.entries widens the keys.
      sampledCounter({ registry, name: `usher_engine_${name}_total`, help, read: () => this.total(name) });
    }
  }

  /** A row of the shard was committed. */
  committed(shard: number, bytes: number, requests: number): void {
    const counts = this.#ofShard.get(shard);
    if (counts === undefined) this.#ofShard.set(shard, { commits: 1, bytes, requests });
    else {
      counts.commits++;
      counts.bytes += bytes;
      counts.requests += requests;
    }
  }

  of(shard: number): Counts {
    return this.#ofShard.get(shard) ?? NONE;
  }

  total(name: Counted): number {
    let total = 0;
    for (const counts of this.#ofShard.values()) total += counts[name];
    return total;
  }
}
