import type { DomainEvent } from "../../../proto/index.ts";
import type { Money } from "../../../proto/rest/index.ts";
import type { BookingRecord, SeatCard, ShowtimeCard } from "../../../proto/services/index.ts";
import { WORDS_LENGTH_MAX } from "../limits.ts";
import { english } from "./english.ts";
import { german } from "./german.ts";
import type { MailedEvent, Messages } from "./messages.ts";

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

export interface LetterContent {
  readonly event: DomainEvent<MailedEvent>;
  /** `de`, or anything else for English. */
  readonly language: string;
  /** Of the buyer. */
  readonly name: string | null;
  readonly booking: BookingRecord;
  readonly showtime: ShowtimeCard;
  /** Those that the mail is about. */
  readonly seats: readonly SeatCard[];
  readonly url: string;
}

export function writeLetter(content: LetterContent): Letter {
  const { event, booking, showtime, url } = content;
  const messages = content.language === "de" ? german : english;
  const { locale, facts, letters } = messages;
  const { subject, heading, paragraphs } = letters[event.type];
  const title = oneLine(showtime.title);
  const rows: [name: string, ...values: (string | null)[]][] = [
    [facts.film, title],
    [facts.when, whenOf(showtime, locale)],
    [facts.cinema, showtime.cinemaName, showtime.cinemaAddress],
    [facts.hall, showtime.hallName],
    [facts.seats, ...content.seats.map((seat) => seatLine(seat, booking, messages))],
    ...sumsOf(content, messages),
    [facts.reason, reasonOf(event, messages)],
    [facts.booking, booking.bookingId],
  ];
  return {
    language: locale,
    subject: subject(title),
    heading,
    greeting: messages.hello(content.name && oneLine(content.name)),
    paragraphs,
    facts: rows
      .map(([name, ...values]) => ({ name, values: values.flatMap((value) => (value ? [oneLine(value)] : [])) }))
      .filter(({ values }) => values.length > 0),
    link: { text: messages.link, url },
    closing: messages.closing,
  };
}

function sumsOf({ event, booking }: LetterContent, { facts, locale }: Messages): [string, string][] {
  if (event.type === "booking.refunded") return [[facts.refund, moneyOf(event.data.refunded, locale)]];
  if (event.type === "payment.failed") return [[facts.total, moneyOf(event.data.amount, locale)]];
  return event.type === "booking.confirmed" ? [[facts.total, moneyOf(booking.total, locale)]] : [];
}

/** A confirmed booking needs none. */
function reasonOf({ type, data }: DomainEvent<MailedEvent>, { reasons }: Messages): string | null {
  if (type === "booking.confirmed" || data.reason === null) return null;
  return reasons.get(data.reason) ?? data.reason;
}

function seatLine(seat: SeatCard, booking: BookingRecord, { types, locale }: Messages): string {
  const sale = booking.seats.find((each) => each.seat === seat.seat);
  if (sale === undefined) return `${seat.label} (${seat.categoryName})`;
  return `${seat.label} (${types[sale.ticketType]}, ${seat.categoryName}): ${moneyOf(sale.price, locale)}`;
}

function whenOf({ startsAt, timeZone }: ShowtimeCard, locale: string): string {
  const format = new Intl.DateTimeFormat(locale, {
    ...{ weekday: "long", day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" },
    timeZone,
  });
  return format.format(new Date(startsAt));
}

function moneyOf({ amount, currency }: Money, locale: string): string {
  const format = new Intl.NumberFormat(locale, { style: "currency", currency });
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

/** Names and titles are other people's: no line breaks, nothing that turns the text around it, and no novels. */
function oneLine(text: string): string {
  const line = text
    .replaceAll(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu, " ")
    .replaceAll(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "")
    .trim();
  const letters = [...line];
  return letters.length > WORDS_LENGTH_MAX ? `${letters.slice(0, WORDS_LENGTH_MAX - 1).join("")}…` : line;
}
