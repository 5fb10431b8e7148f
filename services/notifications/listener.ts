import type { Kysely } from "kysely";
import type { Bus } from "../../platform/bus/index.ts";
import type { Consumer, Inbox } from "../../platform/events/index.ts";
import type { BookingFacts, DomainEvent, EventName } from "../../proto/index.ts";
import { BOOKING_NEWS, BOOKING_STATUSES } from "../../proto/services/index.ts";
import {
  MAILED_EVENTS,
  type MailedEvent,
  type MailFolder,
  type MailQueue,
  type MailTables,
  type MailWorker,
} from "./mail/index.ts";

/** Also the name that dead letters of mails go by, so that a replay comes back here. */
export const CONSUMER = "notifications";

const NEWS_EVENTS = [
  "booking.created",
  "booking.confirmed",
  "booking.cancelled",
  "booking.refunded",
  "booking.expired",
  "booking.failed",
] as const satisfies readonly EventName[];
type NewsEvent = (typeof NEWS_EVENTS)[number];

const HEARD_EVENTS = [...new Set([...NEWS_EVENTS, ...MAILED_EVENTS, "user.deleted" as const])];
type HeardEvent = DomainEvent<NewsEvent | MailedEvent | "user.deleted">;

interface Options {
  /** Within the schema `notifications`. */
  readonly db: Kysely<MailTables>;
  readonly inbox: Inbox;
  readonly queue: MailQueue;
  readonly worker: MailWorker;
  readonly folder: MailFolder;
  readonly bus: Bus;
}

/** Hears of events: queues the mails, and tells the buyer's open connections at once. */
export class Listener implements Consumer<HeardEvent["type"]> {
  readonly name = CONSUMER;
  readonly types = HEARD_EVENTS;
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  async handle(event: HeardEvent): Promise<void> {
    const { queue, worker } = this.#options;
    const fresh = await this.#take(event);
    if (!fresh) await queue.retryFailed(event.id);
    if (fresh && isNews(event)) this.#tell(event.data);
    if (!fresh || isMailed(event)) worker.nudge();
  }

  /** @returns false when the event was dealt with before */
  async #take(event: HeardEvent): Promise<boolean> {
    const { db, inbox, queue } = this.#options;
    if (event.type === "user.deleted") return this.#forget(event);
    if (isMailed(event)) return inbox.takeAnd(db, CONSUMER, event.id, (taken) => queue.adding(taken, event));
    return inbox.take(db, CONSUMER, event.id);
  }

  /** What of a user's mails is in another process's folder goes when that is pruned, as does what is left here should this process die. */
  async #forget({ id, data: { userId } }: DomainEvent<"user.deleted">): Promise<boolean> {
    const { db, inbox, queue, folder } = this.#options;
    const mails = await queue.of(userId);
    const fresh = await inbox.takeAnd(db, CONSUMER, id, (taken) => queue.forgetting(taken, userId));
    await folder.delete(mails);
    return fresh;
  }

  #tell({ userId, bookingId, showtimeId, status: told, reason }: BookingFacts): void {
    const status = BOOKING_STATUSES.find((each) => each === told);
    if (status === undefined) return;
    this.#options.bus.publish(BOOKING_NEWS, { userId, bookingId, showtimeId, status, reason });
  }
}

const isMailed = (event: DomainEvent): event is DomainEvent<MailedEvent> =>
  MAILED_EVENTS.some((type) => type === event.type);
const isNews = (event: DomainEvent): event is DomainEvent<NewsEvent> => NEWS_EVENTS.some((type) => type === event.type);
