import type { Pool } from "pg";
import { Counter, Gauge, type Registry } from "prom-client";
import type { Logger } from "../log/index.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { StartableEventStream } from "./event-stream.ts";
import { EventLog, type OutboxLag } from "./event-log.ts";

interface Options {
  readonly registry: Registry;
  readonly pool: Pool;
  readonly deadLetters: DeadLetters;
  readonly stream: Pick<StartableEventStream, "published">;
  readonly log: Logger;
}

/** How far the outboxes are behind, what was published and what was given up; looked up when somebody scrapes. */
export function addEventMetrics({ registry, pool, deadLetters, stream, log }: Options): void {
  const eventLog = new EventLog(pool);
  const registers = [registry];

  /** PostgreSQL may be away, and then the other metrics matter all the more: the gauge keeps what it had. */
  const unlessAway = async (look: () => Promise<void>): Promise<void> => {
    try {
      await look();
    } catch (err) {
      log.debug({ err }, "the outboxes could not be measured");
    }
  };

  const addLagGauge = (name: string, help: string, valueOf: (lag: OutboxLag) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ["schema"],
      registers,
      collect() {
        return unlessAway(async () => {
          for (const lag of await eventLog.lags()) this.set({ schema: lag.schema }, valueOf(lag));
        });
      },
    });
  };
  addLagGauge("usher_outbox_rows", "Events that are still to be published", ({ rows }) => rows);
  addLagGauge(
    "usher_outbox_age_seconds",
    "Age of the oldest event that is still to be published",
    ({ ageSeconds }) => ageSeconds,
  );

  new Counter({
    name: "usher_events_published_total",
    help: "Events that this process has published",
    labelNames: ["type"],
    registers,
    collect() {
      this.reset();
      for (const [type, count] of stream.published) this.inc({ type }, count);
    },
  });
  new Gauge({
    name: "usher_dead_letters",
    help: "Events that a consumer failed on too often and that nobody has replayed or discarded",
    registers,
    collect() {
      return unlessAway(async () => this.set(await deadLetters.count()));
    },
  });
}
