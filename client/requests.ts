import type { HolderId, RequestId } from "../proto/index.ts";
import type { ClientMessage, ServerMessage } from "../proto/ws/client-codec.ts";
import { fullJitterMs } from "./back-off.ts";
import type { ClientClock, ClientTimer } from "./clock.ts";
import { faultOf } from "./fault.ts";
import type { ClientLimits } from "./limits.ts";
import { Refused } from "./refused.ts";

export type RequestMessage = Extract<ClientMessage, { op: "hold" | "extend" | "release" }>;
export type Answer = Extract<ServerMessage, { op: "held" | "extended" | "released" }>;
type ErrorMessage = Extract<ServerMessage, { op: "error" }>;

/** An answer, and when its request was first sent (monotonic): from then the server's `expiresInMs` counts at the latest. */
export interface Answered {
  readonly answer: Answer;
  readonly sentAt: number;
}

export interface RequestsOptions {
  readonly clock: ClientClock;
  readonly random: () => number;
  readonly limits: ClientLimits;
  /** False when it cannot be sent just now; `flush` is called when it can. */
  readonly send: (message: RequestMessage) => boolean;
  /** Who is signed in, or was last; undefined when that is not known yet. */
  readonly user: () => HolderId | undefined;
  /** The token is not accepted any more: true when another one is being fetched, and `flush` follows. */
  readonly renew: () => boolean;
  /** Why there is no token to sign in with just now. */
  readonly lacking: () => Error | undefined;
  /** A request that was given up, or refused while it had been sent more than once, has succeeded after all. */
  readonly late: (answered: Answered) => void;
}

interface Pending {
  readonly message: RequestMessage;
  readonly deadlineAt: number;
  readonly deadline: ClientTimer;
  readonly settle: (result: Answered | Error) => void;
  /** Whose it is: nobody else's connection may carry it. */
  user: HolderId | undefined;
  sentAt: number | undefined;
  /** Sent on the present connection; `again` or an answer decides what is next. */
  onItsWay: boolean;
  attempt: number;
  renewed: boolean;
  /** When to send it again: after a refusal that may pass, or when no answer came. */
  again: ClientTimer | undefined;
  /** How many times it was sent and may have been carried out. */
  inDoubt: number;
  /** The last word on it, where that settles all doubt. */
  lastRefusal: Refused | undefined;
}

const ANSWER_OF = { hold: "held", extend: "extended", release: "released" } as const;
/** Requests that are over, of which it is known when each was first sent. */
const SETTLED_MAX = 1_024;

interface Settled {
  /** From then the server's answer counts, however often the same is asked. */
  readonly sentAt: number;
  /** Given up, or refused once while sent twice: a hold may be granted after all, and is no answer that came twice. */
  readonly inDoubt: boolean;
}

/**
 * Requests on their way. Each is sent again with the same rid, which makes that safe: after a refusal that may pass, after
 * a lost connection, and when no answer comes, until its deadline. Then its outcome is unknown, and is said to be.
 */
export class Requests {
  readonly #options: RequestsOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #settled = new Map<string, Settled>();

  constructor(options: RequestsOptions) {
    this.#options = options;
  }

  ask(message: RequestMessage, timeoutMs: number): Promise<Answered> {
    const { clock, limits } = this.#options;
    const fault = faultOf(message);
    if (fault !== undefined) return Promise.reject(new Refused("BAD_MESSAGE", fault, { rid: message.rid }));
    if (this.#pending.has(message.rid)) {
      return Promise.reject(new TypeError(`a request with rid ${message.rid} is under way`));
    }
    if (this.#pending.size >= limits.pendingMax) {
      return Promise.reject(
        new Refused("BUSY", `${limits.pendingMax} requests are waiting for answers`, { rid: message.rid }),
      );
    }
    // Asked again, it may be answered with what was given then.
    const before = this.#settled.get(message.rid);
    this.#settled.delete(message.rid);
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        message,
        deadlineAt: clock.monotonic() + timeoutMs,
        deadline: clock.after(timeoutMs, () => this.#giveUp(pending)),
        settle: (result) => (result instanceof Error ? reject(result) : resolve(result)),
        user: this.#options.user(),
        sentAt: before?.sentAt,
        onItsWay: false,
        attempt: 0,
        renewed: false,
        again: undefined,
        inDoubt: before?.inDoubt === true ? 1 : 0,
        lastRefusal: undefined,
      };
      this.#pending.set(message.rid, pending);
      this.#send(pending);
    });
  }

  /** Whatever waits can be sent now: first in, first out. */
  flush(): void {
    for (const pending of Array.from(this.#pending.values())) if (!pending.onItsWay) this.#send(pending);
  }

  lose(): void {
    for (const pending of this.#pending.values()) {
      pending.again?.cancel();
      pending.onItsWay = false;
    }
  }

  end(error: Error): void {
    for (const pending of Array.from(this.#pending.values())) this.#settle(pending, error);
  }

  answer(answer: Answer): void {
    const pending = this.#pending.get(answer.rid);
    if (pending !== undefined) {
      if (answer.op !== ANSWER_OF[pending.message.op]) return;
      this.#remember(pending, { inDoubt: false });
      // The fallback is for an answer to what this connection never sent: the server's memory of an earlier page's rid.
      return this.#settle(pending, { answer, sentAt: pending.sentAt ?? this.#options.clock.monotonic() });
    }
    const settled = this.#settled.get(answer.rid);
    if (settled?.inDoubt !== true) return;
    this.#settled.set(answer.rid, { ...settled, inDoubt: false });
    this.#options.late({ answer, sentAt: settled.sentAt });
  }

  fail(rid: RequestId, refused: Refused): void {
    const pending = this.#pending.get(rid);
    if (pending !== undefined) this.#settle(pending, refused);
  }

  refuse(rid: RequestId, error: ErrorMessage): void {
    const pending = this.#pending.get(rid);
    if (pending === undefined) return;
    const refused = new Refused(error.code, error.message, error);
    const isUnknown = refused.code === "UNAVAILABLE";
    if (!isUnknown) pending.inDoubt--;
    if (refused.code === "UNAUTHORIZED" && !pending.renewed && this.#options.renew()) {
      pending.renewed = true;
      pending.onItsWay = false;
      if (pending.inDoubt === 0) pending.sentAt = undefined; // As if it had never been sent.
      pending.again?.cancel();
      return;
    }
    if (!refused.retryable) {
      if (pending.inDoubt > 0) this.#remember(pending, { inDoubt: true });
      return this.#settle(pending, refused);
    }
    // That nothing was done this time does not tell what became of an earlier time.
    pending.lastRefusal = isUnknown || pending.inDoubt === 0 ? refused : undefined;
    const { clock, limits, random } = this.#options;
    const jitterMs = fullJitterMs(pending.attempt++, limits.backOffBaseMs / 4, limits.backOffMaxMs, random);
    const waitMs = (refused.retryInMs ?? 0) + jitterMs;
    if (clock.monotonic() + waitMs >= pending.deadlineAt) return this.#giveUp(pending);
    this.#sendAfter(pending, waitMs);
  }

  #send(pending: Pending): void {
    pending.again?.cancel();
    const { clock, limits, send } = this.#options;
    // After a machine has slept, its timers are late: the server may have forgotten the rid, and would carry it out again.
    if (clock.monotonic() >= pending.deadlineAt) return this.#giveUp(pending);
    const user = this.#options.user();
    if (user !== undefined && user !== (pending.user ??= user))
      return this.#giveUp(pending, "somebody else has signed in");
    const sentAt = pending.sentAt ?? clock.monotonic();
    try {
      pending.onItsWay = send(pending.message);
    } catch (error) {
      return this.#settle(pending, unsendable(pending, error));
    }
    if (!pending.onItsWay) return;
    pending.sentAt = sentAt;
    pending.inDoubt++;
    pending.lastRefusal = undefined;
    this.#sendAfter(pending, limits.answerTimeoutMs);
  }

  #sendAfter(pending: Pending, ms: number): void {
    pending.again?.cancel();
    pending.again = this.#options.clock.after(ms, () => this.#send(pending));
  }

  #giveUp(pending: Pending, why?: string): void {
    const { rid } = pending.message;
    this.#remember(pending, { inDoubt: true });
    const cause = pending.sentAt === undefined ? this.#options.lacking() : undefined;
    const whyNot =
      why ?? (cause === undefined ? "there was no connection in time" : `no token came (${cause.message})`);
    const message =
      pending.sentAt === undefined
        ? `${whyNot}; the request was never sent`
        : `${why ?? "no answer came in time"}; sending the same rid again as the same user tells what became of it`;
    this.#settle(pending, pending.lastRefusal ?? new Refused("UNAVAILABLE", message, { rid, cause }));
  }

  #remember({ message, sentAt }: Pending, { inDoubt }: Pick<Settled, "inDoubt">): void {
    if (sentAt === undefined) return;
    const [oldest] = this.#settled.keys();
    if (oldest !== undefined && this.#settled.size >= SETTLED_MAX) this.#settled.delete(oldest);
    this.#settled.set(message.rid, { sentAt, inDoubt });
  }

  #settle(pending: Pending, result: Answered | Error): void {
    pending.again?.cancel();
    pending.deadline.cancel();
    this.#pending.delete(pending.message.rid);
    pending.settle(result);
  }
}

/** More seats than a message holds; a server would close the connection for it. */
const unsendable = ({ message }: Pending, cause: unknown): Refused =>
  new Refused("BAD_MESSAGE", cause instanceof Error ? cause.message : String(cause), { rid: message.rid, cause });
