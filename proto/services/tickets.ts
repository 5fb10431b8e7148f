/** What `tickets` answers the other services. */
import { type Endpoint, plainCodec } from "../subject.ts";

/** The booking's valid tickets as one PDF, a page a seat; null while there are none. */
export const TICKETS_PDF: Endpoint<
  { readonly bookingId: string },
  { readonly fileName: string; readonly bytes: Uint8Array } | null
> = { name: "tickets.pdf", question: plainCodec(), answer: plainCodec() };
