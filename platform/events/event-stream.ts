/**
 * The event stream port. Two adapters: in process, and JetStream. Both pass `testing-contract.ts`.
 *
 * Semantics: at least once; in order for each subject; a consumer that fails gets the event again after a while, and after
 * `DELIVERIES_MAX` failures it goes to the consumer's dead letters.
 */
import type { DomainEvent, EventName } from "../../proto/index.ts";

export interface Consumer<Name extends EventName = EventName> {
  /** Consumers of one name, such as `tickets`, share the events between them. */
  readonly name: string;
  readonly types: readonly Name[];
  /** Settles when what it did is durable. It keeps an inbox, since the same event may come again. */
  handle(event: DomainEvent<Name>): Promise<void>;
}

export interface EventStream {
  /** Until so long after it accepted an event the stream may lose it again. So an outbox then publishes it once more. */
  readonly repeatAfterMs?: number;
  /** When the stream was made, by its own clock: at another time it was another, whose events it has not. Rejects while that cannot be known. */
  madeAt?(): Promise<Date>;
  /** Whether this process has not reached the stream for a while, though others may: it is to lead nothing that goes to it or comes from it. */
  isCutOff?(): boolean;
  /** Settles when the event cannot be lost any more: the stream has it, or, in process, every consumer has dealt with it. */
  publish(event: DomainEvent): Promise<void>;
  consume<Name extends EventName>(consumer: Consumer<Name>): { close(): Promise<void> };
}

/** For whoever composes the process: events flow from `start`, when all consumers are there, to `stop`. */
export interface StartableEventStream extends EventStream {
  /** Until then `publish` waits: otherwise what a crash left in an outbox would be told to half of the consumers. */
  start(): void;
  /** Lets the handlers that run finish, hands out nothing more, and refuses to publish. */
  stop(): Promise<void>;
  /** Events that this process has published, by type. */
  readonly published: ReadonlyMap<EventName, number>;
  /** Events that consumers have yet to deal with, by consumer: of those whose events this process takes, where the stream keeps any. */
  waiting?(): Promise<ReadonlyMap<string, number>>;
}

/** The event was not handed to everybody: the stream was stopped, or the consumer closed. Publish it again later. */
export class StreamStopped extends Error {
  override readonly name = "StreamStopped";
}

/** The stream has as many events under way as it may: publish it again later. */
export class StreamBusy extends Error {
  override readonly name = "StreamBusy";
}
