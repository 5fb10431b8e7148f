import type { Codec, Endpoint, Topic } from "../../proto/index.ts";
import { type Clock, Deadlines } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { BusClosed, NoResponders, RequestTimeout, type Bus, type Subscription } from "./bus.ts";
import { BURST_MAX } from "./limits.ts";
import { SubjectTable } from "./subject-table.ts";

/** A value on its way: itself, or its bytes where the bus encodes. Whoever receives it opens it with the codec of its own subject. */
type Sealed = unknown;
type Respond = (answer: Sealed) => void;

/** A request without an answer so far. */
interface Open {
  readonly subject: string;
  readonly timeoutMs: number;
  readonly dueAt: number;
  fail(why: Error): void;
}

/**
 * The bus of a process that is all there is. It behaves as one across a network: nothing is delivered while the sender
 * still runs, a message goes to those who were subscribed when it was sent, and all arrive in the order of sending.
 */
export class InProcessBus implements Bus {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #encode: boolean;
  readonly #topics = new SubjectTable<(message: Sealed) => void>();
  readonly #endpoints = new SubjectTable<(question: Sealed, respond: Respond) => void>();
  readonly #open: Deadlines<Open>;
  readonly #queue: (() => void)[] = [];
  #draining = false;
  /** Messages delivered since the loop last got a turn from here. */
  #sinceTurn = 0;
  #closed = false;

  /** @param options.encode sends every value through its codec, as a network would; for tests. */
  constructor(options: { clock: Clock; log: Logger; encode?: boolean }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#encode = options.encode ?? false;
    this.#open = new Deadlines(options.clock, ({ fail, subject, timeoutMs }) =>
      fail(new RequestTimeout(subject, timeoutMs)),
    );
  }

  get isConnected(): boolean {
    return !this.#closed;
  }

  publish<T>(topic: Topic<T>, value: T): void {
    this.#refuseWhenClosed();
    const receivers = this.#topics.receiversOf(topic.name);
    const message = this.#seal(topic.codec, value);
    if (receivers !== undefined) this.#send(() => receivers.each((receive) => receive(message)));
  }

  subscribe<T>(topic: Topic<T>, handler: (value: T) => void, options: { queue?: string } = {}): Subscription {
    this.#refuseWhenClosed();
    const receive = (message: Sealed): void => {
      try {
        handler(this.#opened(topic.codec, message));
      } catch (error) {
        this.#dropped(topic.name, error);
      }
    };
    return this.#topics.add(topic.name, receive, options.queue);
  }

  request<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    question: Question,
    { timeoutMs }: { timeoutMs: number },
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#refuseWhenClosed();
      const subject = endpoint.name;
      const message = this.#seal(endpoint.question, question);
      const receivers = this.#endpoints.receiversOf(subject);
      const fail = (why: Error): void => {
        if (this.#open.delete(key, open)) reject(why);
      };
      const open: Open = { subject, timeoutMs, dueAt: this.#clock.monotonic() + timeoutMs, fail };
      const key = this.#open.add(open);
      const take = (answer: Sealed): void => {
        try {
          const value = this.#opened(endpoint.answer, answer);
          if (this.#open.delete(key, open)) resolve(value);
        } catch (error) {
          this.#dropped(subject, error);
        }
      };
      const respond: Respond = (answer) => {
        if (this.#open.get(key) === open) this.#send(() => take(answer));
      };
      this.#send(() => {
        const served = receivers?.each((serve) => serve(message, respond)) ?? 0;
        if (served === 0) fail(new NoResponders(subject));
      });
    });
  }

  serve<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    handler: (question: Question, answer: (value: Answer) => void) => void,
    options: { queue?: string } = {},
  ): Subscription {
    this.#refuseWhenClosed();
    const { name: subject, question: codec, answer: answerCodec } = endpoint;
    const answer = (value: Answer, respond: Respond): void => {
      try {
        respond(this.#seal(answerCodec, value));
      } catch (error) {
        this.#dropped(subject, error);
      }
    };
    const receive = (question: Sealed, respond: Respond): void => {
      try {
        handler(this.#opened(codec, question), (value) => answer(value, respond));
      } catch (error) {
        this.#dropped(subject, error);
      }
    };
    return this.#endpoints.add(subject, receive, options.queue);
  }

  /** There is no connection that could break. */
  onGap(): Subscription {
    return { close: () => undefined };
  }

  async close(): Promise<void> {
    this.#closed = true;
    // What is delivered may have answers behind it.
    while (this.#draining) await new Promise<void>((done) => this.#send(done));
    for (const { fail } of this.#open.values()) fail(new BusClosed());
  }

  #seal<T>(codec: Codec<T>, value: T): Sealed {
    return this.#encode ? codec.encode(value) : value;
  }

  /** The casts: `#seal` made it, and both ends name the same subject, which has one type. */
  #opened<T>(codec: Codec<T>, message: Sealed): T {
    return this.#encode ? codec.decode(message as Uint8Array) : (message as T);
  }

  #send(deliver: () => void): void {
    this.#queue.push(deliver);
    if (this.#draining) return;
    this.#draining = true;
    queueMicrotask(this.#drain);
  }

  /** One microtask a burst; now and then a turn for the loop, so that two who answer each other cannot starve I/O. */
  readonly #drain = (): void => {
    let at = 0;
    for (; at < this.#queue.length && this.#sinceTurn < BURST_MAX; at++, this.#sinceTurn++) this.#queue[at]?.();
    this.#queue.splice(0, at);
    this.#draining = this.#queue.length > 0;
    if (this.#draining) this.#clock.endOfTurn(this.#drainInNewTurn);
  };

  readonly #drainInNewTurn = (): void => {
    this.#sinceTurn = 0;
    this.#drain();
  };

  #dropped(subject: string, err: unknown): void {
    this.#log.error({ err, subject }, "dropped a bus message: it does not decode, or its handler failed");
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new BusClosed();
  }
}
