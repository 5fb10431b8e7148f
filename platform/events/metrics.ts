import type { Pool } from "pg";
import { Counter, Gauge, type Registry } from "prom-client";
import { EVENT_NAMES } from "../../proto/index.ts";
import type { Clock } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { inTime, lookedUpGauge } from "../metrics/index.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { StartableEventStream } from "./event-stream.ts";
import { EventLog, type OutboxLag } from "./event-log.ts";

interface Options {
  readonly registry: Registry;
  readonly pool: Pool;
  readonly deadLetters: DeadLetters;
  readonly stream: Pick<StartableEventStream, "published" | "waiting">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * How far outboxes and consumers are behind, what was published and what was given up; looked up when somebody scrapes. What
 * PostgreSQL or JetStream does not say in time is left out, for nobody knows what it is then.
 */
export function addEventMetrics({ registry, pool, deadLetters, stream, clock, log }: Options): void {
  const eventLog = new EventLog(pool);
  const registers = [registry];
  const looking = { clock, log };

  const lags = inTime(looking, () => eventLog.lags());
  const addLagGauge = (name: string, help: string, valueOf: (lag: OutboxLag) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ["schema"],
      registers,
      async collect() {
        const found = await lags();
        this.reset();
        for (const lag of found ?? []) this.set({ schema: lag.schema }, valueOf(lag));
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
      // Each is there before the first: a rate is of what a count has grown by, and one that appears has not grown.
      for (const type of EVENT_NAMES) this.inc({ type }, stream.published.get(type) ?? 0);
    },
  });
  const waiting = inTime(looking, async () => stream.waiting?.());
  new Gauge({
    name: "usher_consumer_waiting",
    help: "Events that a consumer has yet to deal with, by the process that takes its events from JetStream",
    labelNames: ["consumer"],
    registers,
    async collect() {
      const found = await waiting();
      this.reset();
      for (const [consumer, count] of found ?? []) this.set({ consumer }, count);
    },
  });
  lookedUpGauge({
    registry,
    name: "usher_dead_letters",
    help: "Events that a consumer failed on too often and that nobody has replayed or discarded",
    read: inTime(looking, () => deadLetters.count()),
  });
}
