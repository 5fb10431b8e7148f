/**
 * The bus across processes: core NATS, with callbacks all the way. Requests are matched with their answers here rather than by the
 * library, so that all that are open can be told at once when the connection breaks: their outcome is unknown, and
 * whoever asked asks again with the same request id.
 *
 * While there is no connection nothing is kept for later: what is published is dropped (every stream is numbered, so its readers see the
 * gap), and a request fails at once as one that was never sent.
 */
import { randomInt } from "node:crypto";
import {
  createInbox,
  type Msg,
  type NatsConnection,
  type Subscription as NatsSubscription,
  PermissionViolationError,
} from "@nats-io/transport-node";
import type { Endpoint, Topic } from "../../proto/index.ts";
import { type Clock, Deadlines } from "../clock/index.ts";
import { CountedLine, type Logger } from "../log/index.ts";
import { type Bus, BusClosed, ConnectionLost, NoResponders, RequestTimeout, type Subscription } from "./bus.ts";
import { MESSAGE_BYTES_WANTED, REFUSALS_TOLD_MAX } from "./limits.ts";
import { NatsUnusable } from "./nats-connection.ts";

interface Options {
  readonly connection: NatsConnection;
  /** As the connection was made with. */
  readonly inboxPrefix: string;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Open {
  /**
   * Drawn at random, so that no other request has it, and an answer that comes too late is not taken for another's. Nor can anybody name it
   * before the answer is there: processes of one role can read each other's answers, and so learn of each other's inboxes.
   */
  readonly number: number;
  readonly subject: string;
  readonly timeoutMs: number;
  readonly dueAt: number;
  settle(answer: Uint8Array): void;
  fail(why: Error): void;
}

const NOBODY_THERE = 503;
const TELL_EVERY_MS = 1_000;
/** An asker could name any subject as its inbox, and we would publish there with our own rights; so only inboxes are answered. */
const INBOXES = "_INBOX.";
/** The most that `randomInt` takes. */
const REQUEST_NUMBERS = 2 ** 48 - 1;

export class NatsBus implements Bus {
  readonly #connection: NatsConnection;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Answers come on this subject, with a request's key and number below it. */
  readonly #inbox: string;
  readonly #open: Deadlines<Open>;
  readonly #gapHandlers = new Set<() => void>();
  /** What the server does not let us hear: we are deaf there until we start again. */
  readonly #refused = new Map<NatsSubscription, string>();
  /** Refusals that stand in the log, each once. */
  readonly #told = new Set<string>();
  /** Whoever sends rubbish must not fill the log as well. */
  readonly #unreadable: CountedLine;
  #isConnected = true;
  #isClosed = false;
  #dropped = 0;

  constructor({ connection, inboxPrefix, clock, log }: Options) {
    this.#connection = connection;
    this.#clock = clock;
    this.#log = log;
    this.#unreadable = new CountedLine(clock, TELL_EVERY_MS);
    this.#open = new Deadlines(clock, ({ fail, subject, timeoutMs }) => fail(new RequestTimeout(subject, timeoutMs)));
    this.#inbox = createInbox(inboxPrefix);
    warnOfSmallMessages(connection, log);
    this.#subscribe(`${this.#inbox}.*`, {}, (message) => this.#answered(message));
    void this.#watch();
  }

  publish<T>(topic: Topic<T>, value: T): void {
    this.#refuseWhenClosed();
    const bytes = topic.codec.encode(value);
    if (this.#isConnected) this.#connection.publish(topic.name, bytes);
    else this.#dropped++;
  }

  subscribe<T>(topic: Topic<T>, handler: (value: T) => void, options: { queue?: string } = {}): Subscription {
    return this.#listen(topic.name, options, (message) => handler(topic.codec.decode(message.data)));
  }

  request<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    question: Question,
    { timeoutMs }: { timeoutMs: number },
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#refuseWhenClosed();
      const subject = endpoint.name;
      const bytes = endpoint.question.encode(question);
      if (!this.#isConnected) throw new NoResponders(subject);
      const fail = (why: Error): void => {
        this.#open.delete(key, open);
        reject(why);
      };
      const settle = (data: Uint8Array): void => {
        const answer = endpoint.answer.decode(data); // One that does not decode leaves the asker to its time-out.
        this.#open.delete(key, open);
        resolve(answer);
      };
      const dueAt = this.#clock.monotonic() + timeoutMs;
      const open: Open = { number: randomInt(REQUEST_NUMBERS), subject, timeoutMs, dueAt, settle, fail };
      const key = this.#open.add(open);
      try {
        this.#connection.publish(subject, bytes, { reply: `${this.#inbox}.${key}-${open.number}` });
      } catch (error) {
        fail(error as Error); // Larger than the server takes, for one: nothing was sent.
      }
    });
  }

  serve<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    handler: (question: Question, answer: (value: Answer) => void) => void,
    options: { queue?: string } = {},
  ): Subscription {
    return this.#listen(endpoint.name, options, (message) => {
      if (message.reply?.startsWith(INBOXES) !== true) throw new Error("a question whose answer belongs in no inbox");
      const question = endpoint.question.decode(message.data);
      let isAnswered = false;
      handler(question, (value) => {
        if (isAnswered || this.#isClosed || !this.#isConnected) return;
        isAnswered = true;
        this.#guard(endpoint.name, () => message.respond(endpoint.answer.encode(value)));
      });
    });
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** @throws when there is no connection just now; NatsUnusable when the server refuses a subscription that is wanted */
  requireConnected(): void {
    if (!this.#isConnected) throw new Error("the connection to NATS is broken; it is being made again");
    this.#requireUnrefused();
  }

  /** Waits until the server has judged every subscription made so far. @throws NatsUnusable when it refuses one */
  async requirePermitted(): Promise<void> {
    await this.#connection.flush().catch(() => undefined); // It broke meanwhile: `requireConnected` will tell.
    this.#requireUnrefused();
  }

  onGap(handler: () => void): Subscription {
    this.#gapHandlers.add(handler);
    return { close: () => void this.#gapHandlers.delete(handler) };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#connection.drain().catch(() => this.#connection.close());
    for (const open of this.#open.values()) open.fail(new BusClosed());
  }

  #listen(subject: string, options: { queue?: string }, receive: (message: Msg) => void): Subscription {
    this.#refuseWhenClosed();
    let isClosed = false;
    const subscription = this.#subscribe(subject, options, (message) => {
      if (!isClosed) this.#guard(subject, () => receive(message));
    });
    return {
      close: () => {
        if (isClosed) return;
        isClosed = true;
        this.#refused.delete(subscription);
        if (!this.#isClosed) subscription.unsubscribe();
      },
    };
  }

  #subscribe(subject: string, options: { queue?: string }, receive: (message: Msg) => void): NatsSubscription {
    const subscription = this.#connection.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        if (error === null) receive(message);
        else this.#refused.set(subscription, refusal("subscribe", subject));
      },
    });
    return subscription;
  }

  #answered(message: Msg): void {
    const [key, number] = message.subject.slice(this.#inbox.length + 1).split("-");
    const open = this.#open.get(Number(key));
    if (open === undefined || open.number !== Number(number)) return; // It timed out before.
    if (message.data.length === 0 && message.headers?.code === NOBODY_THERE) open.fail(new NoResponders(open.subject));
    else this.#guard(open.subject, () => open.settle(message.data));
  }

  /** Follows the connection until it is closed. */
  async #watch(): Promise<void> {
    for await (const status of this.#connection.status()) {
      switch (status.type) {
        case "disconnect":
          this.#isConnected = false;
          this.#log.warn({ server: status.server, open: this.#open.size }, "NATS is away");
          for (const open of this.#open.values()) open.fail(new ConnectionLost(open.subject));
          break;
        case "reconnect":
          this.#isConnected = true;
          this.#log.info({ server: status.server, dropped: this.#dropped }, "NATS is back");
          this.#dropped = 0;
          for (const handler of this.#gapHandlers) this.#guard("a reconnection", handler);
          break;
        case "error":
          if (status.error instanceof PermissionViolationError) this.#notPermitted(status.error);
          else this.#log.error({ err: status.error }, "NATS reports an error");
          break;
        default:
          break;
      }
    }
  }

  /** Nothing was done of what may not be asked. */
  #notPermitted({ operation, subject }: PermissionViolationError): void {
    const isAnswer = operation === "publish" && subject.startsWith(INBOXES);
    const sentence = isAnswer ? ANSWER_REFUSED : refusal(operation === "publish" ? "publish" : "subscribe", subject);
    if (operation === "publish") {
      for (const open of this.#open.values()) {
        if (open.subject === subject) open.fail(new NoResponders(subject, sentence));
      }
    }
    if (this.#told.has(sentence) || this.#told.size >= REFUSALS_TOLD_MAX) return;
    this.#told.add(sentence);
    this.#log.error({ subject }, sentence);
  }

  #guard(subject: string, deliver: () => void): void {
    try {
      deliver();
    } catch (err) {
      this.#droppedOne(err, subject);
    }
  }

  #droppedOne(err: unknown, subject: string): void {
    this.#unreadable.add((count) =>
      this.#log.error(
        { err, subject, count },
        "dropped bus messages: they do not decode, are too large, or their handlers failed",
      ),
    );
  }

  #requireUnrefused(): void {
    for (const sentence of this.#refused.values()) throw new NatsUnusable(sentence);
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new BusClosed();
  }
}

function warnOfSmallMessages({ info }: NatsConnection, log: Logger): void {
  const { max_payload: bytes = MESSAGE_BYTES_WANTED } = info ?? {};
  if (bytes >= MESSAGE_BYTES_WANTED) return;
  log.warn(
    { bytes, wanted: MESSAGE_BYTES_WANTED },
    "NATS_URL: the server takes no messages as large as those of a large hall may be; set its max_payload to 8MB, as in deploy/nats/nats.conf.",
  );
}

const refusal = (verb: "publish" | "subscribe", subject: string): string =>
  `NATS_URL: the server does not let this user ${verb} to ${subject}; allow it in the server's permissions, which ` +
  "deploy/nats/nats.conf has for each role, or name the role's own user in NATS_URL.";

/** For all of them: each is on a subject of its own. */
const ANSWER_REFUSED =
  "NATS_URL: the server did not let this user publish an answer to whoever asked; allow it the inboxes (_INBOX) that deploy/nats/nats.conf " +
  "lets its role publish to, or name the role's own user in NATS_URL.";
