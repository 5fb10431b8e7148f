import type { EventName } from "../../proto/index.ts";
import { type Clock, sleep } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { ConsumerGroup, type Patience } from "./consumer-group.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { type Consumer, StreamStopped } from "./event-stream.ts";
import { BACK_OFF_FIRST_MS, DELIVERIES_MAX, REPLAY_POLL_MS, REPLAYS_MAX } from "./limits.ts";

export interface ConsumerGroupsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadLetters: DeadLetters;
  readonly patience?: Patience;
}

interface Membership {
  readonly group: ConsumerGroup;
  /** The group is closed with its last member; whoever joins by that name from then on is in another. */
  close(): Promise<void>;
}

/** The consumers of a process, by name. */
export class ConsumerGroups {
  readonly #options: ConsumerGroupsOptions;
  readonly #groups = new Map<string, ConsumerGroup>();

  constructor(options: ConsumerGroupsOptions) {
    this.#options = options;
  }

  get all(): readonly ConsumerGroup[] {
    return [...this.#groups.values()];
  }

  join<Name extends EventName>(consumer: Consumer<Name>): Membership {
    const { name } = consumer;
    const group = this.#groups.get(name) ?? this.#newGroup(name);
    this.#groups.set(name, group);
    const member = consumer as unknown as Consumer; // It is given events of its own types alone, see `wants`.
    group.add(member);
    return {
      group,
      close: async () => {
        group.remove(member);
        if (!group.empty) return;
        if (this.#groups.get(name) === group) this.#groups.delete(name);
        await group.close();
      },
    };
  }

  /** Hands over once more the dead letters for which somebody asks, until `signal` is given. */
  async replayForEver(signal: AbortSignal): Promise<void> {
    const { clock, deadLetters, log } = this.#options;
    while (!signal.aborted) {
      try {
        const letters = await deadLetters.takeReplays([...this.#groups.keys()], REPLAYS_MAX);
        await Promise.all(letters.map(async (letter) => this.#groups.get(letter.consumer)?.redeliver(letter)));
      } catch (err) {
        if (!(err instanceof StreamStopped)) log.warn({ err }, "dead letters could not be replayed");
      }
      await sleep(clock, REPLAY_POLL_MS, signal);
    }
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.all.map((group) => group.close()));
  }

  #newGroup(name: string): ConsumerGroup {
    const { clock, log, deadLetters, patience } = this.#options;
    return new ConsumerGroup({
      name,
      clock,
      log,
      deadLetters,
      patience: patience ?? { deliveriesMax: DELIVERIES_MAX, backOffFirstMs: BACK_OFF_FIRST_MS },
    });
  }
}
