import { setTimeout as pause } from "node:timers/promises";
import type { Booking } from "../../proto/rest/index.ts";
import type { Answer, HoldView, Rest } from "../support/rest.ts";

/** The server was gone, or had no time, and this buyer does not ask again. */
export class GaveUp extends Error {}

interface Options {
  readonly rest: Rest;
  readonly token: string;
  readonly name: string;
  /** Repeats what got no answer, with the same Idempotency-Key; others go home. */
  readonly persistent: boolean;
}

type Body = Readonly<Record<string, unknown>>;
const AGAIN_MS = 100;

/** Somebody at a browser, whose every request has a key. */
export class Buyer {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** @throws GaveUp, or an Error when an answer is not what it should be */
  async buy(showtime: string, seats: readonly number[], token = "tok_ok"): Promise<Booking> {
    const hold = await this.#post<HoldView>(`showtimes/${showtime}/holds`, { seats }, 201);
    const { id } = await this.#post<Booking>("bookings", { holdId: hold.holdId }, 201);
    await this.#post(`bookings/${id}/payments`, { method: "mock", token }, 202);
    return this.#until(id, ({ status }) => status !== "pending" && status !== "paying");
  }

  async cancel(id: string): Promise<Booking> {
    await this.#post(`bookings/${id}/cancel`, {}, 200);
    return this.#until(id, ({ status }) => status === "cancelled" || status === "refunded");
  }

  async #until(id: string, is: (booking: Booking) => boolean): Promise<Booking> {
    const { rest, token } = this.#options;
    for (;;) {
      const { body, status } = await this.#answer<Booking>(() => rest.get(`bookings/${id}`, { token }));
      if (status !== 200) throw new Error(`${this.#options.name}: its booking was answered with ${status}`);
      if (is(body)) return body;
      await pause(AGAIN_MS);
    }
  }

  async #post<Answered = Body>(path: string, body: object, expected: number): Promise<Answered> {
    const { rest, token, name } = this.#options;
    const headers = { "idempotency-key": `${name} ${path}`.replaceAll(" ", "-") };
    const answer = await this.#answer<Answered>(() => rest.post(path, { token, body, headers }));
    if (answer.status === expected) return answer.body;
    throw new Error(`${name}: POST ${path} was answered with ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  async #answer<Answered>(ask: () => Promise<Answer<Answered>>): Promise<Answer<Answered>> {
    for (;;) {
      const answer = await ask().catch(() => undefined);
      const again = answer === undefined || answer.status >= 500 || isInProgress(answer);
      if (!again) return answer;
      if (!this.#options.persistent) throw new GaveUp();
      await pause(AGAIN_MS);
    }
  }
}

const isInProgress = ({ status, body }: Answer<unknown>): boolean =>
  status === 409 && typeof body === "object" && body !== null && "code" in body && body.code === "IN_PROGRESS";
