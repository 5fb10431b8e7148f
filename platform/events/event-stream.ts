/**
 * The event stream port. Two adapters: in process, and JetStream. Both pass `contract.ts`.
 *
 * Semantics: at least once; in order for each subject; a consumer that fails gets the event again after a while, and after
 * `DELIVERIES_MAX` failures it goes to the consumer's dead letters.
 */
import type { DomainEvent, EventName } from "../../proto/index.ts";

export interface Consumer<Name extends EventName = EventName> {
  /** Of the consumer, such as `tickets`: consumers of one name share the events between them. */
  readonly name: string;
  readonly types: readonly Name[];
  /** Settles when what it did is durable. It keeps an inbox, since the same event may come again. */
  handle(event: DomainEvent<Name>): Promise<void>;
}

export interface EventStream {
  /** Settles when the event cannot be lost any more: the stream has it, or, in process, every consumer has dealt with it. */
  publish(event: DomainEvent): Promise<void>;
  consume<Name extends EventName>(consumer: Consumer<Name>): { close(): Promise<void> };
}
