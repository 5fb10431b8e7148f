/** The message catalogue's shape: a language that lacks a message does not compile. */
import type { TicketType } from "../../../../proto/services/index.ts";

/** Events that their booking's buyer gets a mail about. */
export const MAILED_EVENTS = [
  "booking.confirmed",
  "booking.cancelled",
  "booking.refunded",
  "booking.expired",
  "booking.failed",
  "payment.failed",
] as const;
export type MailedEvent = (typeof MAILED_EVENTS)[number];
/** One for each event, and others where what is cancelled was not paid, or free. */
export type MessageName = MailedEvent | "booking.cancelled.unpaid" | "booking.cancelled.free";

export interface Message {
  /** @param title of a film */
  subject(title: string): string;
  readonly heading: string;
  readonly paragraphs: readonly string[];
}

export interface Messages {
  /** For dates, prices and the mail's own language tag. */
  readonly locale: string;
  hello(name: string | null): string;
  readonly letters: Readonly<Record<MessageName, Message>>;
  readonly facts: {
    readonly film: string;
    readonly when: string;
    readonly cinema: string;
    readonly hall: string;
    readonly seats: string;
    readonly total: string;
    readonly refund: string;
    readonly reason: string;
    readonly booking: string;
  };
  readonly types: Readonly<Record<TicketType, string>>;
  /** The words for a reason that an event gives in English; null where there are none, and it is better left out. */
  reason(english: string): string | null;
  readonly link: string;
  readonly closing: string;
}
