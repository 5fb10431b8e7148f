import type { Pool } from "pg";
import { Counter, Gauge, type Registry } from "prom-client";
import { type Clock, within } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { StartableEventStream } from "./event-stream.ts";
import { EventLog, type OutboxLag } from "./event-log.ts";
import { METRICS_LOOK_MS } from "./limits.ts";

interface Options {
  readonly registry: Registry;
  readonly pool: Pool;
  readonly deadLetters: DeadLetters;
  readonly stream: Pick<StartableEventStream, "published" | "waiting">;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * How far outboxes and consumers are behind, what was published and what was given up; looked up when somebody scrapes. While PostgreSQL or
 * JetStream does not answer, the other metrics matter all the more: those that it knows are left out then, for nobody knows what they are.
 */
export function addEventMetrics({ registry, pool, deadLetters, stream, clock, log }: Options): void {
  const eventLog = new EventLog(pool);
  const registers = [registry];

  /** What `look` finds, undefined where it takes too long. One that hangs is joined: scrapes are to fill no pool. */
  const inTime = <Found>(look: () => Promise<Found>): (() => Promise<Found | undefined>) => {
    let underWay: Promise<Found | undefined> | undefined;
    const ask = async (): Promise<Found | undefined> => {
      try {
        return await look();
      } catch (err) {
        log.debug({ err }, "events could not be counted");
        return undefined;
      } finally {
        underWay = undefined;
      }
    };
    return () => within(clock, METRICS_LOOK_MS, (underWay ??= ask()), () => undefined);
  };

  const lags = inTime(() => eventLog.lags());
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
      for (const [type, count] of stream.published) this.inc({ type }, count);
    },
  });
  const waiting = inTime(async () => stream.waiting?.());
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
  const dead = inTime(() => deadLetters.count());
  new Gauge({
    name: "usher_dead_letters",
    help: "Events that a consumer failed on too often and that nobody has replayed or discarded",
    registers,
    async collect() {
      const count = await dead();
      if (count === undefined) this.remove();
      else this.set(count);
    },
  });
}
