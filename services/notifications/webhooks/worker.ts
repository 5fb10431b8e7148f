import type { Clock, Timer } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import type { AddressGuard } from "./address-guard.ts";
import type { Attempt, Deliveries } from "./deliveries.ts";
import { IN_FLIGHT_MAX, POLL_BACK_OFF_MAX_MS, POLL_MS, PRUNE_EVERY_MS, STOP_MS } from "./limits.ts";
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
  readonly #inFlight = new Set<Promise<void>>();
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = true;
  #waitMs = POLL_MS;
  #prunedAt = -Infinity;

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    this.#stopped = false;
    this.nudge();
  }

  /** Looks now, rather than at the next poll. */
  nudge(): void {
    if (this.#stopped) return;
    this.#again = true;
    this.#looking ??= this.#lookUntilNothing().finally(() => {
      this.#looking = undefined;
    });
  }

  /** Lets what is under way end, if it does so soon; else it is made again when its lease is over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
    const late = new Promise<void>((resolve) => void this.#options.clock.after(STOP_MS, resolve));
    await Promise.race([Promise.all(this.#inFlight), late]);
  }

  async #lookUntilNothing(): Promise<void> {
    this.#timer?.cancel();
    while (this.#again && !this.#stopped) {
      this.#again = false;
      await this.#look();
    }
    if (!this.#stopped) this.#timer = this.#options.clock.after(this.#waitMs, () => this.nudge());
  }

  async #look(): Promise<void> {
    const { deliveries, clock, log } = this.#options;
    try {
      const free = IN_FLIGHT_MAX - this.#inFlight.size;
      const attempts = free > 0 ? await deliveries.take(free) : [];
      for (const attempt of attempts) this.#begin(attempt);
      if (clock.monotonic() - this.#prunedAt >= PRUNE_EVERY_MS && (await deliveries.prune())) {
        this.#prunedAt = clock.monotonic();
      }
      this.#waitMs = POLL_MS;
    } catch (err) {
      log.warn({ err }, "webhooks cannot be looked after just now");
      this.#waitMs = Math.min(this.#waitMs * 2, POLL_BACK_OFF_MAX_MS);
    }
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
