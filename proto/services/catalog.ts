/** What `catalog` answers the other services. */
import type { Money } from "../money.ts";
import { type Endpoint, plainCodec, type Topic } from "../subject.ts";

export const TICKET_TYPES = ["adult", "child", "senior", "student"] as const;
export type TicketType = (typeof TICKET_TYPES)[number];

/** A showtime as bookings, tickets and mails need it: texts for people, instants as ISO 8601 in UTC. */
export interface ShowtimeCard {
  readonly showtimeId: string;
  readonly movieId: string;
  readonly title: string;
  readonly cinemaName: string;
  readonly cinemaAddress: string;
  readonly hallName: string;
  /** IANA name. */
  readonly timeZone: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly salesEndAt: string;
  /** Until when a buyer may cancel. */
  readonly cancelUntil: string;
  readonly cancelled: boolean;
  readonly currency: string;
}

export interface SeatCard {
  readonly seat: number;
  readonly label: string;
  readonly section: string;
  readonly row: string;
  readonly number: number;
  readonly category: string;
  readonly categoryName: string;
  readonly prices: Readonly<Record<TicketType, Money>>;
}

/** A mark of the hall's plan, for tickets: centimetres, as in the layout. */
export interface PlanSeat {
  readonly x: number;
  readonly y: number;
}

/** `seats` in the order asked for; null when there is no such showtime or seat. @param fresh true: nothing that is remembered, but as it is now */
export const QUOTE: Endpoint<
  { readonly showtimeId: string; readonly seats: readonly number[]; readonly fresh?: boolean },
  { readonly showtime: ShowtimeCard; readonly seats: readonly SeatCard[] } | null
> = { name: "catalog.quote", question: plainCodec(), answer: plainCodec() };

/** Every seat's place, in layout order. */
export const HALL_PLAN: Endpoint<{ readonly showtimeId: string }, readonly PlanSeat[] | null> = {
  name: "catalog.hall-plan",
  question: plainCodec(),
  answer: plainCodec(),
};

/** The seat of each label, in the order asked for: null where the hall has no such seat. The whole answer is null when there is no such showtime. */
export const LABELLED_SEATS: Endpoint<
  { readonly showtimeId: string; readonly labels: readonly string[] },
  readonly (number | null)[] | null
> = { name: "catalog.labelled-seats", question: plainCodec(), answer: plainCodec() };

/** Something of the catalogue has changed: caches forget what they know. A hint; caches also age by themselves. */
export const CATALOG_CHANGED: Topic<null> = { name: "catalog.changed", codec: plainCodec() };
