import type { Clock } from "../../platform/clock/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { explained } from "../remote/explained.ts";

const LOOK_AGAIN_MS = 50;
/** For what the server does in its own time: a webhook, a payment, a ticket. */
const OUTCOME_TIMEOUT_MS = 30_000;

export interface BuyIo {
  readonly print: (line: string) => void;
  readonly clock: Clock;
  /** Keeps the process alive meanwhile, as the clock's own timers do not. */
  readonly pause: (ms: number) => Promise<unknown>;
}

/** Tells what is done, each step with the time that it took. */
export class Steps {
  readonly #io: BuyIo;

  constructor(io: BuyIo) {
    this.#io = io;
  }

  heading(text: string): void {
    this.#io.print(`\n${text}`);
  }

  /**
   * @param what in the past tense, once it is done
   * @throws ExplainedError saying which step failed, and why
   */
  async do<Result>(what: string | ((result: Result) => string), work: () => Promise<Result>): Promise<Result> {
    const begun = this.#io.clock.monotonic();
    const result = await work().catch((error: unknown) => {
      throw explained(error);
    });
    this.#say(this.#io.clock.monotonic() - begun, typeof what === "string" ? what : what(result));
    return result;
  }

  /** Looks until there is something to see. @throws ExplainedError when it takes too long */
  async until<Seen>(what: string, look: () => Promise<Seen | undefined>): Promise<Seen> {
    const deadline = this.#io.clock.monotonic() + OUTCOME_TIMEOUT_MS;
    for (;;) {
      const seen = await look();
      if (seen !== undefined) return seen;
      if (this.#io.clock.monotonic() > deadline) {
        throw new ExplainedError(`After ${OUTCOME_TIMEOUT_MS / 1_000} s there was still no ${what}.`);
      }
      await this.#io.pause(LOOK_AGAIN_MS);
    }
  }

  #say(ms: number, text: string): void {
    this.#io.print(`${`${Math.round(ms)} ms`.padStart(9)}  ${text}`);
  }
}
