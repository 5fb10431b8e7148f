/**
 * The event stream of many processes: the JetStream stream `USHER_EVENTS`, where an event's type is its subject and its id its message id.
 * JetStream acknowledges before it has synced to disk, so it carries events and is never the truth: outboxes keep them, and publish
 * each a second time once the stream must have it on disk (`repeatAfterMs`); where it is there already, the message id tells. When the
 * stream itself was lost and made anew (`madeAt`), they publish all again that they have.
 *
 * Of all processes one at a time takes a consumer's events (see `SessionLock`), which keeps the order of each subject.
 */
import {
  AckPolicy,
  type ConsumerMessages,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  type JsMsg,
  StorageType,
} from "@nats-io/jetstream";
import { errors, nanos, type NatsConnection } from "@nats-io/transport-node";
import type { Pool } from "pg";
import { type DomainEvent, EVENT_NAMES, type EventName } from "../../proto/index.ts";
import { NatsUnusable } from "../bus/index.ts";
import { type Clock, sleep, type Timer } from "../clock/index.ts";
import type { Logger } from "../log/index.ts";
import { SessionLock } from "../postgres/index.ts";
import { ConsumerGroup, type Patience } from "./consumer-group.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { type Consumer, type StartableEventStream, StreamStopped } from "./event-stream.ts";
import {
  BACK_OFF_FIRST_MS,
  DELIVERIES_MAX,
  JETSTREAM_ACK_WAIT_MS,
  JETSTREAM_DUPLICATES_KNOWN_MS,
  JETSTREAM_FOLLOW_AGAIN_MS,
  JETSTREAM_PEERS_WITHIN_MS,
  JETSTREAM_READY_AGAIN_MS,
  JETSTREAM_READY_WITHIN_MS,
  JETSTREAM_REPEAT_AFTER_MS,
  JETSTREAM_TAKEN_MAX,
  JETSTREAM_WORKING_EVERY_MS,
  OUTBOX_KEPT_MS,
  REPLAY_POLL_MS,
  REPLAYS_MAX,
} from "./limits.ts";

interface Options {
  readonly connection: NatsConnection;
  /** For the lock of each consumer. */
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly deadLetters: DeadLetters;
  readonly patience?: Patience;
}

const STREAM = "USHER_EVENTS";
const REPLICAS = 3;
/** Codes of answers, see errors.json of nats-server; JetStreamApiCodes does not have them. */
const NO_SUITABLE_PEERS = 10_005;
const STREAM_NAME_IN_USE = 10_058;
const NO_REPLICAS_HERE = 10_074;
const REFUSALS = [NO_SUITABLE_PEERS, STREAM_NAME_IN_USE, NO_REPLICAS_HERE];
const NOT_AVAILABLE = 10_008;
/** `booking.*`, `payment.*` ... */
const SUBJECTS = [...new Set(EVENT_NAMES.map((name) => `${name.slice(0, name.indexOf("."))}.*`))];

export class JetStreamEventStream implements StartableEventStream {
  readonly repeatAfterMs = JETSTREAM_REPEAT_AFTER_MS;
  readonly #options: Options;
  readonly #client: JetStreamClient;
  readonly #groups = new Map<string, { readonly group: ConsumerGroup; followed?: Promise<void> }>();
  readonly #stopped = new AbortController();
  readonly #started: Promise<void>;
  readonly #published = new Map<EventName, number>();
  #isStarted = false;
  #open: () => void = () => {};
  #replays: Promise<void> | undefined;

  private constructor(options: Options) {
    this.#options = options;
    this.#client = jetstream(options.connection);
    this.#started = new Promise((resolve) => (this.#open = resolve));
  }

  /** Makes the stream where it is not there yet. @throws NatsUnusable */
  static async open(options: Options): Promise<JetStreamEventStream> {
    try {
      await patiently(options.clock, async () => {
        const manager = await jetstreamManager(options.connection);
        await ensureStream(manager, options.connection, options.clock);
      });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
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
    const manager = await this.#client.jetstreamManager(false);
    return new Date((await manager.streams.info(STREAM)).created);
  }

  get published(): ReadonlyMap<EventName, number> {
    return this.#published;
  }

  consume<Name extends EventName>(consumer: Consumer<Name>): { close(): Promise<void> } {
    const { clock, log, deadLetters, patience } = this.#options;
    const { name } = consumer;
    const known = this.#groups.get(name);
    const group =
      known?.group ??
      new ConsumerGroup({
        name,
        clock,
        log,
        deadLetters,
        patience: patience ?? { deliveriesMax: DELIVERIES_MAX, backOffFirstMs: BACK_OFF_FIRST_MS },
      });
    if (known === undefined) this.#groups.set(name, { group });
    const member = consumer as unknown as Consumer; // It is given events of its own types alone, see `wants`.
    group.add(member);
    if (this.#isStarted) this.#follow(name);
    return {
      close: async () => {
        group.remove(member);
        if (!group.empty) return;
        const followed = this.#groups.get(name)?.followed;
        this.#groups.delete(name);
        await group.close();
        await followed;
      },
    };
  }

  start(): void {
    this.#isStarted = true;
    this.#open();
    for (const name of this.#groups.keys()) this.#follow(name);
    this.#replays ??= this.#replayForEver();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#open();
    await Promise.all(
      [...this.#groups.values()].map(async ({ group, followed }) => {
        await group.close();
        await followed;
      }),
    );
    await this.#replays;
  }

  #follow(name: string): void {
    const entry = this.#groups.get(name);
    if (entry !== undefined) entry.followed ??= this.#followForEver(name, entry.group);
  }

  async #followForEver(name: string, group: ConsumerGroup): Promise<void> {
    const { clock, pool, log } = this.#options;
    const isOver = (): boolean => this.#stopped.signal.aborted || this.#groups.get(name)?.group !== group;
    while (!isOver()) {
      try {
        const lock = await SessionLock.take(pool, `usher.consumer.${name}`);
        if (lock !== undefined) {
          try {
            await this.#lead(name, group, lock, isOver);
          } finally {
            lock.end();
          }
        }
      } catch (err) {
        log.warn({ err, consumer: name }, "events cannot be taken from JetStream; trying again");
      }
      if (!isOver()) await sleep(clock, JETSTREAM_FOLLOW_AGAIN_MS, this.#stopped.signal);
    }
  }

  async #lead(name: string, group: ConsumerGroup, lock: SessionLock, isOver: () => boolean): Promise<void> {
    const manager = await jetstreamManager(this.#options.connection);
    await ensureStream(manager, this.#options.connection, this.#options.clock);
    const { onlyType } = group;
    await ensureConsumer(manager, name, onlyType);
    const consumer = await this.#client.consumers.get(STREAM, name);
    const taken = new Set<JsMsg>();
    const messages: ConsumerMessages = await consumer.consume({
      max_messages: JETSTREAM_TAKEN_MAX,
      abort_on_missing_resource: true,
      callback: (message) => this.#take(message, group, taken),
    });
    const working = this.#keepWorking(taken);
    let looking: Timer | undefined;
    try {
      const over = new Promise<void>((resolve) => {
        const look = (): void => {
          if (isOver() || group.onlyType !== onlyType) resolve();
          else looking = this.#options.clock.after(100, look);
        };
        look();
      });
      const closed = messages.closed().then((error) => {
        if (error instanceof Error) throw error;
      });
      await Promise.race([over, lock.lost, closed]);
    } finally {
      working.cancel();
      looking?.cancel();
      messages.stop();
    }
    // What is not done goes back at once.
    await group.settled();
    for (const message of taken) message.nak();
  }

  #take(message: JsMsg, group: ConsumerGroup, taken: Set<JsMsg>): void {
    const event = readEvent(message.data);
    if (event === undefined) {
      this.#options.log.error(
        { seq: message.seq, subject: message.subject },
        "something that is no event: passed over",
      );
      message.term("not an event");
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
    const { clock } = this.#options;
    const tell = (): void => {
      for (const message of taken) message.working();
      timer = clock.after(JETSTREAM_WORKING_EVERY_MS, tell);
    };
    let timer = clock.after(JETSTREAM_WORKING_EVERY_MS, tell);
    return { cancel: () => timer.cancel() };
  }

  async #replayForEver(): Promise<void> {
    const { clock, deadLetters, log } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        const letters = await deadLetters.takeReplays([...this.#groups.keys()], REPLAYS_MAX);
        await Promise.all(letters.map(async (letter) => this.#groups.get(letter.consumer)?.group.redeliver(letter)));
      } catch (err) {
        if (!(err instanceof StreamStopped)) log.warn({ err }, "dead letters could not be replayed");
      }
      await sleep(clock, REPLAY_POLL_MS, this.#stopped.signal);
    }
  }
}

/**
 * Several processes may do this at once, while some of the servers are still on their way: those are waited for, and what another
 * process has made is taken. Three replicas, or one where there are fewer servers.
 */
async function ensureStream(manager: JetStreamManager, connection: NatsConnection, clock: Clock): Promise<void> {
  const wanted = {
    name: STREAM,
    subjects: SUBJECTS,
    storage: StorageType.File,
    max_age: nanos(OUTBOX_KEPT_MS),
    duplicate_window: nanos(JETSTREAM_DUPLICATES_KNOWN_MS),
  };
  const make = (num_replicas: number): Promise<number | undefined> =>
    manager.streams.add({ ...wanted, num_replicas }).then(() => undefined, codeIn(REFUSALS));
  const isMissing = await manager.streams
    .info(STREAM)
    .then(() => undefined, codeIn([JetStreamApiCodes.StreamNotFound]));
  if (isMissing === undefined) return;
  const isCluster = connection.info?.cluster !== undefined;
  let refused = isCluster ? await make(REPLICAS) : NO_REPLICAS_HERE;
  const end = clock.monotonic() + JETSTREAM_PEERS_WITHIN_MS;
  while (refused === NO_SUITABLE_PEERS && clock.monotonic() < end) {
    await sleep(clock, JETSTREAM_READY_AGAIN_MS, new AbortController().signal);
    refused = await make(REPLICAS);
  }
  if (refused === NO_SUITABLE_PEERS || refused === NO_REPLICAS_HERE) await make(1);
}

/** The code of an answer of JetStream, if it is among these; all else is thrown. */
const codeIn =
  (codes: readonly number[]) =>
  (error: unknown): number => {
    if (error instanceof JetStreamApiError && codes.includes(error.code)) return error.code;
    throw error;
  };

/** Servers of a cluster that has just been started say that they are ready before they have chosen who answers. */
async function patiently(clock: Clock, action: () => Promise<void>): Promise<void> {
  const end = clock.monotonic() + JETSTREAM_READY_WITHIN_MS;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      const isNotYet = error instanceof errors.TimeoutError || (error as { code?: unknown }).code === NOT_AVAILABLE;
      if (!isNotYet || clock.monotonic() > end) throw error;
      await sleep(clock, JETSTREAM_READY_AGAIN_MS, new AbortController().signal);
    }
  }
}

/**
 * A durable consumer. What its last leader took and did not finish would be given out again only after a while, behind later events of
 * the same subject: so it begins anew at the oldest that was not acknowledged. What comes twice by that, inboxes know. It does so too when
 * it was given other events than it is to have: of `onlyType`, or all, since servers before 2.10 filter by one subject at the most.
 */
async function ensureConsumer(manager: JetStreamManager, name: string, onlyType: EventName | undefined): Promise<void> {
  const config = {
    durable_name: name,
    ...(onlyType !== undefined && { filter_subject: onlyType }),
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(JETSTREAM_ACK_WAIT_MS),
    max_ack_pending: 2 * JETSTREAM_TAKEN_MAX,
  };
  const info = await manager.consumers.info(STREAM, name).catch(codeIn([JetStreamApiCodes.ConsumerNotFound]));
  if (typeof info === "number") {
    await manager.consumers.add(STREAM, { ...config, deliver_policy: DeliverPolicy.All });
  } else if (info.num_ack_pending > 0 || (info.config.filter_subject ?? "") !== (onlyType ?? "")) {
    await manager.consumers.delete(STREAM, name);
    await manager.consumers.add(STREAM, {
      ...config,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: info.ack_floor.stream_seq + 1,
    });
  }
}

function readEvent(bytes: Uint8Array): DomainEvent | undefined {
  try {
    const event = JSON.parse(new TextDecoder().decode(bytes)) as Partial<DomainEvent> | null;
    const isWhole =
      typeof event?.id === "string" &&
      typeof event.subject === "string" &&
      EVENT_NAMES.some((name) => name === event.type);
    return isWhole ? (event as DomainEvent) : undefined; // The cast: only services may publish here, and they write whole events.
  } catch {
    return undefined;
  }
}
