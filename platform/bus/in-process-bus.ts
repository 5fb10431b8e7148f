import type { Codec, Endpoint, Topic } from "../../proto/index.ts";
import type { Clock } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { Slab } from "../slab/index.ts";
import { BusClosed, NoResponders, RequestTimeout, type Bus, type Subscription } from "./bus.ts";
import { BURST_MAX } from "./limits.ts";
import { SubjectTable } from "./subject-table.ts";

/** A value on its way; whoever receives it opens it with the codec of its own subject. */
type Sealed = <T>(codec: Codec<T>) => T;
type Respond = (answer: Sealed) => void;

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
  /** Requests without an answer so far: how to fail each. */
  readonly #pending = new Slab<(why: Error) => void>();
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
  }

  publish<T>(topic: Topic<T>, value: T): void {
    this.#refuseWhenClosed();
    const message = this.#seal(topic.codec, value);
    const receivers = this.#topics.receiversOf(topic.name);
    if (receivers === undefined) return;
    this.#send(() => receivers.each((receive) => this.#guard(topic.name, () => receive(message))));
  }

  subscribe<T>(topic: Topic<T>, handler: (value: T) => void, options: { queue?: string } = {}): Subscription {
    this.#refuseWhenClosed();
    return this.#topics.add(topic.name, (message) => handler(message(topic.codec)), options.queue);
  }

  request<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    question: Question,
    { timeoutMs }: { timeoutMs: number },
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#refuseWhenClosed();
      const message = this.#seal(endpoint.question, question);
      const receivers = this.#endpoints.receiversOf(endpoint.name);
      const timer = this.#clock.after(timeoutMs, () => fail(new RequestTimeout(endpoint.name, timeoutMs)));
      const settle = (): boolean => {
        timer.cancel();
        return this.#pending.delete(key, fail);
      };
      const fail = (why: Error): void => {
        if (settle()) reject(why);
      };
      const respond: Respond = (answer) => {
        if (this.#pending.get(key) !== fail) return;
        this.#send(() =>
          this.#guard(endpoint.name, () => {
            const value = answer(endpoint.answer);
            if (settle()) resolve(value);
          }),
        );
      };
      const key = this.#pending.add(fail);
      this.#send(() => {
        const served = receivers?.each((serve) => this.#guard(endpoint.name, () => serve(message, respond))) ?? 0;
        if (served === 0) fail(new NoResponders(endpoint.name));
      });
    });
  }

  serve<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    handler: (question: Question, answer: (value: Answer) => void) => void,
    options: { queue?: string } = {},
  ): Subscription {
    this.#refuseWhenClosed();
    const receive = (question: Sealed, respond: Respond): void =>
      handler(question(endpoint.question), (value) =>
        this.#guard(endpoint.name, () => respond(this.#seal(endpoint.answer, value))),
      );
    return this.#endpoints.add(endpoint.name, receive, options.queue);
  }

  /** There is no connection that could break. */
  onGap(): Subscription {
    return { close: () => undefined };
  }

  async close(): Promise<void> {
    this.#closed = true;
    // What is delivered may have answers behind it.
    while (this.#draining) await new Promise<void>((done) => this.#send(done));
    for (const fail of this.#pending.values()) fail(new BusClosed());
  }

  #seal<T>(codec: Codec<T>, value: T): Sealed {
    if (this.#encode) {
      const bytes = codec.encode(value);
      return (receiving) => receiving.decode(bytes);
    }
    return <Received>() => value as unknown as Received; // Both ends name the same subject, and it has one type.
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

  #guard(subject: string, deliver: () => void): void {
    try {
      deliver();
    } catch (err) {
      this.#log.error({ err, subject }, "dropped a bus message: it does not decode, or its handler failed");
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new BusClosed();
  }
}
