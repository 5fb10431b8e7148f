/** Viewers who watch one showtime while buyers change it by a schedule: one round of it, for the scenarios that need it. */
import { BenchError } from "../../bench-error.ts";
import { UNANSWERED } from "../../load/command-load.ts";
import { monotonicNow } from "../../load/monotonic.ts";
import { coresByRole, guarded, type Marked, measure } from "../../runner/measure.ts";
import type { Measured, Subject } from "../../runner/scenario.ts";
import type { Stage } from "../../stage/stage.ts";
import { ARENA } from "../../stage/targets.ts";
import { residentBytesOf } from "../../stage/usage.ts";
import { latencyOf } from "../../runner/latency.ts";
import { createAudience } from "./audience.ts";
import { fillSlowOnes } from "./fill.ts";
import { lastViewersOf } from "./last-viewers.ts";
import type { StartTarget } from "./subjects.ts";

/** Buyers, and the seats that each holds and releases in turn: so many that a seat changes again only after many seconds. */
export const BUYERS = 40;
const SEATS_A_BUYER = 50;
const SEATS = BUYERS * SEATS_A_BUYER;
/** A seat has the same status again after 4 s, when nobody waits for the change before any more (see `ViewerLoad`). */
const CHANGES_PER_SECOND_MAX = SEATS / 2;
/** For a server that has fallen behind. */
const CATCH_UP_MS = 3_000;
/** Between the call and the first change. */
const HEAD_START_MS = 300;

export interface FanOut {
  readonly viewers: number;
  readonly changesPerSecond: number;
  readonly seconds: number;
  /** Viewers among them who read nothing while it is measured. With it, 0 too, the server's memory is told. */
  readonly slow?: number;
  readonly warmUpMs?: number;
}

export const JUDGED_BY_CPU = {
  figure: "seat changes a server CPU s",
  unit: "seat changes delivered a server CPU s",
  better: "more",
} as const;

export async function startFanOut(startTarget: StartTarget, stage: Stage, options: FanOut): Promise<Subject> {
  const { viewers, changesPerSecond, seconds, slow = 0, warmUpMs } = options;
  if (changesPerSecond > CHANGES_PER_SECOND_MAX) {
    throw new BenchError(
      `${changesPerSecond} changes/s come back to a seat before the last viewer may have seen it: ${CHANGES_PER_SECOND_MAX} at the most.`,
    );
  }
  const audience = createAudience(stage, viewers, BUYERS);
  const buyers = stage.generator("commands");
  let target = await startTarget(stage, ARENA);
  return {
    async round() {
      const { dialect, port, showtimes } = target;
      await guarded(stage, () =>
        Promise.all(audience.shares(target, slow).map(({ load, options: own }) => load.open(own))),
      );
      const resident = (): number => (residentBytesOf(target.pid) ?? Number.NaN) / 2 ** 20;
      const residentBefore = resident();
      const dropped = slow === 0 ? 0 : await guarded(stage, () => fillSlowOnes(target, audience, slow));
      const tokens = await target.tokens(BUYERS);
      const seats = { connections: BUYERS, slots: SEATS_A_BUYER, seatsAHold: 1 };
      await buyers.load.open({ dialect, port, showtimes, tokens, ...seats });
      const schedule = { startAt: monotonicNow() + HEAD_START_MS, perSecond: changesPerSecond };
      await Promise.all(audience.loads.map((load) => load.begin({ ...schedule, seats: SEATS })));
      await buyers.load.begin({ kind: "schedule", ...schedule });
      const measured = await measure({
        stage,
        seconds,
        ...(warmUpMs !== undefined && { warmUpMs }),
        serverPids: target.pids,
        roles: target.roles,
        clientPids: [...audience.pids, buyers.pid],
        loads: audience.loads.map((load, index) => (index === 0 ? alsoMarking(buyers.load, load) : load)),
      });
      const memory = { "server MB before": residentBefore, "server MB after": resident() };
      const { refused, histograms: held } = await buyers.load.take();
      // Before the slow ones read: they are not among those whom changes have to reach.
      const arrivals = await Promise.all(audience.loads.map((load) => load.end()));
      const resumed = slow === 0 ? [] : await Promise.all(audience.loads.map((load) => load.resume()));
      await Promise.all(audience.loads.map((load) => load.close()));
      const caughtUp = await buyers.load.end(CATCH_UP_MS).then(
        () => true,
        (error: unknown) => {
          if (error instanceof BenchError && error.message === UNANSWERED) return false;
          throw error;
        },
      );
      await buyers.load.close();
      if (!caughtUp) {
        // It would be at it for a long while; the next round gets a server that is not.
        await target.stop("now");
        target = await startTarget(stage, ARENA);
      }
      return described(
        { ...measured, sample: { ...measured.sample, refused } },
        held["latency"] ?? "",
        viewers - slow,
        lastViewersOf(arrivals),
        {
          "fell behind": caughtUp ? 0 : 1,
          ...coresByRole(measured),
          ...(options.slow !== undefined && memory),
          ...(slow > 0 && {
            "frames dropped": dropped,
            "slow ones served again, ms": Math.min(...resumed) < 0 ? Infinity : Math.max(...resumed),
          }),
        },
      );
    },
    async stop() {
      await audience.stop();
      await buyers.stop();
      await target.stop();
    },
  };
}

/** What the other counts is not counted with it, and is of the same time. */
const alsoMarking = (other: Pick<Marked, "mark">, load: Marked): Marked => ({
  mark: async () => void (await Promise.all([load.mark(), other.mark()])),
  take: () => load.take(),
});

function described(
  { seconds, sample, cpu }: Measured,
  changed: string,
  viewers: number,
  { histogram, late, missed }: ReturnType<typeof lastViewersOf>,
  others: Readonly<Record<string, number>>,
): Measured {
  const { frames = 0, bytes = 0, resynced = 0, repeated = 0 } = sample.figures;
  return {
    seconds,
    cpu,
    sample: {
      ...sample,
      // What a viewer has not seen yet is in none but the last.
      histograms: { delivered: sample.histograms["latency"] ?? "", changed, lastViewer: histogram },
      figures: {
        ...(cpu !== undefined &&
          cpu.server > 0 && {
            [JUDGED_BY_CPU.figure]: sample.count / cpu.server,
            "frames a server CPU s": frames / cpu.server,
          }),
        "frames/s a viewer": frames / seconds / viewers,
        "bytes a frame": frames === 0 ? 0 : bytes / frames,
        "changes not with all after 1 s": late,
        "changes that missed somebody": missed,
        "snapshots instead": resynced,
        "changes told twice": repeated,
        "p99 to the last viewer, ms": latencyOf(histogram).percentiles.p99,
        ...others,
      },
    },
  };
}
