import { doubledMs } from "../../../platform/back-off/index.ts";
import { type Clock, within } from "../../../platform/clock/index.ts";
import { mailboxOf } from "../../../platform/email-address/index.ts";
import type { DeadLetters } from "../../../platform/events/index.ts";
import { messageOf } from "../../../platform/explained/index.ts";
import type { Logger } from "../../../platform/log/index.ts";
import { Poller } from "../../../platform/poller/index.ts";
import { OwnCounts } from "../../../platform/window-counts/index.ts";
import type { DomainEvent } from "../../../proto/index.ts";
import type { MailedEvent } from "./letters/index.ts";
import {
  COUNTED_ADDRESSES_MAX,
  GIVE_UP_AFTER_MS,
  MAIL_POLL_MS,
  MAILS_AT_ONCE,
  MAILS_KEPT_MS,
  PRUNE_EVERY_MS,
  RETRY_FIRST_MS,
  RETRY_MAX_MS,
  STOP_WAIT_MS,
  UNPAID_MAILS_OF_ADDRESS,
  UNREACHABLE_FIRST_MS,
  UNREACHABLE_MAX_MS,
} from "./limits.ts";
import {
  type Mail,
  type MailFolder,
  MailRefused,
  type MailTransport,
  RecipientUnreachable,
  TransportUnreachable,
} from "./transports/index.ts";
import type { MailQueue, QueuedMail } from "./mail-queue.ts";
import type { MailWriter } from "./mail-writer.ts";

interface Options {
  readonly queue: MailQueue;
  readonly writer: MailWriter;
  readonly transport: MailTransport;
  readonly folder: MailFolder;
  readonly deadLetters: DeadLetters;
  /** The consumer that a replayed dead letter goes to. */
  readonly consumer: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Sends what is queued. A mail leaves the queue only when the server has taken it or will never take it, so nothing is lost; should a
 * process die between the two, the mail goes out again under the same Message-ID.
 */
export class MailWorker {
  readonly #options: Options;
  readonly #sending: Poller;
  readonly #pruning: Poller;
  /** Mails about what was not paid, by address. */
  readonly #unpaid: OwnCounts;
  /** Times in a row that the server could not be reached. */
  #unreachable = 0;
  #pausedUntil = -Infinity;

  constructor(options: Options) {
    this.#options = options;
    const { clock, log } = options;
    this.#unpaid = new OwnCounts({ clock, keysMax: COUNTED_ADDRESSES_MAX });
    this.#sending = new Poller({
      clock,
      log,
      what: "looking for mails to send",
      everyMs: MAIL_POLL_MS,
      work: () => this.#sendSome(),
    });
    this.#pruning = new Poller({
      clock,
      log,
      what: "deleting old mails",
      everyMs: PRUNE_EVERY_MS,
      work: () => this.#prune(),
    });
  }

  start(): void {
    this.#sending.start();
    this.#pruning.start();
  }

  nudge(): void {
    this.#sending.nudge();
  }

  /** Does not wait for a slow server for long. */
  async stop(): Promise<void> {
    const stopped = Promise.all([this.#sending.stop(), this.#pruning.stop()]);
    await within(this.#options.clock, STOP_WAIT_MS, stopped, () => undefined);
  }

  async #sendSome(): Promise<boolean> {
    const { queue, clock } = this.#options;
    if (clock.monotonic() < this.#pausedUntil) return false;
    // While the server is away, one mail is enough to find out whether it is back.
    const limit = this.#unreachable > 0 ? 1 : MAILS_AT_ONCE;
    const taken = await queue.take(limit);
    await Promise.all(taken.map((mail) => this.#send(mail)));
    return taken.length === limit && this.#unreachable === 0;
  }

  /** What the table has of them, and then what the folder has. @returns whether there may be more */
  async #prune(): Promise<boolean> {
    const { queue, folder, deadLetters, consumer, clock } = this.#options;
    if (await queue.prune()) return true;
    await queue.pruneFailed((eventIds) => deadLetters.among(consumer, eventIds));
    await folder.prune(new Date(clock.now() - MAILS_KEPT_MS), (ids) => queue.known(ids));
    return false;
  }

  async #send(queued: QueuedMail): Promise<void> {
    const { queue, writer, log } = this.#options;
    try {
      const written = await writer.write(queued);
      if (written.type === "needless") return await queue.finish(queued, "dropped", written.why);
      if (!(await queue.address(queued, written.userId))) return;
      if (!(await this.#deliver(queued, written.mail)))
        return await queue.finish(queued, "dropped", "the address has had enough mails about what was not paid");
      this.#unreachable = 0;
      await queue.finish(queued, "sent");
    } catch (error) {
      await this.#failed(queued, error).catch((err: unknown) =>
        log.warn({ err, mail: queued.id }, "what has become of a mail could not be written down; it is sent again"),
      );
    }
  }

  /**
   * Those about what was not paid are counted by address and not by user, since accounts are opened and deleted as quickly as bookings.
   * One counts while it is being sent and once it was, however often it was tried before.
   * @returns false when the address has had enough
   */
  async #deliver({ event }: QueuedMail, mail: Mail): Promise<boolean> {
    const { transport, log } = this.#options;
    if (!isUnpaid(event)) {
      await transport.send(mail);
      return true;
    }
    const { max, windowMs } = UNPAID_MAILS_OF_ADDRESS;
    const address = mailboxOf(mail.to.address);
    const { count } = this.#unpaid.add(address, windowMs);
    if (count > max) {
      this.#unpaid.takeBack(address);
      return false;
    }
    try {
      await transport.send(mail);
    } catch (error) {
      this.#unpaid.takeBack(address);
      throw error;
    }
    if (count === max)
      log.info(
        { booking: event.data.bookingId },
        "this booking's buyer gets no more mails about what was not paid for a while: there were many",
      );
    return true;
  }

  async #failed(mail: QueuedMail, error: unknown): Promise<void> {
    const { queue, clock, log } = this.#options;
    const note = messageOf(error);
    const about = { err: error, mail: mail.id, event: mail.event_id, attempts: mail.attempts };
    // What is wrong with one recipient is nobody's alarm: anybody may cause it, and dead letters are counted.
    const byRecipient = error instanceof RecipientUnreachable || error instanceof MailRefused;
    if (error instanceof MailRefused || clock.now() - mail.created_at.getTime() >= GIVE_UP_AFTER_MS) {
      if (byRecipient && isUnpaid(mail.event)) return queue.finish(mail, "dropped", note); // Nor is it a letter that is missed.
      log[byRecipient ? "info" : "error"](
        about,
        "a mail cannot be sent, and is a dead letter now: npx usher events dead",
      );
      return this.#giveUp(mail, error, note);
    }
    log[byRecipient ? "info" : "warn"](about, "a mail could not be sent yet");
    const unreachable = error instanceof TransportUnreachable;
    return queue.putOff(mail, {
      waitMs: unreachable ? this.#pause() : doubledMs(RETRY_FIRST_MS, mail.attempts - 1, RETRY_MAX_MS),
      byRecipient,
      note,
    });
  }

  async #giveUp(mail: QueuedMail, error: unknown, note: string): Promise<void> {
    const { queue, deadLetters, consumer } = this.#options;
    await deadLetters.add({ consumer, event: mail.event, error, attempts: mail.attempts });
    await queue.finish(mail, "failed", note);
  }

  /** Once for all mails that found the server away at the same time. @returns for how long nobody tries */
  #pause(): number {
    const now = this.#options.clock.monotonic();
    if (now >= this.#pausedUntil) {
      this.#unreachable++;
      this.#pausedUntil = now + doubledMs(UNREACHABLE_FIRST_MS, this.#unreachable - 1, UNREACHABLE_MAX_MS);
    }
    return this.#pausedUntil - now;
  }
}

/** It costs nothing to bring about, and may be done to pester whose address it is. */
function isUnpaid({ type, data }: DomainEvent<MailedEvent>): boolean {
  switch (type) {
    case "booking.confirmed":
    case "booking.refunded":
      return false;
    case "booking.cancelled":
      return data.paid === false;
    case "booking.expired":
    case "booking.failed":
    case "payment.failed":
      return true;
  }
}
