/** Whole purchases over REST with the mock gateway, each by somebody new: what one costs, in time, statements and CPU. */
import { FRESH_WARM_UP_MS, measure, withFigures } from "../runner/measure.ts";
import type { Scenario, Subject } from "../runner/scenario.ts";
import { secondsOf } from "../runner/settings.ts";
import { statementsOf } from "../stage/databases.ts";
import type { Stage } from "../stage/stage.ts";
import { MULTIPLEX, startUsher } from "../stage/targets.ts";

const BUYERS = 20;

export const purchase: Scenario = {
  name: "purchase",
  about: "purchases a second over REST, from guest to confirmed booking; what each costs in statements and CPU",
  cases({ settings }) {
    const buyers = settings.connections ?? BUYERS;
    return [
      {
        name: "guest to confirmed",
        load: `closed loop, ${buyers} buyers one after another: come, hold 2 seats, book, pay, look until it is confirmed`,
        unit: "purchases",
        // What one round has bought, no other can: it begins with every seat free.
        fresh: true,
        subjects: [
          {
            name: "usher",
            kind: "usher",
            about: "Usher, everything in one process, mock gateway too",
            start: (stage) => startPurchases(stage, buyers, secondsOf(settings)),
          },
        ],
      },
    ];
  },
};

async function startPurchases(stage: Stage, buyers: number, seconds: number): Promise<Subject> {
  stage.countStatements();
  const databaseUrl = await stage.database();
  const target = await startUsher(stage, MULTIPLEX, { DATABASE_URL: databaseUrl });
  const { load, pid, stop } = stage.generator("purchases");
  const showtimes = target.showtimes.map(({ id }) => id);
  await load.open({ url: target.http, buyers, showtimes, seatsAShowtime: MULTIPLEX.seats });
  return {
    async round() {
      await load.begin();
      let statements = 0;
      const counted = {
        async mark() {
          statements = -(await statementsOf(databaseUrl));
          await load.mark();
        },
        async take() {
          const sample = await load.take();
          statements += await statementsOf(databaseUrl);
          return sample;
        },
      };
      const measured = await measure({
        stage,
        seconds,
        warmUpMs: FRESH_WARM_UP_MS,
        serverPids: target.pids,
        clientPids: [pid],
        loads: [counted],
        last: (ms) => load.last(ms),
      });
      await load.end();
      const { cpu, sample } = measured;
      const count = Math.max(1, sample.count);
      return withFigures(measured, {
        "statements a purchase": statements / count,
        "looks at a booking": (sample.figures["looks"] ?? 0) / count,
        ...(cpu !== undefined && {
          "server CPU ms a purchase": (cpu.server * 1_000) / count,
          "database CPU ms a purchase": (cpu.database * 1_000) / count,
        }),
      });
    },
    async stop() {
      await stop();
      await target.stop();
    },
  };
}
