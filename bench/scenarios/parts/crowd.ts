/** Buyers in as many processes as the machine has cores for: where it has enough, it is the server that is measured and not who asks it. */
import { availableParallelism } from "node:os";
import type { CommandLoadOptions, Pace } from "../../load/command-load.ts";
import type { Marked } from "../../runner/measure.ts";
import { requireConnections } from "../../stage/machine-limits.ts";
import type { Stage } from "../../stage/stage.ts";

const PROCESSES_MAX = 4;

/** One core is the server's. */
export const processesFor = (cores: number): number => Math.max(1, Math.min(PROCESSES_MAX, cores - 1));

export interface Crowd {
  readonly pids: readonly number[];
  readonly loads: readonly Marked[];
  /** @param options of all buyers together */
  open(options: Omit<CommandLoadOptions, "connections" | "among">): Promise<void>;
  /** @param pace of all buyers together */
  begin(pace: Pace): Promise<void>;
  /** Waits for what is in flight, and leaves nothing held and nobody connected. */
  end(): Promise<void>;
  stop(): Promise<void>;
}

/** @throws BenchError when this machine cannot have so many */
export function createCrowd(
  stage: Stage,
  connections: number,
  processes = processesFor(availableParallelism()),
): Crowd {
  requireConnections(connections);
  const share = Math.ceil(connections / processes);
  const generators = Array.from({ length: Math.ceil(connections / share) }, (_, index) => ({
    ...stage.generator("commands"),
    first: index * share,
    connections: Math.min(share, connections - index * share),
  }));
  const all = async (work: (generator: (typeof generators)[number]) => Promise<unknown>): Promise<void> =>
    void (await Promise.all(generators.map(work)));
  return {
    pids: generators.map(({ pid }) => pid),
    loads: generators.map(({ load }) => load),
    open: (options) =>
      all(({ load, first, connections: own }) =>
        load.open({
          ...options,
          tokens: options.tokens.slice(first, first + own),
          connections: own,
          among: { first, all: connections },
        }),
      ),
    begin: (pace) =>
      all(({ load, connections: own }) =>
        load.begin(pace.kind === "open" ? { ...pace, perSecond: (pace.perSecond * own) / connections } : pace),
      ),
    async end() {
      await all(({ load }) => load.end());
      await all(({ load }) => load.close());
    },
    stop: () => all((generator) => generator.stop()),
  };
}
