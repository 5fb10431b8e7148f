/** Viewers in as many processes as they need. */
import type { Remote } from "../../load/remote.ts";
import type { ViewerLoad, ViewerLoadOptions } from "../../load/viewer-load.ts";
import { requireConnections } from "../../stage/machine-limits.ts";
import type { Stage } from "../../stage/stage.ts";
import type { Target } from "../../stage/targets.ts";
import { BenchError } from "../../bench-error.ts";

/** So many that one process still reads them without falling behind, and within the file descriptors of most machines. */
const VIEWERS_A_PROCESS = 10_000;

interface Share {
  readonly load: Remote<ViewerLoad>["load"];
  readonly options: ViewerLoadOptions;
}

export interface Audience {
  readonly pids: readonly number[];
  readonly loads: readonly Remote<ViewerLoad>["load"][];
  /** Each process with the viewers that are its own. */
  shares(target: Target, slow?: number): readonly Share[];
  stop(): Promise<void>;
}

/**
 * @param others connections that the server has beside them
 * @throws BenchError when this machine cannot have so many
 */
export function createAudience(stage: Stage, viewers: number, others = 0): Audience {
  const processes = Math.ceil(viewers / VIEWERS_A_PROCESS);
  requireConnections(viewers, others);
  const generators = Array.from({ length: processes }, () => stage.generator("viewers"));
  const share = Math.ceil(viewers / processes);
  return {
    pids: generators.map(({ pid }) => pid),
    loads: generators.map(({ load }) => load),
    shares({ dialect, port, showtimes }, slow = 0) {
      const [showtime] = showtimes;
      if (showtime === undefined) throw new BenchError("There is no showtime to watch.");
      return generators.map(({ load }, index) => ({
        load,
        options: {
          dialect,
          port,
          showtime,
          allViewers: viewers,
          firstIndex: index * share,
          viewers: Math.min(share, viewers - index * share),
          slow: Math.round(slow / processes),
        },
      }));
    },
    async stop() {
      await Promise.all(generators.map((generator) => generator.stop()));
    },
  };
}
