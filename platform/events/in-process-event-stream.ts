import type { DomainEvent, EventName } from "../../proto/index.ts";
import { ConsumerGroups, type ConsumerGroupsOptions } from "./consumer-groups.ts";
import { type Consumer, type StartableEventStream, StreamBusy, StreamStopped } from "./event-stream.ts";
import { DELIVERIES_PENDING_MAX } from "./limits.ts";

/**
 * The stream of a process that runs everything. It keeps nothing: `publish` settles when every consumer has dealt with the
 * event, so that the outbox row stands as unpublished until then and whatever a crash interrupts comes again.
 */
export class InProcessEventStream implements StartableEventStream {
  readonly #groups: ConsumerGroups;
  readonly #stopped = new AbortController();
  readonly #started: Promise<void>;
  readonly #published = new Map<EventName, number>();
  #open: () => void = () => {};
  #pending = 0;
  #replays: Promise<void> | undefined;

  constructor(options: ConsumerGroupsOptions) {
    this.#groups = new ConsumerGroups(options);
    this.#started = new Promise((resolve) => (this.#open = resolve));
  }

  /** @throws StreamStopped, StreamBusy */
  async publish(event: DomainEvent): Promise<void> {
    if (this.#pending >= DELIVERIES_PENDING_MAX) throw new StreamBusy("the in-process stream is full");
    this.#pending++;
    try {
      await this.#started;
      if (this.#stopped.signal.aborted) throw new StreamStopped("the in-process stream was stopped");
      const groups = this.#groups.all.filter((group) => group.wants(event.type));
      await allSettled(groups.map((group) => group.deliver(event)));
      this.#published.set(event.type, (this.#published.get(event.type) ?? 0) + 1);
    } finally {
      this.#pending--;
    }
  }

  consume<Name extends EventName>(consumer: Consumer<Name>): { close(): Promise<void> } {
    return this.#groups.join(consumer);
  }

  start(): void {
    this.#open();
    this.#replays ??= this.#groups.replayForEver(this.#stopped.signal);
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#open();
    await this.#groups.closeAll();
    await this.#replays;
  }

  get published(): ReadonlyMap<EventName, number> {
    return this.#published;
  }
}

/** Waits for all of them before it tells of the first failure, so that nothing goes on behind the caller's back. */
async function allSettled(works: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(works)) if (outcome.status === "rejected") throw outcome.reason;
}
