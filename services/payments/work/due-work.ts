import type { Clock } from "../../../platform/clock/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { Poller } from "../../../platform/poller/index.ts";
import type { PaymentMethod } from "../../../proto/services/index.ts";
import type { Agenda } from "../book/agenda.ts";
import { STEPS_AT_ONCE, SWEEP_EVERY_MS } from "../limits.ts";
import type { Stepper } from "./stepper.ts";
import type { SeenPayment } from "../tables.ts";

interface Options {
  readonly method: PaymentMethod;
  readonly agenda: Agenda;
  readonly stepper: Stepper;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Does what is due for the payments of one method. Its places are its own: a gateway that hangs keeps no other's waiting. */
export class DueWork {
  readonly #options: Options;
  readonly #poller: Poller;
  readonly #inFlight = new Set<Promise<void>>();

  constructor(options: Options) {
    const { clock, log } = options;
    this.#options = options;
    const what = "looking for payments that are due";
    this.#poller = new Poller({ what, everyMs: SWEEP_EVERY_MS, clock, log, work: () => this.#look() });
  }

  start(): void {
    this.#poller.start();
  }

  /** Settles when nothing is under way any more. */
  async stop(): Promise<void> {
    await this.#poller.stop();
    await Promise.all(this.#inFlight);
  }

  async #look(): Promise<boolean> {
    const { agenda, method } = this.#options;
    const free = STEPS_AT_ONCE - this.#inFlight.size;
    if (free === 0) return false;
    const due = await agenda.takeDue(method, free);
    for (const row of due) this.#begin(row);
    return due.length === free;
  }

  #begin(row: SeenPayment): void {
    const { stepper, log } = this.#options;
    const done = stepper
      .lookAgain(row)
      .catch((err) =>
        log.error({ err, payment: row.id }, "a payment that is due could not be looked at; it is tried again"),
      )
      .finally(() => {
        // More may have been due than there were places.
        if (this.#inFlight.size === STEPS_AT_ONCE) this.#poller.nudge();
        this.#inFlight.delete(done);
      });
    this.#inFlight.add(done);
  }
}
