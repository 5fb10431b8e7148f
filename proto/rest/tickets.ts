/** Tickets and the gate. */
import { Type, type Static } from "typebox";
import { closed } from "../closed.ts";
import { Id, Page, Timestamp } from "./common.ts";

export const Ticket = Type.Object({
  id: Id,
  bookingId: Id,
  showtimeId: Id,
  seat: Type.Integer({ description: "Index into the layout." }),
  label: Type.String({ description: "The seat as people read it, such as F12." }),
  qr: Type.String({ description: "What the QR code says; show it as QR in alphanumeric mode." }),
  status: Type.String({ enum: ["valid", "used"] }),
  checkedInAt: Type.Optional(Timestamp),
  validFrom: Timestamp,
  validUntil: Timestamp,
});
export type Ticket = Static<typeof Ticket>;

/** Those of one booking, all on one page. */
export const TicketPage = Page(Ticket);

export const CheckInBody = Type.Object(
  {
    qr: Type.String({ maxLength: 1_024, description: "As it was read, to the letter." }),
    showtimeId: Type.Optional(
      Type.String({ maxLength: 64, description: "What the gate lets in to: tickets for anything else are refused." }),
    ),
  },
  { ...closed, examples: [{ qr: "AEA7ZJJU3TQDAGC6CA7CZDPKSX6VA6NK", showtimeId: "st_premiere" }] },
);

export const CheckedIn = Type.Object({
  ticketId: Id,
  bookingId: Id,
  showtimeId: Id,
  seat: Type.Integer({ description: "Index into the layout." }),
  label: Type.String(),
  checkedInAt: Timestamp,
});
export type CheckedIn = Static<typeof CheckedIn>;
