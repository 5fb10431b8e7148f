/**
 * The bus port. Two adapters: in process, and NATS. Both pass `testing-contract.ts`.
 *
 * Semantics: at most once, in order per subject and sender. A request that nobody serves fails at once with
 * `NoResponders` (nothing was done, retry safely); one that is not answered in time fails with `RequestTimeout`
 * (the outcome is unknown).
 */
import type { Endpoint, Topic } from "../../proto/index.ts";

export interface Subscription {
  close(): void;
}

export interface Bus {
  /** Whether it reaches anybody just now. */
  readonly isConnected: boolean;
  publish<T>(topic: Topic<T>, value: T): void;
  /** With `queue`, each message goes to one member of the group; without, to every subscriber. */
  subscribe<T>(topic: Topic<T>, handler: (value: T) => void, options?: { queue?: string }): Subscription;
  /** @throws NoResponders | RequestTimeout | ConnectionLost | BusClosed */
  request<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    question: Question,
    options: { timeoutMs: number },
  ): Promise<Answer>;
  /**
   * `answer` is called once, now or later, and never throws. A handler that throws leaves the asker to its time-out, and so does an
   * answer that cannot be sent, such as one that is larger than the bus takes.
   */
  serve<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    handler: (question: Question, answer: (value: Answer) => void) => void,
    options?: { queue?: string },
  ): Subscription;
  /** `handler` is called whenever messages may have been missed without a sign of it: the connection was away and is back. */
  onGap(handler: () => void): Subscription;
  /** Delivers what was published; requests still open fail, and all else is refused from now on, with `BusClosed`. */
  close(): Promise<void>;
}

export class NoResponders extends Error {
  override readonly name = "NoResponders";
  readonly subject: string;
  constructor(subject: string, why = `nobody serves ${subject}`) {
    super(why);
    this.subject = subject;
  }
}

export class RequestTimeout extends Error {
  override readonly name = "RequestTimeout";
  readonly subject: string;
  constructor(subject: string, timeoutMs: number) {
    super(`no answer on ${subject} within ${timeoutMs} ms`);
    this.subject = subject;
  }
}

/** The connection broke while the request was open: the outcome is unknown. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
  readonly subject: string;
  constructor(subject: string) {
    super(`the connection broke before ${subject} answered`);
    this.subject = subject;
  }
}

export class BusClosed extends Error {
  override readonly name = "BusClosed";
  constructor() {
    super("the bus is closed");
  }
}

/** Nobody answered a request, or nobody could have: the same may be asked again later. */
export const isAway = (error: unknown): boolean =>
  error instanceof NoResponders ||
  error instanceof RequestTimeout ||
  error instanceof ConnectionLost ||
  error instanceof BusClosed;
