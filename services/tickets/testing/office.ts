import type { LightMyRequestResponse } from "fastify";
import { afterAll, beforeAll, beforeEach } from "vitest";
import type { DomainEvent } from "../../../proto/index.ts";
import type { Ticket } from "../../../proto/rest/index.ts";
import { testTickets, type TestTickets } from "./world.ts";

interface TicketRow {
  readonly id: string;
  readonly seat: number;
  readonly label: string;
  readonly generation: number;
  readonly voided_at: Date | null;
  readonly valid_until: Date;
}

export interface Office {
  readonly world: TestTickets;
  /** The id of a booking that no other test has. */
  readonly nextBooking: () => string;
  readonly list: (bookingId: string, user?: string) => Promise<Ticket[]>;
  readonly rowsOf: (bookingId: string) => Promise<TicketRow[]>;
  readonly issuedFor: (bookingId: string) => DomainEvent<"ticket.issued">[];
  /** As a gate does. */
  readonly checkIn: (qr: string, more?: object) => Promise<LightMyRequestResponse>;
}

/** A world for the tests of a file. Each begins an hour before the showtime, with peers that answer. */
export function useOffice(): Office {
  let world: TestTickets;
  let bookings = 0;

  beforeAll(async () => {
    world = await testTickets();
  });
  beforeEach(() => {
    world.peers.beforeBooking = () => {};
    world.peers.silent = false;
    world.clock.setTo(Date.parse(world.peers.showtime.startsAt) - 3_600_000);
  });
  afterAll(() => world.close());

  return {
    get world() {
      return world;
    },
    nextBooking: () => `bk_${++bookings}`,
    list: async (bookingId, user = "ada") =>
      (await world.call("GET", `/bookings/${bookingId}/tickets`, { user })).json<{ items: Ticket[] }>().items,
    async rowsOf(bookingId) {
      const sql = "select * from tickets.ticket where booking_id = $1 order by seat";
      return (await world.pool.query<TicketRow>(sql, [bookingId])).rows;
    },
    issuedFor: (bookingId) => world.issued.filter(({ subject }) => subject === bookingId),
    checkIn: (qr, more = {}) =>
      world.call("POST", "/tickets/check-in", { body: { qr, ...more }, role: "gate", user: "gate-1" }),
  };
}
