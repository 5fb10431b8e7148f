import type { FastifyInstance } from "fastify";
import { type Clock, Wakeable, within } from "../../clock/index.ts";
import { BALANCER_ASKS_WITHIN_MS, BALANCER_TOLD_TIMES, DRAINED_WITHIN_MS } from "../limits.ts";
import type { UntilAnswered } from "./handler-deadline.ts";

declare module "fastify" {
  interface FastifyInstance {
    /**
     * Before `close`, while the port is still open: tells whoever balances to send nothing new, and finishes what there is, for
     * `DRAINED_WITHIN_MS`. A balancer that finds the port closed takes the server for dead, and ends its requests. (Fastify gives its
     * hooks at closing ten seconds, so it is none.)
     */
    drain(): Promise<void>;
  }
}

/** What a balancer asks, and when it has heard the answer. */
export class Closing {
  readonly #clock: Clock;
  readonly #told: Wakeable;
  #isClosing = false;
  #askedAt = -Infinity;
  #timesTold = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#told = new Wakeable(clock);
  }

  /** For a balancer: whether to send nothing new. */
  ask(): boolean {
    this.#askedAt = this.#clock.monotonic();
    if (this.#isClosing && ++this.#timesTold === BALANCER_TOLD_TIMES) this.#told.wake();
    return this.#isClosing;
  }

  addTo(app: FastifyInstance, untilAnswered: UntilAnswered): void {
    app.decorate("drain", async () => {
      this.#isClosing = true;
      const drained = this.#untilTold().then(untilAnswered);
      await within(this.#clock, DRAINED_WITHIN_MS, drained, () => undefined);
    });
    app.addHook("preClose", (done) => {
      this.#isClosing = true;
      done();
    });
    // A connection that was in use when the idle ones were closed ends with its answer: else it would stay for as long as it may be idle.
    app.addHook("onSend", (_request, reply, _payload, done) => {
      if (this.#isClosing) void reply.header("connection", "close");
      done();
    });
  }

  /** Where no balancer has asked of late there is none, and one that asks no more is not waited for. */
  async #untilTold(): Promise<void> {
    if (this.#clock.monotonic() - this.#askedAt <= BALANCER_ASKS_WITHIN_MS)
      await this.#told.wait(BALANCER_ASKS_WITHIN_MS);
  }
}
