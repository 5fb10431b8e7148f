import { Type } from "typebox";
import { CheckedIn, CheckInBody, EmptyBody, KeySet, AnyIdParams, Ticket, TicketPage } from "../../proto/rest/index.ts";
import {
  bodyOptional,
  idempotencyKeyOf,
  principalOf,
  requireRole,
  requireSignedIn,
  type Routes,
} from "../../platform/http/index.ts";
import type { TicketKeyRing } from "./code/key-ring.ts";
import type { TicketDesk } from "./desk.ts";
import type { Gate } from "./gate.ts";
import { qrSvg } from "./print/index.ts";

const tags = ["tickets"];

/** A file as an answer. */
const file = (type: string, description: string) => ({
  200: {
    description,
    content: { [type]: { schema: Type.Unsafe<Uint8Array | string>({ type: "string", format: "binary" }) } },
  },
});

/** Whoever has the code has the ticket: nothing of it is kept on the way. */
const PRIVATELY = "private, no-store";

export const ticketRoutes =
  ({ desk, gate }: { desk: TicketDesk; gate: Gate }): Routes =>
  async (app) => {
    app.addHook("onSend", async (_request, reply) => void reply.header("cache-control", PRIVATELY));

    app.get(
      "/bookings/:id/tickets",
      {
        onRequest: requireSignedIn,
        schema: {
          operationId: "listTickets",
          tags,
          summary: "The good tickets of a booking, one per seat; none while it is not confirmed",
          params: AnyIdParams,
          response: { 200: TicketPage },
        },
        config: { problems: ["BOOKING_NOT_FOUND", "UNAVAILABLE"] },
      },
      async (request) => ({ items: await desk.list(request.params.id, principalOf(request)), nextCursor: null }),
    );

    app.get(
      "/bookings/:id/tickets.pdf",
      {
        onRequest: requireSignedIn,
        schema: {
          operationId: "printTickets",
          tags,
          summary: "All good tickets of a booking, one page per seat",
          params: AnyIdParams,
          response: file("application/pdf", "A4, to be printed or shown."),
        },
        config: {
          problems: ["BOOKING_NOT_FOUND", "BOOKING_STATE", "BUSY", "UNAVAILABLE"],
          sends: ["Content-Disposition"],
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const bytes = await desk.printBooking(id, principalOf(request));
        void reply.header("content-disposition", `inline; filename="tickets-${id}.pdf"`);
        return reply.type("application/pdf").send(bytes);
      },
    );

    app.get(
      "/tickets/:id.pdf",
      {
        onRequest: requireSignedIn,
        schema: {
          operationId: "printTicket",
          tags,
          summary: "A ticket as a page",
          params: AnyIdParams,
          response: file("application/pdf", "A4, to be printed or shown."),
        },
        config: { problems: ["NOT_FOUND", "BOOKING_STATE", "BUSY", "UNAVAILABLE"], sends: ["Content-Disposition"] },
      },
      async (request, reply) => {
        const { id } = request.params;
        const bytes = await desk.printTicket(id, principalOf(request));
        void reply.header("content-disposition", `inline; filename="ticket-${id}.pdf"`);
        return reply.type("application/pdf").send(bytes);
      },
    );

    app.get(
      "/tickets/:id.svg",
      {
        onRequest: requireSignedIn,
        schema: {
          operationId: "drawTicket",
          tags,
          summary: "A ticket's QR code as a picture",
          params: AnyIdParams,
          response: file("image/svg+xml", "Black on white, with the margin that readers need."),
        },
        config: { problems: ["NOT_FOUND", "BOOKING_STATE"] },
      },
      async (request, reply) => {
        const code = await desk.codeOf(request.params.id, principalOf(request));
        void reply.header("content-security-policy", "default-src 'none'; sandbox");
        return reply.type("image/svg+xml; charset=utf-8").send(qrSvg(code));
      },
    );

    app.post(
      "/tickets/:id/reissue",
      {
        onRequest: requireSignedIn,
        preValidation: bodyOptional,
        schema: {
          operationId: "reissueTicket",
          tags,
          summary: "A new code for a ticket; the old one is void from now on",
          params: AnyIdParams,
          body: EmptyBody,
          response: { 200: Ticket },
        },
        config: { idempotent: true, problems: ["NOT_FOUND", "BOOKING_STATE", "ALREADY_USED", "LIMIT_REACHED"] },
      },
      async (request) => desk.reissue(request.params.id, principalOf(request)),
    );

    app.post(
      "/tickets/check-in",
      {
        onRequest: requireRole("gate", "admin"),
        schema: {
          operationId: "checkIn",
          tags,
          summary: "Lets the holder of a ticket in, once",
          body: CheckInBody,
          response: { 200: CheckedIn },
        },
        config: { idempotent: true, problems: ["ALREADY_USED", "BAD_TICKET"] },
      },
      async (request) => {
        const { qr, showtimeId } = request.body;
        const key = idempotencyKeyOf(request);
        const asked = key === undefined ? undefined : { userId: principalOf(request).userId, key };
        return gate.checkIn(qr, showtimeId, asked);
      },
    );
  };

/** At the root: what gates need to verify tickets without a network, see `code/ticket-code.ts`. */
export const ticketKeysRoute =
  (keys: TicketKeyRing): Routes =>
  async (app) => {
    app.get(
      "/.well-known/ticket-keys.json",
      {
        schema: {
          operationId: "getTicketKeys",
          tags,
          summary: "The public keys of tickets (RFC 7517), for gates without a network",
          response: { 200: KeySet },
        },
      },
      async (_request, reply) => {
        // A gate asks once after a rotation, and not again for a day.
        void reply.header("cache-control", "no-cache");
        return { keys: keys.publicKeys.map((key) => ({ ...key })) };
      },
    );
  };
