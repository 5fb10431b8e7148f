/** What JetStream is to have before events flow: the stream, and a consumer for each group. */
import {
  AckPolicy,
  DeliverPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamManager,
  PubHeaders,
  StorageType,
} from "@nats-io/jetstream";
import { errors, nanos, type NatsConnection } from "@nats-io/transport-node";
import { EVENT_NAMES, type EventName } from "../../../proto/index.ts";
import { type Clock, sleep } from "../../clock/index.ts";
import {
  JETSTREAM_ACK_WAIT_MS,
  JETSTREAM_BYTES_MAX,
  JETSTREAM_BYTES_MIN,
  JETSTREAM_DUPLICATES_KNOWN_MS,
  JETSTREAM_PEERS_WITHIN_MS,
  JETSTREAM_READY_AGAIN_MS,
  JETSTREAM_READY_WITHIN_MS,
  JETSTREAM_TAKEN_MAX,
  OUTBOX_KEPT_MS,
} from "../limits.ts";
import type { Position } from "./positions.ts";

export const STREAM = "USHER_EVENTS";
const REPLICAS = 3;
/** Codes of answers, see errors.json of nats-server; JetStreamApiCodes does not have them. */
const NO_SUITABLE_PEERS = 10_005;
const STREAM_NAME_IN_USE = 10_058;
const NO_REPLICAS_HERE = 10_074;
const REFUSALS = [NO_SUITABLE_PEERS, STREAM_NAME_IN_USE, NO_REPLICAS_HERE];
const NOT_AVAILABLE = 10_008;
const STORE_TOO_SMALL = 10_047;
const INVALID_CONFIG = 10_052;
/** Answers a change that another process is making just now: the stream seems to overlap itself. */
const SUBJECTS_OVERLAP = 10_065;
/** `booking.*`, `payment.*` ... */
const SUBJECTS = [...new Set(EVENT_NAMES.map((name) => `${name.slice(0, name.indexOf("."))}.*`))];

/**
 * Several processes may do this at once, while some of the servers are still on their way: those are waited for, and what another
 * process has made is taken. Three replicas, or one where there are fewer servers, until a process finds more.
 */
export async function ensureStream(manager: JetStreamManager, connection: NatsConnection, clock: Clock): Promise<void> {
  await ensureThere(manager, connection, clock);
  await ensureReplicas(manager);
  await ensureBound(manager);
  await ensureSubjects(manager);
}

async function ensureThere(manager: JetStreamManager, connection: NatsConnection, clock: Clock): Promise<void> {
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
    await sleep(clock, JETSTREAM_READY_AGAIN_MS);
    refused = await make(REPLICAS);
  }
  if (refused === NO_SUITABLE_PEERS || refused === NO_REPLICAS_HERE) await make(1);
}

/** The stream may have been made while servers were on their way or down: one replica would be gone with its server. */
async function ensureReplicas(manager: JetStreamManager): Promise<void> {
  const { config, cluster } = await manager.streams.info(STREAM);
  if (cluster === undefined || config.num_replicas >= REPLICAS) return; // A server without others takes any number, and makes none.
  await manager.streams.update(STREAM, { num_replicas: REPLICAS }).catch(codeIn([...REFUSALS, SUBJECTS_OVERLAP]));
}

/**
 * Lest a full store refuse what is new, the stream lets the oldest go: long handled, or its consumer is millions behind. A bound that is
 * there stays. One server alone says when its store is smaller; several do not, see deploy/nats/nats.conf.
 */
async function ensureBound(manager: JetStreamManager): Promise<void> {
  if ((await manager.streams.info(STREAM)).config.max_bytes > 0) return;
  for (let max_bytes = JETSTREAM_BYTES_MAX; max_bytes >= JETSTREAM_BYTES_MIN; max_bytes /= 2) {
    const refused = await manager.streams
      .update(STREAM, { max_bytes })
      .then(() => undefined, codeIn([STORE_TOO_SMALL, SUBJECTS_OVERLAP]));
    if (refused !== STORE_TOO_SMALL) return;
  }
}

/** One that an earlier version has made does not take the events that are new. What else it takes stays. */
async function ensureSubjects(manager: JetStreamManager): Promise<void> {
  const { subjects } = (await manager.streams.info(STREAM)).config;
  const missing = SUBJECTS.filter((subject) => !subjects.includes(subject));
  if (missing.length === 0) return;
  // Servers since 2.10 refuse what an operator's own subjects have already, such as `booking.>`.
  const refusals = [SUBJECTS_OVERLAP, INVALID_CONFIG];
  await manager.streams.update(STREAM, { subjects: [...subjects, ...missing] }).catch(codeIn(refusals));
}

/** The code of an answer of JetStream, if it is among these; all else is thrown. */
const codeIn =
  (codes: readonly number[]) =>
  (error: unknown): number => {
    if (error instanceof JetStreamApiError && codes.includes(error.code)) return error.code;
    throw error;
  };

/** Servers of a cluster that has just been started say that they are ready before they have chosen who answers. */
export async function patiently(clock: Clock, action: () => Promise<void>): Promise<void> {
  const end = clock.monotonic() + JETSTREAM_READY_WITHIN_MS;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      const isNotYet = error instanceof errors.TimeoutError || (error as { code?: unknown }).code === NOT_AVAILABLE;
      if (!isNotYet || clock.monotonic() > end) throw error;
      await sleep(clock, JETSTREAM_READY_AGAIN_MS);
    }
  }
}

/**
 * A durable consumer. What its last leader took and did not finish would be given out again only after a while, behind later events of
 * the same subject: so it begins anew at the oldest that was not acknowledged. What comes twice by that, inboxes know. It does so too when
 * it was given other events than it is to have: of `onlyType`, or all, since servers before 2.10 filter by one subject at the most.
 *
 * A crash may take the end of the stream and leave what its consumers had acknowledged. New events get the lost ones' numbers then, and would
 * count as done: so a consumer that is past the end begins with all there is, and so does one whose `last` event's number is another's by now.
 */
export async function ensureConsumer(
  manager: JetStreamManager,
  name: string,
  onlyType: EventName | undefined,
  last: Position | undefined,
): Promise<void> {
  const config = {
    durable_name: name,
    ...(onlyType !== undefined && { filter_subject: onlyType }),
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(JETSTREAM_ACK_WAIT_MS),
    max_ack_pending: 2 * JETSTREAM_TAKEN_MAX,
  };
  const info = await manager.consumers.info(STREAM, name).catch(codeIn([JetStreamApiCodes.ConsumerNotFound]));
  const { state } = await manager.streams.info(STREAM);
  const isPastEnd = typeof info !== "number" && Math.max(info.ack_floor.stream_seq, last?.seq ?? 0) > state.last_seq;
  const hasLost = isPastEnd || (last !== undefined && (await isReplaced(manager, last)));
  if (typeof info !== "number" && hasLost) await manager.consumers.delete(STREAM, name);
  if (typeof info === "number" || hasLost) {
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

async function isReplaced(manager: JetStreamManager, { seq, messageId }: Position): Promise<boolean> {
  const found = await manager.streams.getMessage(STREAM, { seq });
  return found !== null && found.header.get(PubHeaders.MsgIdHdr) !== messageId;
}
