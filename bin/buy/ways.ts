/** Three ways to the same seat. Each goes from a stranger to somebody inside, through public interfaces alone. */
import type { SeatStatuses } from "../../proto/rest/index.ts";
import type { Static } from "typebox";
import { ExplainedError } from "../../platform/explained/index.ts";
import { book, goIn, holdTwo, type Market, pay, register } from "./purchase.ts";
import { withDevice } from "./devices.ts";

export async function buyByRest(market: Market): Promise<void> {
  const buyer = await register(market);
  const { holdId, seats } = await holdTwo(market, buyer);
  const [seat] = seats;
  const tickets = seat === undefined ? [] : [{ seat, type: "child" }];
  const { id } = await book(market, buyer, { holdId, tickets });
  await pay(market, buyer, id, { method: "mock", token: "tok_ok" });
  await goIn(market, buyer, id);
}

interface Result {
  readonly lockId: string | null;
  readonly booking: { readonly id: string; readonly status: string; readonly seatLabels: readonly string[] };
}

const RESULT = "{ success code message lockId booking { id status seatLabels } }";
const CREATE = `mutation Book($user: ID!, $showtime: ID!, $seats: [SeatNumber!]!) {
  createBooking(userId: $user, showtimeId: $showtime, seatNumbers: $seats) ${RESULT}
}`;
const PAY = `mutation Pay($booking: ID!) {
  processPayment(bookingId: $booking, paymentMethod: "mock", paymentDetails: { token: "tok_ok" }) ${RESULT}
}`;
const READ = `query Read($booking: ID!) { getBooking(bookingId: $booking) ${RESULT} }`;

/** Accounts and tickets are REST's; the booking is made, paid and read over GraphQL. */
export async function buyByGraphql(market: Market): Promise<void> {
  const { shop, steps, showtime } = market;
  const buyer = await register(market);
  const seats = await steps.do(
    (free) => `seats ${free.join(" and ")} are free`,
    async () => {
      const { statuses } = await shop.get<Static<typeof SeatStatuses>>(`showtimes/${showtime.id}/seats`);
      const first = statuses.indexOf("00");
      if (first < 0) throw new ExplainedError(`${showtime.id} has no two free neighbours: name another --showtime.`);
      return [first, first + 1];
    },
  );
  const { booking } = await steps.do(
    (made: Result) => `createBooking: ${made.booking.seatLabels.join(", ")} as ${made.booking.id}`,
    () => shop.graphql<Result>(CREATE, { user: buyer.id, showtime: showtime.id, seats }, buyer.token),
  );
  const variables = { booking: booking.id };
  await steps.do(
    (paid) => `processPayment: ${paid.booking.status}`,
    () => shop.graphql<Result>(PAY, variables, buyer.token),
  );
  await steps.do("getBooking: confirmed", () =>
    steps.until("confirmed booking", async () => {
      const read = await shop.graphql<Result>(READ, variables, buyer.token);
      return read.booking.status === "confirmed" ? read : undefined;
    }),
  );
  await goIn(market, buyer, booking.id);
}

/** Somebody stands at a machine: no account, and the money goes through its terminal. */
export const buyAtKiosk = (market: Market, adminToken: string): Promise<void> =>
  withDevice(market, { adminToken, role: "kiosk" }, async (token) => {
    const { holdId } = await holdTwo(market, { token });
    const { id } = await book(market, { token }, { holdId });
    await pay(market, { token }, id, { method: "terminal" });
    await goIn(market, { token }, id);
  });
