import type { DomainEvent, EventName } from "../../proto/index.ts";
import { type Clock, sleep, within } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { Semaphore } from "../turns/index.ts";
import type { DeadLetter, DeadLetters } from "./dead-letters.ts";
import { type Consumer, StreamStopped } from "./event-stream.ts";
import { HANDLE_TIMEOUT_MS, HANDLERS_MAX } from "./limits.ts";

export interface Patience {
  /** Deliveries until an event is a dead letter. */
  readonly deliveriesMax: number;
  /** After the first failure; doubled each time. */
  readonly backOffFirstMs: number;
}

interface GroupOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadLetters: DeadLetters;
  readonly patience: Patience;
}

/** The consumers of one name within the process: the events of a subject one after another, subjects side by side. */
export class ConsumerGroup {
  readonly #options: GroupOptions;
  readonly #members: Consumer[] = [];
  readonly #closed = new AbortController();
  /** The last delivery of each subject that has any under way; it never rejects. */
  readonly #tails = new Map<string, Promise<void>>();
  /** Streams bound what they hand over, and an event that was refused here would count as one that failed. */
  readonly #turns = new Semaphore({ atOnce: HANDLERS_MAX, waitingMax: Infinity });
  readonly #handling = new Set<Promise<void>>();
  #turn = 0;

  constructor(options: GroupOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get empty(): boolean {
    return this.#members.length === 0;
  }

  add(consumer: Consumer): void {
    this.#members.push(consumer);
  }

  remove(consumer: Consumer): void {
    const place = this.#members.indexOf(consumer);
    if (place >= 0) this.#members.splice(place, 1);
  }

  wants(type: EventName): boolean {
    return this.#members.some(({ types }) => types.includes(type));
  }

  /** The one type that all its members want; undefined when they want more. */
  get onlyType(): EventName | undefined {
    const [type, ...others] = new Set(this.#members.flatMap(({ types }) => types));
    return others.length === 0 ? type : undefined;
  }

  /** Settles when a member has dealt with the event or it is a dead letter. @throws StreamStopped */
  deliver(event: DomainEvent): Promise<void> {
    return this.#afterOthersOf(event.subject, () => this.#deliverUntilDone(event));
  }

  /** Hands a dead letter over once more: it is gone when that goes well, and has the new error when not. */
  redeliver(letter: DeadLetter): Promise<void> {
    const { deadLetters, log, name } = this.#options;
    return this.#afterOthersOf(letter.event.subject, async () => {
      try {
        await this.#handle(letter.event);
      } catch (error) {
        if (error instanceof StreamStopped) throw error;
        await deadLetters.add({ consumer: name, event: letter.event, error, attempts: 1 });
        return;
      }
      await deadLetters.discard(letter.id);
      log.info({ consumer: name, event: letter.event.id }, "a dead letter was replayed");
    });
  }

  /** When the handlers that run have ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#handling);
  }

  /** Starts no handler any more, refuses what waits, and settles when the handlers that run have ended. */
  async close(): Promise<void> {
    this.#closed.abort();
    this.#turns.letAllIn();
    await this.settled();
  }

  #afterOthersOf(subject: string, work: () => Promise<void>): Promise<void> {
    const delivery = (this.#tails.get(subject) ?? Promise.resolve()).then(work);
    const tail = delivery
      .catch(() => {})
      .then(() => void (this.#tails.get(subject) === tail && this.#tails.delete(subject)));
    this.#tails.set(subject, tail);
    return delivery;
  }

  async #deliverUntilDone(event: DomainEvent): Promise<void> {
    const { clock, log, name, patience } = this.#options;
    for (let attempts = 1; ; attempts++) {
      try {
        return await this.#handle(event);
      } catch (error) {
        if (error instanceof StreamStopped) throw error;
        const about = { consumer: name, event: event.id, type: event.type, attempts, err: error };
        if (attempts >= patience.deliveriesMax && (await this.#bury(event, error, attempts))) {
          return log.error(about, "an event is a dead letter now: npx usher events");
        }
        log.warn(about, "a consumer failed, and gets the event again");
      }
      const doublings = Math.min(attempts, patience.deliveriesMax) - 1;
      await sleep(clock, patience.backOffFirstMs * 2 ** doublings, this.#closed.signal);
    }
  }

  /** While even that fails, PostgreSQL is away: not the event's fault, so the consumer is tried again. */
  async #bury(event: DomainEvent, error: unknown, attempts: number): Promise<boolean> {
    const { deadLetters, log, name } = this.#options;
    try {
      await deadLetters.add({ consumer: name, event, error, attempts });
      return true;
    } catch (err) {
      log.warn({ err, consumer: name, event: event.id }, "a dead letter could not be written");
      return false;
    }
  }

  #handle(event: DomainEvent): Promise<void> {
    return this.#turns.run(async () => {
      const member = this.#nextMember(event.type);
      const handle = async (): Promise<void> => member.handle(event);
      const handled = within(this.#options.clock, HANDLE_TIMEOUT_MS, handle(), () => {
        throw new Error(`the consumer was not done within ${HANDLE_TIMEOUT_MS} ms`);
      });
      this.#handling.add(handled);
      await handled.finally(() => this.#handling.delete(handled));
    });
  }

  /** @throws StreamStopped when there is none any more */
  #nextMember(type: EventName): Consumer {
    const able = this.#members.filter(({ types }) => types.includes(type));
    const member = able[this.#turn++ % able.length];
    if (member === undefined || this.#closed.signal.aborted) {
      throw new StreamStopped(`the consumer ${this.#options.name} takes no events any more`);
    }
    return member;
  }
}
