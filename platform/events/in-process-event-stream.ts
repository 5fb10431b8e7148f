import type { DomainEvent, EventName } from "../../proto/index.ts";
import { type Clock, sleep } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { ConsumerGroup, type Patience } from "./consumer-group.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { type Consumer, type StartableEventStream, StreamBusy, StreamStopped } from "./event-stream.ts";
import { BACK_OFF_FIRST_MS, DELIVERIES_MAX, DELIVERIES_PENDING_MAX, REPLAY_POLL_MS, REPLAYS_MAX } from "./limits.ts";

interface Options {
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadLetters: DeadLetters;
  readonly patience?: Patience;
}

/**
 * The stream of a process that runs everything. It keeps nothing: `publish` settles when every consumer has dealt with the
 * event, so that the outbox row stands as unpublished until then and whatever a crash interrupts comes again.
 */
export class InProcessEventStream implements StartableEventStream {
  readonly #options: Options;
  readonly #patience: Patience;
  readonly #groups = new Map<string, ConsumerGroup>();
  readonly #stopped = new AbortController();
  readonly #started: Promise<void>;
  readonly #published = new Map<EventName, number>();
  #open: () => void = () => {};
  #pending = 0;
  #replays: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#patience = options.patience ?? { deliveriesMax: DELIVERIES_MAX, backOffFirstMs: BACK_OFF_FIRST_MS };
    this.#started = new Promise((resolve) => (this.#open = resolve));
  }

  /** @throws StreamStopped, StreamBusy */
  async publish(event: DomainEvent): Promise<void> {
    if (this.#pending >= DELIVERIES_PENDING_MAX) throw new StreamBusy("the in-process stream is full");
    this.#pending++;
    try {
      await this.#started;
      if (this.#stopped.signal.aborted) throw new StreamStopped("the in-process stream was stopped");
      const groups = [...this.#groups.values()].filter((group) => group.wants(event.type));
      await allSettled(groups.map((group) => group.deliver(event)));
      this.#published.set(event.type, (this.#published.get(event.type) ?? 0) + 1);
    } finally {
      this.#pending--;
    }
  }

  consume<Name extends EventName>(consumer: Consumer<Name>): { close(): Promise<void> } {
    const { clock, log, deadLetters } = this.#options;
    const { name } = consumer;
    const group =
      this.#groups.get(name) ?? new ConsumerGroup({ name, clock, log, deadLetters, patience: this.#patience });
    this.#groups.set(name, group);
    const member = consumer as unknown as Consumer; // It is given events of its own types alone, see `wants`.
    group.add(member);
    return {
      close: async () => {
        group.remove(member);
        if (!group.empty) return;
        if (this.#groups.get(name) === group) this.#groups.delete(name);
        await group.close();
      },
    };
  }

  start(): void {
    this.#open();
    this.#replays ??= this.#replayForEver();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#open();
    await Promise.all([...this.#groups.values()].map((group) => group.close()));
    await this.#replays;
  }

  get published(): ReadonlyMap<EventName, number> {
    return this.#published;
  }

  async #replayForEver(): Promise<void> {
    const { clock, deadLetters, log } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        const letters = await deadLetters.takeReplays([...this.#groups.keys()], REPLAYS_MAX);
        await Promise.all(letters.map(async (letter) => this.#groups.get(letter.consumer)?.redeliver(letter)));
      } catch (err) {
        if (!(err instanceof StreamStopped)) log.warn({ err }, "dead letters could not be replayed");
      }
      await sleep(clock, REPLAY_POLL_MS, this.#stopped.signal);
    }
  }
}

/** Waits for all of them before it tells of the first failure, so that nothing goes on behind the caller's back. */
async function allSettled(works: readonly Promise<void>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(works)) if (outcome.status === "rejected") throw outcome.reason;
}
