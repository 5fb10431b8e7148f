/** What `tickets` answers the other services. */
import { type Endpoint, plainCodec } from "../subject.ts";

/** The booking's valid tickets as one PDF, one page per seat; null while there are none. */
export const TICKETS_PDF: Endpoint<
  { readonly bookingId: string },
  { readonly fileName: string; readonly bytes: Uint8Array } | null
> = { name: "tickets.pdf", question: plainCodec(), answer: plainCodec() };

/** How long withdrawn tickets wait for the cancellation. Afterwards they are good again, if the booking still has their seats. */
export const WITHDRAWN_FOR_MS = 60_000;

/**
 * Before paid seats are given back: from now on their tickets let nobody in. When some of them have done so, those seats are
 * answered, and none is withdrawn; with `despiteUsed` the others are. May be repeated.
 */
export const WITHDRAW_TICKETS: Endpoint<
  { readonly bookingId: string; readonly seats: readonly number[]; readonly despiteUsed?: boolean },
  { readonly used: readonly number[] }
> = { name: "tickets.withdraw", question: plainCodec(), answer: plainCodec() };
