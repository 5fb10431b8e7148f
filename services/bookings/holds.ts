/** Holds as REST and GraphQL have them, asked of the engine in the holder's name. */
import type { Bus } from "../../platform/bus/index.ts";
import type { Clock } from "../../platform/clock/index.ts";
import {
  type AnswerTo,
  type BookingId,
  type HoldId,
  isPlainId,
  isRefusal,
  parseHoldId,
  type Refusal,
  type RequestId,
  type RequestOf,
  type RequestType,
  type ShowtimeId,
  showtimeId,
} from "../../proto/index.ts";
import type { Hold, HoldRequest } from "../../proto/rest/index.ts";
import { QUOTE } from "../../proto/services/index.ts";
import { answerTo, type Engine } from "../../platform/engine-client/index.ts";
import { Problem } from "../../platform/http/index.ts";
import { type Asker, isDesk } from "./asker.ts";
import { ANSWER_WITHIN_MS } from "./limits.ts";

const AWAY =
  "The showtime's engine gave no answer in time; ask again, with the same Idempotency-Key where there was one.";

/** The engine's refusal as a problem. Where the engine speaks of a request id, clients of REST know an Idempotency-Key. */
function problemOfRefusal({ code, message, seats, retryInMs }: Refusal): Problem {
  const detail = code === "UNAVAILABLE" ? AWAY : message;
  return new Problem(code, detail, { ...(seats && { seats }), ...(retryInMs !== undefined && { retryInMs }) });
}

interface Attempt {
  /** The same one again gets the engine's first answer again. */
  readonly rid: RequestId;
  /** Whether this may be a repetition of a request that was answered before. */
  readonly repeatable: boolean;
}

type Holder = Pick<Asker, "userId">;

/** The names of one hold; `id` has the showtime in it. */
interface Named {
  readonly showtime: ShowtimeId;
  readonly hold: HoldId;
}

/** Every method throws the engine's refusal as a `Problem`. */
export class Holds {
  readonly #engine: Engine;
  readonly #bus: Bus;
  readonly #clock: Clock;

  constructor({ engine, bus, clock }: { engine: Engine; bus: Bus; clock: Clock }) {
    this.#engine = engine;
    this.#bus = bus;
    this.#clock = clock;
  }

  async take(asker: Asker, showtimeText: string, wish: HoldRequest, { rid, repeatable }: Attempt): Promise<Hold> {
    if (!isPlainId(showtimeText)) throw new Problem("NOT_FOUND", "There is no such showtime.");
    const showtime = showtimeId(showtimeText);
    const { userId: holder } = asker;
    const command = { showtime, holder, rid, ...(isDesk(asker) && { desk: true }), ...wishOf(wish) };
    const askedAt = this.#clock.monotonic();
    const held = await answerTo(this.#engine, command);
    if (held.type === "refused") {
      if (isOfUnknownShowtime(held) && (await this.#isToBeOpened(showtime)))
        throw new Problem("UNAVAILABLE", "The sale of this showtime is being opened.");
      throw problemOfRefusal(held);
    }
    // The time in a first answer that is given again has been running since; the engine says what is left of it.
    if (repeatable) return this.#read(asker, { showtime, hold: held.hold });
    return this.#answer({ showtime, hold: held.hold }, held.seats, this.#leftOf(held.expiresInMs, askedAt));
  }

  async read(holder: Holder, id: string): Promise<Hold> {
    return this.#read(holder, named(id));
  }

  async extend(holder: Holder, id: string, rid: RequestId): Promise<Hold> {
    const hold = named(id);
    await this.#ask({ type: "extend", holder: holder.userId, rid, ...hold });
    return this.#read(holder, hold);
  }

  async release(holder: Holder, id: string, rid: RequestId): Promise<void> {
    await this.#ask({ type: "release", holder: holder.userId, rid, ...named(id) });
  }

  async #read({ userId }: Holder, hold: Named): Promise<Hold> {
    const askedAt = this.#clock.monotonic();
    const found = await this.#ask({ type: "get-hold", holder: userId, ...hold });
    return this.#answer(hold, found.seats, this.#leftOf(found.expiresInMs, askedAt), found.booking);
  }

  /** The engine's answer waits for its commit, and is on its way: its time has been running since, at most since it was asked for. */
  #leftOf(expiresInMs: number, askedAt: number): number {
    return Math.max(0, expiresInMs - Math.ceil(this.#clock.monotonic() - askedAt));
  }

  #answer({ showtime, hold }: Named, seats: readonly number[], expiresInMs: number, bookingId?: BookingId): Hold {
    return {
      holdId: hold,
      showtimeId: showtime,
      seats: [...seats],
      expiresAt: new Date(this.#clock.now() + expiresInMs).toISOString(),
      expiresInMs: Math.floor(expiresInMs),
      ...(bookingId === undefined ? { status: "held" } : { status: "paying", bookingId }),
    };
  }

  /** The catalogue knows the showtime, so an engine that does not has only not been told yet, unless its sale was over before. */
  async #isToBeOpened(showtime: ShowtimeId): Promise<boolean> {
    const question = { showtimeId: showtime, seats: [] };
    const quote = await this.#bus.request(QUOTE, question, { timeoutMs: ANSWER_WITHIN_MS });
    return quote !== null && !quote.showtime.cancelled && this.#clock.now() < Date.parse(quote.showtime.salesEndAt);
  }

  /** @throws Problem the engine's refusal */
  async #ask<Type extends RequestType>(request: RequestOf<Type>): Promise<AnswerTo<Type>> {
    const reply = await answerTo(this.#engine, request);
    if (isRefusal(reply)) throw problemOfRefusal(reply);
    return reply;
  }
}

/** What is not found of a hall names its seats, or no seats; see `decideHoldBest`. */
const isOfUnknownShowtime = ({ code, seats }: Refusal): boolean => code === "NOT_FOUND" && seats === undefined;

/** @throws Problem HOLD_NOT_FOUND when the text cannot be a hold's id */
function named(id: string): Named {
  const parts = parseHoldId(id);
  if (parts === undefined) throw new Problem("HOLD_NOT_FOUND", "There is no such hold of yours.");
  return { showtime: parts.showtime, hold: parts.id };
}

type Wish =
  | { readonly type: "hold"; readonly seats: readonly number[]; readonly accessible?: boolean }
  | {
      readonly type: "hold-best";
      readonly count: number;
      readonly category?: string;
      readonly split?: boolean;
      readonly accessible?: boolean;
    };

function wishOf(request: HoldRequest): Wish {
  if ("seats" in request) return { type: "hold", ...request };
  const { best, ...beside } = request;
  return { type: "hold-best", ...beside, ...best };
}
