import type { SignedIn, Booking, Hold, Ticket, Showtime } from "../../proto/rest/index.ts";
import { Refused } from "../../client/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import type { Shop } from "./shop.ts";
import type { Steps } from "./steps.ts";

export interface Market {
  readonly shop: Shop;
  readonly steps: Steps;
  /** Letters and digits that nobody else has. */
  readonly unique: () => string;
  /** Token of a gate. */
  readonly gateToken: string;
  readonly showtime: Showtime;
}

export interface Buyer {
  readonly id: string;
  readonly token: string;
}

/** As the money is written, not reckoned. */
const priceOf = ({ amount, currency }: Booking["total"]): string => `${(amount / 100).toFixed(2)} ${currency}`;

export function register({ shop, steps, unique }: Market): Promise<Buyer> {
  const email = `buyer-${unique()}@example.com`;
  return steps.do(`registered as ${email}`, async () => {
    const body = { email, password: unique(), name: "Ada Lovelace" };
    const { user, accessToken } = await shop.post<SignedIn>("auth/register", { body });
    return { id: user.id, token: accessToken };
  });
}

export const holdTwo = ({ shop, steps, showtime }: Market, { token }: { token: string }): Promise<Hold> =>
  steps.do(
    ({ seats, expiresInMs }) => `seats ${seats.join(" and ")} held for ${Math.round(expiresInMs / 1_000)} s`,
    () => shop.post<Hold>(`showtimes/${showtime.id}/holds`, { token, body: { best: { count: 2 } } }),
  );

export const book = ({ shop, steps }: Market, { token }: { token: string }, body: object): Promise<Booking> =>
  steps.do(
    ({ id, tickets, total }) =>
      `booked as ${id}: ${tickets.map(({ label }) => label).join(", ")} for ${priceOf(total)}`,
    () => shop.post<Booking>("bookings", { token, body }),
  );

/** Pays, and waits for the outcome. */
export async function pay(
  { shop, steps }: Market,
  { token }: { token: string },
  id: string,
  by: object,
): Promise<void> {
  const path = `bookings/${id}`;
  await steps.do("payment begun", () => shop.post(`${path}/payments`, { token, body: by }));
  await steps.do("confirmed", () =>
    steps.until("outcome of the payment", async () => {
      const { status, reason } = await shop.get<Booking>(path, token);
      if (status === "paying") return undefined;
      if (status !== "confirmed") throw new ExplainedError(`The booking is ${status}: ${reason ?? "no reason given"}`);
      return status;
    }),
  );
}

/** Fetches the tickets, as data, paper and picture, and is let in with the first of them, once. */
export async function goIn(market: Market, { token }: { token: string }, bookingId: string): Promise<void> {
  const { shop, steps, gateToken, showtime } = market;
  const [ticket] = await steps.do(
    (tickets) => `tickets ${tickets.map(({ label }) => label).join(", ")} issued`,
    () =>
      steps.until<readonly Ticket[]>("ticket", async () => {
        const { items } = await shop.get<{ items: readonly Ticket[] }>(`bookings/${bookingId}/tickets`, token);
        return items.length > 0 ? items : undefined;
      }),
  );
  if (ticket === undefined) throw new ExplainedError(`The booking ${bookingId} has no tickets.`);
  const size = (bytes: Uint8Array): string => `${(bytes.length / 1_000).toFixed(1)} kB`;
  await steps.do(
    (bytes) => `PDF of ${ticket.label} printed, ${size(bytes)}`,
    () => shop.file(`tickets/${ticket.id}.pdf`, "application/pdf", token),
  );
  await steps.do(
    (bytes) => `QR code of ${ticket.label} drawn, ${size(bytes)}`,
    () => shop.file(`tickets/${ticket.id}.svg`, "image/svg+xml", token),
  );
  const body = { qr: ticket.qr, showtimeId: showtime.id };
  const checkIn = () => shop.post("tickets/check-in", { token: gateToken, body });
  await steps.do(`let in at the gate with ${ticket.label}`, checkIn);
  await steps.do("turned away with the same code again", async () => {
    const refusal: unknown = await checkIn().catch((error: unknown) => error);
    if (!(refusal instanceof Refused && refusal.code === "ALREADY_USED")) {
      throw new ExplainedError("The gate let the same code in twice: this is a defect, please report it.");
    }
  });
}
