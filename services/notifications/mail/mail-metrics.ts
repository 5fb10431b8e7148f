import type { Clock } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { inTime, lookedUpGauge, type Registry } from "../../../platform/metrics/index.ts";
import type { MailQueue } from "./mail-queue.ts";

interface Options {
  readonly registry: Registry;
  readonly queue: MailQueue;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How far mails are behind: while none can be sent they wait for days, before anybody finds one among the dead letters. */
export function addMailMetrics({ registry, queue, clock, log }: Options): void {
  const waiting = inTime({ clock, log }, () => queue.waiting());
  lookedUpGauge({
    registry,
    name: "usher_mails_waiting",
    help: "Mails that are still to be sent",
    read: async () => (await waiting())?.count,
  });
  lookedUpGauge({
    registry,
    name: "usher_mails_age_seconds",
    help: "Age of the oldest mail that is still to be sent and does not wait for its recipient alone",
    read: async () => (await waiting())?.ageSeconds,
  });
}
