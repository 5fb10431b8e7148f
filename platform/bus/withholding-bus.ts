import type { Endpoint, Topic } from "../../proto/index.ts";
import type { Bus, Subscription } from "./bus.ts";

interface Serving {
  open(): Subscription;
  /** None while it is withheld. */
  current: Subscription | undefined;
}

/**
 * A bus whose owner may be unable to answer for a while: then it leaves its queue groups, so that questions go to those who can, or fail at
 * once with `NoResponders` where there is nobody else. What it is being asked it still answers.
 */
export class WithholdingBus implements Bus {
  readonly #bus: Bus;
  readonly #always: ReadonlySet<string>;
  readonly #servings = new Set<Serving>();
  #isWithheld = false;

  /** @param always names of endpoints that are never withheld */
  constructor(bus: Bus, always: readonly string[]) {
    this.#bus = bus;
    this.#always = new Set(always);
  }

  get isConnected(): boolean {
    return this.#bus.isConnected;
  }

  withhold(): void {
    this.#isWithheld = true;
    for (const serving of this.#servings) {
      serving.current?.close();
      serving.current = undefined;
    }
  }

  /** Undoes `withhold`. */
  offer(): void {
    this.#isWithheld = false;
    for (const serving of this.#servings) serving.current ??= serving.open();
  }

  serve<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    handler: (question: Question, answer: (value: Answer) => void) => void,
    options: { queue?: string } = {},
  ): Subscription {
    const open = (): Subscription => this.#bus.serve(endpoint, handler, options);
    if (options.queue === undefined || this.#always.has(endpoint.name)) return open();
    const serving: Serving = { open, current: this.#isWithheld ? undefined : open() };
    this.#servings.add(serving);
    return {
      close: () => {
        this.#servings.delete(serving);
        serving.current?.close();
      },
    };
  }

  publish<T>(topic: Topic<T>, value: T): void {
    this.#bus.publish(topic, value);
  }

  subscribe<T>(topic: Topic<T>, handler: (value: T) => void, options?: { queue?: string }): Subscription {
    return this.#bus.subscribe(topic, handler, options);
  }

  request<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    question: Question,
    options: { timeoutMs: number },
  ): Promise<Answer> {
    return this.#bus.request(endpoint, question, options);
  }

  onGap(handler: () => void): Subscription {
    return this.#bus.onGap(handler);
  }

  close(): Promise<void> {
    return this.#bus.close();
  }
}
