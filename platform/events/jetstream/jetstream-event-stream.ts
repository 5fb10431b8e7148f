/**
 * The event stream of many processes: the JetStream stream `USHER_EVENTS`, where an event's type is its subject and its id its message id.
 * JetStream acknowledges before it has synced to disk, so it carries events and is never the truth: outboxes keep them, and publish
 * each a second time once the stream must have it on disk (`repeatAfterMs`); where it is there already, the message id tells. When the
 * stream itself was lost and made anew (`madeAt`), they publish all again that they have.
 *
 * One process at a time takes a consumer's events (see `Leadership`), which keeps the order of each subject. PostgreSQL lets it lead
 * for as long as that hears of it: whoever has lost NATS alone has to stand back by itself (`isCutOff`).
 */
import {
  type ConsumerMessages,
  type JetStreamClient,
  jetstream,
  jetstreamManager,
  type JsMsg,
} from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Pool } from "pg";
import { type DomainEvent, EVENT_NAMES, type EventName } from "../../../proto/index.ts";
import { NatsUnusable } from "../../bus/index.ts";
import { every, sleep, type Timer } from "../../clock/index.ts";
import { messageOf } from "../../explained/index.ts";
import { Leadership } from "../../postgres/index.ts";
import type { ConsumerGroup } from "../consumer-group.ts";
import { ConsumerGroups, type ConsumerGroupsOptions } from "../consumer-groups.ts";
import { type Consumer, type StartableEventStream, StreamStopped } from "../event-stream.ts";
import { ensureConsumer, ensureStream, patiently, STREAM } from "./jetstream-setup.ts";
import { Positions } from "./positions.ts";
import {
  JETSTREAM_ACK_WAIT_MS,
  JETSTREAM_ASK_MS,
  JETSTREAM_CUT_OFF_MS,
  JETSTREAM_FOLLOW_AGAIN_MS,
  JETSTREAM_HEARTBEAT_MS,
  JETSTREAM_POSITIONS_EVERY_MS,
  JETSTREAM_REPEAT_AFTER_MS,
  JETSTREAM_TAKEN_MAX,
  JETSTREAM_WORKING_EVERY_MS,
} from "../limits.ts";

interface Options extends ConsumerGroupsOptions {
  readonly connection: NatsConnection;
  /** For the lock of each consumer. */
  readonly pool: Pool;
}

export class JetStreamEventStream implements StartableEventStream {
  readonly repeatAfterMs = JETSTREAM_REPEAT_AFTER_MS;
  readonly #options: Options;
  readonly #client: JetStreamClient;
  readonly #groups: ConsumerGroups;
  /** Ends when its group is empty or the stream was stopped. Never rejects. */
  readonly #followed = new Map<ConsumerGroup, Promise<void>>();
  /** Names of the consumers whose events this process takes. */
  readonly #led = new Set<string>();
  readonly #positions: Positions;
  readonly #stopped = new AbortController();
  readonly #started: Promise<void>;
  readonly #published = new Map<EventName, number>();
  /** When the connection broke that is being made again, on the monotonic clock. */
  #awaySince: number | undefined;
  #isStarted = false;
  #open: () => void = () => {};
  #replays: Promise<void> | undefined;
  #saving: Timer | undefined;

  private constructor(options: Options) {
    this.#options = options;
    this.#client = jetstream(options.connection);
    this.#groups = new ConsumerGroups(options);
    this.#positions = new Positions(options.pool);
    this.#started = new Promise((resolve) => (this.#open = resolve));
    void this.#watch();
  }

  /** Makes the stream where it is not there yet. @throws NatsUnusable */
  static async open(options: Options): Promise<JetStreamEventStream> {
    try {
      await patiently(options.clock, async () => {
        const manager = await jetstreamManager(options.connection);
        await ensureStream(manager, options.connection, options.clock);
      });
    } catch (cause) {
      const reason = messageOf(cause);
      throw new NatsUnusable(
        `NATS_URL: the server does not let this user keep events in JetStream (${reason}); start it with JetStream, and with ` +
          "the permissions that deploy/nats/nats.conf has for each role.",
        { cause },
      );
    }
    return new JetStreamEventStream(options);
  }

  /** @throws StreamStopped, and whatever JetStream has against it */
  async publish(event: DomainEvent): Promise<void> {
    await this.#started;
    if (this.#stopped.signal.aborted) throw new StreamStopped("the event stream was stopped");
    const { duplicate } = await this.#client.publish(event.type, JSON.stringify(event), { msgID: event.id });
    if (!duplicate) this.#published.set(event.type, (this.#published.get(event.type) ?? 0) + 1);
  }

  async madeAt(): Promise<Date> {
    return new Date(await this.name());
  }

  /** Names this stream on this NATS, unlike any other: when it was made, to the nanosecond. Rejects while that cannot be known. */
  async name(): Promise<string> {
    const manager = await this.#client.jetstreamManager(false);
    return (await manager.streams.info(STREAM)).created;
  }

  isCutOff(): boolean {
    return this.#awaySince !== undefined && this.#options.clock.monotonic() - this.#awaySince >= JETSTREAM_CUT_OFF_MS;
  }

  get published(): ReadonlyMap<EventName, number> {
    return this.#published;
  }

  async waiting(): Promise<ReadonlyMap<string, number>> {
    const manager = await this.#client.jetstreamManager(false);
    const counts = Array.from(this.#led, async (name): Promise<[string, number]> => {
      const { num_pending, num_ack_pending } = await manager.consumers.info(STREAM, name);
      return [name, num_pending + num_ack_pending];
    });
    return new Map(await Promise.all(counts));
  }

  consume<Name extends EventName>(consumer: Consumer<Name>): { close(): Promise<void> } {
    const { group, close } = this.#groups.join(consumer);
    if (this.#isStarted) this.#follow(group);
    return {
      close: async () => {
        await close();
        if (!group.empty) return;
        await this.#followed.get(group);
        this.#followed.delete(group);
      },
    };
  }

  start(): void {
    this.#isStarted = true;
    this.#open();
    for (const group of this.#groups.all) this.#follow(group);
    this.#replays ??= this.#groups.replayForEver(this.#stopped.signal);
    this.#saving ??= every(this.#options.clock, JETSTREAM_POSITIONS_EVERY_MS, () => this.#savePositions());
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#open();
    await this.#groups.closeAll();
    await Promise.all(this.#followed.values());
    await this.#replays;
    this.#saving?.cancel();
    await this.#savePositions();
  }

  /** Should it fail, the next time saves them. */
  #savePositions(): Promise<void> {
    return this.#positions.save().catch(() => undefined);
  }

  /** Follows the connection until it is closed. */
  async #watch(): Promise<void> {
    const { clock, connection } = this.#options;
    for await (const { type } of connection.status()) {
      if (type === "disconnect") this.#awaySince ??= clock.monotonic(); // Who is let in nowhere is told at each attempt.
      else if (type === "reconnect") this.#awaySince = undefined;
    }
  }

  #follow(group: ConsumerGroup): void {
    if (!this.#followed.has(group)) this.#followed.set(group, this.#followForEver(group));
  }

  async #followForEver(group: ConsumerGroup): Promise<void> {
    const { clock, pool, log } = this.#options;
    const { name } = group;
    const wanted = { pool, name: `usher.consumer.${name}`, clock, log };
    const isOver = (): boolean => this.#stopped.signal.aborted || group.empty;
    while (!isOver()) {
      try {
        const leadership = this.isCutOff() ? undefined : await Leadership.take(wanted);
        if (leadership !== undefined) {
          try {
            let again: boolean;
            do again = await this.#lead(group, leadership, isOver);
            while (again);
          } finally {
            leadership.end();
          }
        }
      } catch (err) {
        log.warn({ err, consumer: name }, "events cannot be taken from JetStream; trying again");
      }
      if (!isOver()) await sleep(clock, JETSTREAM_FOLLOW_AGAIN_MS, this.#stopped.signal);
    }
  }

  /** @returns whether to lead anew at once: the connection is another now, and the stream may have lost its end meanwhile */
  async #lead(group: ConsumerGroup, leadership: Leadership, isOver: () => boolean): Promise<boolean> {
    const { clock, connection, log } = this.#options;
    const link = linkOf(connection);
    const client = jetstream(connection, { timeout: JETSTREAM_ASK_MS });
    await ensureStream(await client.jetstreamManager(), connection, clock);
    const { name, onlyType } = group;
    // With more patience: were it not heard that a consumer is deleted, the next attempt would begin with all there is.
    const last = await this.#positions.of(name);
    await ensureConsumer(await this.#client.jetstreamManager(false), name, onlyType, last);
    const consumer = await client.consumers.get(STREAM, name);
    const isElsewhere = (): boolean => ![undefined, link].includes(linkOf(connection));
    const taken = new Set<JsMsg>();
    const messages: ConsumerMessages = await consumer.consume({
      max_messages: JETSTREAM_TAKEN_MAX,
      expires: JETSTREAM_ASK_MS,
      idle_heartbeat: JETSTREAM_HEARTBEAT_MS,
      abort_on_missing_resource: true,
      callback: (message) => {
        // What is left out comes again once it is led anew.
        if (leadership.isSure() && !isElsewhere()) this.#take(message, group, taken);
      },
    });
    this.#led.add(name);
    const working = this.#keepWorking(taken);
    let looking: Timer | undefined;
    let again: unknown;
    try {
      const over = new Promise<boolean>((resolve) => {
        const look = (): void => {
          const isLeft = isOver() || this.isCutOff() || group.onlyType !== onlyType;
          if (isLeft || isElsewhere()) resolve(isElsewhere());
          else looking = clock.after(100, look);
        };
        look();
      });
      const closed = messages.closed().then((error) => {
        if (error instanceof Error) throw error;
      });
      again = await Promise.race([over, leadership.lost, closed]);
    } finally {
      this.#led.delete(name);
      working.cancel();
      looking?.cancel();
      messages.stop();
    }
    if (this.isCutOff()) log.warn({ consumer: name }, "cut off from JetStream: events are left to others to take");
    // What is not done goes back at once.
    await group.settled();
    for (const message of taken) message.nak();
    return again === true && !isOver();
  }

  #take(message: JsMsg, group: ConsumerGroup, taken: Set<JsMsg>): void {
    this.#positions.note(group.name, message);
    const event = readEvent(message.data);
    if (event === undefined) {
      this.#options.log.error(
        { seq: message.seq, subject: message.subject },
        "something that is no event: passed over",
      );
      message.term(); // Without a reason: servers before 2.10 do not know one, and would hand it out again and again.
      return;
    }
    if (!isKnown(event.type)) {
      this.#options.log.warn(
        { seq: message.seq, type: event.type },
        "an event that only a later version knows: left to a process of that, in a while",
      );
      message.nak(JETSTREAM_ACK_WAIT_MS);
      return;
    }
    if (!group.wants(event.type)) {
      message.ack();
      return;
    }
    taken.add(message);
    group.deliver(event).then(
      () => {
        taken.delete(message);
        message.ack();
      },
      () => undefined, // The group was closed: the event comes again, here or elsewhere.
    );
  }

  /** Tells the server now and then that what was taken is still in work. */
  #keepWorking(taken: ReadonlySet<JsMsg>): Timer {
    return every(this.#options.clock, JETSTREAM_WORKING_EVERY_MS, () => {
      for (const message of taken) message.working();
    });
  }
}

/** Another after each reconnection; undefined while there is none. */
const linkOf = ({ info }: NatsConnection): string | undefined => info && `${info.server_id} ${info.client_id}`;

const isKnown = (type: string): boolean => EVENT_NAMES.some((name) => name === type);

function readEvent(bytes: Uint8Array): DomainEvent | undefined {
  try {
    const event = JSON.parse(new TextDecoder().decode(bytes)) as Partial<DomainEvent> | null;
    const isWhole =
      typeof event?.id === "string" && typeof event.subject === "string" && typeof event.type === "string";
    return isWhole ? (event as DomainEvent) : undefined; // The cast: only services may publish here, and they write whole events.
  } catch {
    return undefined;
  }
}
