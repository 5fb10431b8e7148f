/**
 * What buyers notice when an engine dies, and when one leaves by plan: how long each showtime that it had is without an answer. Two engines, an edge and
 * services as processes of their own, over a real NATS server.
 */
import { shardOf, showtimeId } from "../../proto/index.ts";
import { createHistogram, encodeHistogram, microseconds } from "../load/recorder.ts";
import { latencyOf } from "../runner/latency.ts";
import { guarded } from "../runner/measure.ts";
import type { Measured, Scenario, Subject } from "../runner/scenario.ts";
import { CLUSTER_PROGRAMS, SHARDS, startCluster } from "../stage/cluster.ts";
import type { StopHow } from "../stage/server-process.ts";
import type { Stage } from "../stage/stage.ts";
import { MULTIPLEX } from "../stage/targets.ts";

const SHOWTIMES = 20;
const COMMANDS_PER_SECOND = 1_000;
/** With five rounds: 50 in all. */
const KILLS_A_ROUND = 10;
const P99 = "p99 after a kill, ms";

export const takeover: Scenario = {
  name: "takeover",
  about: "engines are killed, or leave by plan, while seats are held: how long a showtime is without an answer",
  needs: CLUSTER_PROGRAMS,
  cases({ settings: { connections, rate, seconds } }) {
    const showtimes = Math.min(connections ?? SHOWTIMES, MULTIPLEX.showtimes);
    const perSecond = rate ?? COMMANDS_PER_SECOND;
    const often =
      seconds === undefined
        ? `${KILLS_A_ROUND} of each a round`
        : `as often as ${seconds} s a round allow, once at least`;
    return [
      {
        name: "two engines",
        load: `${perSecond} commands/s on ${showtimes} showtimes, each of which is asked no more while it does not answer; SIGKILL of one engine, then SIGTERM of the other, ${often}`,
        unit: "commands",
        judgedBy: { figure: P99, unit: "ms without an answer, p99", better: "less" },
        subjects: [
          {
            name: "usher",
            kind: "usher",
            about: "Two engines, an edge and services over NATS",
            start: (stage) => startTakeovers(stage, { showtimes, perSecond, seconds }),
          },
        ],
      },
    ];
  },
};

/**
 * The shards whose silence tells what an engine's end costs: of one that was killed, those that it had. What the one that comes in its place
 * is given is handed over by plan, so at a stop by plan both count.
 */
export const shardsThatSay = (
  how: StopHow,
  { before, after }: { readonly before: ReadonlySet<number>; readonly after: ReadonlySet<number> },
): ReadonlySet<number> => (how === "now" ? before : new Set([...before, ...after]));

interface Takeovers {
  readonly showtimes: number;
  readonly perSecond: number;
  readonly seconds: number | undefined;
}

async function startTakeovers(stage: Stage, { showtimes: count, perSecond, seconds }: Takeovers): Promise<Subject> {
  const cluster = await startCluster(stage, { showtimes: count, seats: MULTIPLEX.seats }, { engines: 2, edges: 1 });
  const { showtimes, port } = cluster;
  const { load, stop } = stage.generator("asking");
  await load.open({ port, showtimes, perSecond, tokens: await cluster.tokens(count) });
  const whereOf = async (engine: number): Promise<ReadonlySet<number>> =>
    (await cluster.whole()).get(cluster.roles.engine[engine] ?? 0) ?? new Set();

  /** One engine goes and another comes. @returns how long each showtime that tells of it was silent, and what failed meanwhile */
  const lose = async (engine: number, how: StopHow) => {
    const before = await whereOf(engine);
    await load.forget();
    await cluster.restartEngine(engine, how);
    const after = await whereOf(engine);
    const { ms, failed } = await load.silences();
    const counted = shardsThatSay(how, { before, after });
    const isCounted = showtimes.map(({ id }) => counted.has(shardOf(showtimeId(id), SHARDS)));
    return { silences: ms.filter((_, index) => isCounted[index]), failed };
  };

  return {
    round: () =>
      guarded(stage, async (): Promise<Measured> => {
        const killed = createHistogram();
        const handedOver = createHistogram();
        let goes = 0;
        let failedAfterKills = 0;
        let failedAtHandOvers = 0;
        await load.begin();
        await load.mark();
        const begun = performance.now();
        const elapsed = (): number => (performance.now() - begun) / 1_000;
        do {
          const kill = await lose(goes % 2, "now");
          const handOver = await lose((goes + 1) % 2, "cleanly");
          for (const ms of kill.silences) killed.recordValue(microseconds(ms));
          for (const ms of handOver.silences) handedOver.recordValue(microseconds(ms));
          failedAfterKills += kill.failed;
          failedAtHandOvers += handOver.failed;
          goes++;
        } while (seconds === undefined ? goes < KILLS_A_ROUND : elapsed() < seconds);
        const sample = await load.take();
        await load.end();
        const histograms = {
          ...sample.histograms,
          killed: encodeHistogram(killed),
          "handed over": encodeHistogram(handedOver),
        };
        return {
          seconds: elapsed(),
          cpu: undefined,
          sample: {
            ...sample,
            histograms,
            figures: {
              [P99]: latencyOf(histograms.killed).percentiles.p99,
              kills: goes,
              "failed commands after kills": failedAfterKills,
              "failed commands at hand-overs": failedAtHandOvers,
            },
          },
        };
      }),
    async stop() {
      await stop();
      await cluster.stop();
    },
  };
}
