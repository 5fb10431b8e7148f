import { type Clock, within } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { Poller } from "../../../platform/poller/index.ts";
import type { AddressGuard } from "./address-guard.ts";
import type { Attempt, Deliveries } from "./deliveries.ts";
import { IN_FLIGHT_MAX, POLL_MS, PRUNE_EVERY_MS, STOP_MS } from "./limits.ts";
import { send } from "./send.ts";
import { signedHeaders } from "./signature.ts";

interface Options {
  readonly deliveries: Deliveries;
  readonly guard: AddressGuard;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Attempts what is due, in this process beside others. */
export class Worker {
  readonly #options: Options;
  readonly #attempting: Poller;
  readonly #pruning: Poller;
  readonly #inFlight = new Set<Promise<void>>();

  constructor(options: Options) {
    const { clock, log } = options;
    this.#options = options;
    this.#attempting = new Poller({
      clock,
      log,
      what: "looking after webhooks",
      everyMs: POLL_MS,
      work: () => this.#look(),
    });
    this.#pruning = new Poller({
      clock,
      log,
      what: "deleting old deliveries of webhooks",
      everyMs: PRUNE_EVERY_MS,
      work: () => options.deliveries.prune(),
    });
  }

  start(): void {
    this.#attempting.start();
    this.#pruning.start();
  }

  /** Looks now, rather than at the next poll. */
  nudge(): void {
    this.#attempting.nudge();
  }

  /** Lets what is under way end, if it does so soon; else it is made again when its lease is over. */
  async stop(): Promise<void> {
    await Promise.all([this.#attempting.stop(), this.#pruning.stop()]);
    await within(this.#options.clock, STOP_MS, Promise.all(this.#inFlight), () => undefined);
  }

  async #look(): Promise<boolean> {
    const free = IN_FLIGHT_MAX - this.#inFlight.size;
    if (free === 0) return false;
    const attempts = await this.#options.deliveries.take(free);
    for (const attempt of attempts) this.#begin(attempt);
    return attempts.length === free;
  }

  #begin(attempt: Attempt): void {
    const done = this.#attempt(attempt).finally(() => {
      this.#inFlight.delete(done);
      this.nudge(); // Its webhook may have more waiting.
    });
    this.#inFlight.add(done);
  }

  /** Never rejects: an attempt whose outcome cannot be written is made again when its lease is over. */
  async #attempt(attempt: Attempt): Promise<void> {
    const { deliveries, guard, clock, log } = this.#options;
    const { body, eventId, url, webhookId } = attempt;
    try {
      const at = new Date(clock.now());
      const headers = {
        "content-type": "application/cloudevents+json; charset=utf-8",
        "user-agent": "Usher-Webhooks/1",
        ...signedHeaders({ id: eventId, body, at, secrets: attempt.secrets }),
      };
      const outcome = await send({ url, headers, body, guard, clock });
      const disabled = await deliveries.settle(attempt, outcome);
      if (disabled !== undefined) log.warn({ webhook: webhookId, reason: disabled }, "a webhook was disabled");
    } catch (err) {
      log.warn({ err, webhook: webhookId, delivery: attempt.id }, "a webhook's attempt could not be written down");
    }
  }
}
