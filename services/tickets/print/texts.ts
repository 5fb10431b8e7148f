/** What stands on a ticket besides its own facts. */
import type { TicketType } from "../../../proto/services/index.ts";

export interface Texts {
  /** For dates and prices. */
  readonly locale: string;
  readonly ticket: string;
  readonly screen: string;
  readonly row: string;
  readonly seat: string;
  readonly hall: string;
  readonly price: string;
  readonly booking: string;
  readonly types: Readonly<Record<TicketType, string>>;
  readonly hint: string;
}

const english: Texts = {
  locale: "en-GB",
  ticket: "Ticket",
  screen: "Screen",
  row: "Row",
  seat: "Seat",
  hall: "Hall",
  price: "Price",
  booking: "Booking",
  types: { adult: "Adult", child: "Child", senior: "Senior", student: "Student" },
  hint: "Show this code at the door, on paper or on your phone. It lets in one person, once: keep it to yourself.",
};

const german: Texts = {
  locale: "de-DE",
  ticket: "Eintrittskarte",
  screen: "Leinwand",
  row: "Reihe",
  seat: "Platz",
  hall: "Saal",
  price: "Preis",
  booking: "Buchung",
  types: { adult: "Erwachsene", child: "Kind", senior: "Senioren", student: "Studierende" },
  hint: "Zeigen Sie diesen Code am Einlass, auf Papier oder auf dem Telefon. Er gilt für eine Person und einmal: Geben Sie ihn nicht weiter.",
};

export const textsOf = (language: string): Texts => (language === "de" ? german : english);
