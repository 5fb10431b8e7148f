import { type DomainEvent, formatMoney, formatWhen, shortened } from "../../../../proto/index.ts";
import type { BookingRecord, ShowtimeCard } from "../../../../proto/services/index.ts";
import { WORDS_LENGTH_MAX } from "../limits.ts";
import { english } from "./english.ts";
import { german } from "./german.ts";
import type { MailedEvent, MessageName, Messages } from "./messages.ts";

/** What a mail says, before it is set as HTML or as plain text. Every string is one line of plain text. */
export interface Letter {
  /** BCP 47. */
  readonly language: string;
  readonly subject: string;
  readonly heading: string;
  readonly greeting: string;
  readonly paragraphs: readonly string[];
  readonly facts: readonly { readonly name: string; readonly values: readonly string[] }[];
  readonly link: { readonly text: string; readonly url: string };
  readonly closing: string;
}

export interface LetterSeat {
  readonly seat: number;
  readonly label: string;
  /** Null when it is not known any more. */
  readonly categoryName: string | null;
}

interface LetterContent {
  readonly event: DomainEvent<MailedEvent>;
  /** `de`, or anything else for English. */
  readonly language: string;
  /** The buyer's. */
  readonly name: string | null;
  readonly booking: BookingRecord;
  /** Null when it was deleted: cancelled ones may be, while there are mails about them to be sent. */
  readonly showtime: ShowtimeCard | null;
  /** Those that the mail is about. */
  readonly seats: readonly LetterSeat[];
  /** As what they were sold. */
  readonly sold: BookingRecord["seats"];
  readonly url: string;
}

export function writeLetter(content: LetterContent): Letter {
  const { event, booking, showtime, url } = content;
  const messages = content.language === "de" ? german : english;
  const { locale, facts, letters } = messages;
  const { subject, heading, paragraphs } = letters[messageNameOf(event)];
  const title = oneLine((showtime ?? booking).title);
  const rows: [name: string, ...values: (string | null | undefined)[]][] = [
    [facts.film, title],
    [facts.when, showtime && formatWhen(showtime.startsAt, showtime.timeZone, locale)],
    [facts.cinema, showtime?.cinemaName, showtime?.cinemaAddress],
    [facts.hall, showtime?.hallName],
    [facts.seats, ...content.seats.map((seat) => seatLine(seat, content.sold, messages))],
    ...sumsOf(content, messages),
    [facts.reason, reasonOf(event, messages)],
    [facts.booking, booking.bookingId],
  ];
  return {
    language: locale,
    subject: subject(title),
    heading,
    greeting: messages.hello(nameOf(content.name)),
    paragraphs,
    facts: rows
      .map(([name, ...values]) => ({ name, values: values.flatMap((value) => (value ? [oneLine(value)] : [])) }))
      .filter(({ values }) => values.length > 0),
    link: { text: messages.link, url },
    closing: messages.closing,
  };
}

/** Earlier versions did not say whether it was paid; most of what is cancelled was. */
function messageNameOf({ type, data }: DomainEvent<MailedEvent>): MessageName {
  if (type !== "booking.cancelled") return type;
  if (data.cancelledTickets?.every(({ price }) => price.amount === 0)) return "booking.cancelled.free";
  return data.paid === false ? "booking.cancelled.unpaid" : type;
}

/** What mail programs would make a link of. The full stops are those that domains may be written with; behind them stands no initial, as in J.R. */
const LINK = /:\/\/|www\.|@|[.\u3002\uff0e\uff61](?:\p{N}|\p{L}[\p{L}\p{M}])/iu;

/** On one line; null where it says more than a name: the address may be somebody else's, and the mail is ours. */
export function nameOf(buyer: string | null): string | null {
  if (buyer === null) return null;
  const name = oneLine(buyer);
  return LINK.test(name) || /\p{Cc}/u.test(buyer) ? null : name;
}

function sumsOf({ event, booking }: LetterContent, { facts, locale }: Messages): [string, string][] {
  if (event.type === "booking.refunded") return [[facts.refund, formatMoney(event.data.refunded, locale)]];
  if (event.type === "payment.failed") return [[facts.total, formatMoney(event.data.amount, locale)]];
  return event.type === "booking.confirmed" ? [[facts.total, formatMoney(booking.total, locale)]] : [];
}

/** A confirmed booking needs none. */
function reasonOf({ type, data }: DomainEvent<MailedEvent>, messages: Messages): string | null {
  return type === "booking.confirmed" || data.reason === null ? null : messages.reason(data.reason);
}

function seatLine({ seat, label, categoryName }: LetterSeat, sold: BookingRecord["seats"], messages: Messages): string {
  const sale = sold.find((each) => each.seat === seat);
  const kind = [sale && messages.types[sale.ticketType], categoryName].filter(Boolean).join(", ");
  return `${label} (${kind})${sale ? `: ${formatMoney(sale.price, messages.locale)}` : ""}`;
}

/** Names and titles are other people's: no line breaks, nothing that turns the text around it, and no novels. */
function oneLine(text: string): string {
  const line = text
    .replaceAll(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "")
    .trim();
  return shortened(line, WORDS_LENGTH_MAX);
}
