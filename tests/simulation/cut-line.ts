import type { Bus, Subscription } from "../../platform/bus/index.ts";
import type { Endpoint, Topic } from "../../proto/index.ts";

/** An engine's connection to the bus, until it is cut: then nothing goes in or out, as when its machine lost the network. */
export class CutLine implements Bus {
  readonly #bus: Bus;
  readonly #subscriptions: Subscription[] = [];
  #whole = true;

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  get isWhole(): boolean {
    return this.#whole;
  }

  get isConnected(): boolean {
    return this.#whole && this.#bus.isConnected;
  }

  cut(): void {
    this.#whole = false;
    for (const subscription of this.#subscriptions) subscription.close();
  }

  publish<T>(topic: Topic<T>, value: T): void {
    if (this.#whole) this.#bus.publish(topic, value);
  }

  subscribe<T>(topic: Topic<T>, handler: (value: T) => void, options?: { queue?: string }): Subscription {
    return this.#keep(this.#bus.subscribe(topic, handler, options));
  }

  request<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    question: Question,
    options: { timeoutMs: number },
  ): Promise<Answer> {
    return this.#bus.request(endpoint, question, options);
  }

  serve<Question, Answer>(
    endpoint: Endpoint<Question, Answer>,
    handler: (question: Question, answer: (value: Answer) => void) => void,
    options?: { queue?: string },
  ): Subscription {
    return this.#keep(
      this.#bus.serve(
        endpoint,
        (question, answer) => handler(question, (value) => this.#whole && answer(value)),
        options,
      ),
    );
  }

  onGap(handler: () => void): Subscription {
    return this.#bus.onGap(handler);
  }

  close(): Promise<void> {
    this.cut();
    return Promise.resolve();
  }

  #keep(subscription: Subscription): Subscription {
    this.#subscriptions.push(subscription);
    return subscription;
  }
}
