import { Gauge, type Registry } from "prom-client";
import { type Clock, within } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { METRICS_LOOK_MS } from "./limits.ts";

/**
 * What `look` finds, undefined where it fails or takes too long. One that hangs is joined: scrapes are to fill no pool. While PostgreSQL or
 * JetStream does not answer, the other metrics matter all the more.
 */
export function inTime<Found>(
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  look: () => Promise<Found>,
): () => Promise<Found | undefined> {
  let underWay: Promise<Found | undefined> | undefined;
  const ask = async (): Promise<Found | undefined> => {
    try {
      return await look();
    } catch (err) {
      log.debug({ err }, "what a metric tells could not be looked up");
      return undefined;
    } finally {
      underWay = undefined;
    }
  };
  return () => within(clock, METRICS_LOOK_MS, (underWay ??= ask()), () => undefined);
}

interface LookedUp {
  readonly registry: Registry;
  readonly name: string;
  readonly help: string;
  /** Called at each scrape, which waits for it: give what `inTime` gives. */
  read(): Promise<number | undefined>;
}

/** A gauge of what others know. It is left out of a scrape that gets no value, for nobody knows what it is then. */
export function lookedUpGauge({ registry, name, help, read }: LookedUp): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      const value = await read();
      if (value === undefined) this.remove();
      else this.set(value);
    },
  });
}
