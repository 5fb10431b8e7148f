import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { type Booking, RestClient, UsherClient } from "../../client/index.ts";
import { ManualClock } from "../../client/testing/manual-clock.ts";
import { Basket } from "../hall/basket.ts";
import { Session } from "../session.ts";
import { Purchases } from "./purchases.ts";

// Formats are the browser's.
vi.hoisted(() => vi.stubGlobal("navigator", { language: "en" }));

const NOTHING = { amount: 0, currency: "EUR" };
/** The cast: the rest of a booking does not matter here. */
const bookingOf = (status: Booking["status"], id = "bk_1"): Booking =>
  ({
    id,
    status,
    holdId: `hold-of-${id}`,
    seats: [5],
    tickets: [{ label: "A6" }],
    payBy: "2031-05-01T08:00:00Z",
    reason: null,
    payment: null,
    refunding: NOTHING,
    refunded: NOTHING,
  }) as unknown as Booking;
const list = (...items: object[]): Response => Response.json({ items, nextCursor: null });
const TICKET = { id: "t1", seat: 5, label: "A6", qr: "code" };
const picture = (): Response => new Response("<svg/>", { headers: { "content-type": "image/svg+xml" } });

/** What a guest has booked, whose requests wait until the test answers them. */
function open() {
  const asked: { readonly path: string; readonly answer: (response: Response) => void }[] = [];
  const fetch = (url: string | URL | Request): Promise<Response> =>
    new Promise((answer) => {
      const { pathname } = new URL(url instanceof Request ? url.url : url);
      asked.push({ path: pathname.replace("/api/v1/", ""), answer });
    });
  const rest = new RestClient("http://127.0.0.1", { fetch });
  const kept = JSON.stringify({ token: "token", booked: true });
  const session = new Session({ rest, storage: { getItem: () => kept, setItem: () => {} } });
  const clock = new ManualClock();
  // It is not connected.
  const client = new UsherClient({ url: "ws://127.0.0.1", WebSocket, clock });
  const unused = (): void => {};
  const basket = new Basket({
    client,
    rest,
    session,
    showtime: "premiere",
    isOpen: () => true,
    changed: unused,
    failed: unused,
    extended: unused,
    notExtended: unused,
    found: unused,
    regained: unused,
    lost: unused,
  });
  /** What the buyer saw, one time after the other. */
  const seen: string[] = [];
  const purchases: Purchases = new Purchases({
    client,
    rest,
    session,
    basket,
    showtime: "premiere",
    seatsChanged: unused,
    news: unused,
    looked: () => {
      const shown = purchases.bookings.map((booking) => {
        const codes = purchases.codesOf(booking) === undefined ? "" : " with codes";
        return `${booking.status}${codes}${purchases.isToBePaid(booking) ? " to be paid" : ""}`;
      });
      seen.push(shown.join(", "));
    },
  });
  onTestFinished(() => purchases.close());
  /** Answers the first request for it that has no answer yet, once it is there. */
  const answer = async (path: string, response: Response): Promise<void> => {
    const at = await vi.waitUntil(() => asked.findIndex((each) => each.path === path) + 1);
    asked.splice(at - 1, 1)[0]?.answer(response);
  };
  return { purchases, clock, asked, answer, seen };
}

test("tickets that were given back stay so, also when a look from before it is answered last", async () => {
  const { purchases, asked, answer, seen } = open();
  const [slow, later] = [purchases.look(), purchases.look()];
  asked[1]?.answer(list(bookingOf("refunded")));
  await later;
  asked[0]?.answer(list(bookingOf("confirmed")));
  // Where it is taken, its codes are asked for.
  const tickets = answer("bookings/bk_1/tickets", list(TICKET)).then(() => answer("tickets/t1.svg", picture()));
  await Promise.all([slow, tickets.catch(() => {})]);
  expect(seen.at(-1)).toBe("refunded");
});

test("bookings are shown while their codes and times are still on the way, and each of these as it comes", async () => {
  const { purchases, answer, seen } = open();
  void purchases.look();
  await answer("bookings", list(bookingOf("failed", "bk_2"), bookingOf("confirmed")));
  await vi.waitUntil(() => seen.at(-1) === "failed, confirmed");
  await answer("bookings/bk_1/tickets", list(TICKET));
  await answer("tickets/t1.svg", picture());
  await vi.waitUntil(() => seen.at(-1) === "failed, confirmed with codes");
  await answer("holds/hold-of-bk_2", Response.json({ expiresInMs: 60_000 }));
  await vi.waitUntil(() => seen.at(-1) === "failed to be paid, confirmed with codes");
});

test("what has failed can be paid again after a clock that was corrected said that its time is over", async () => {
  const { purchases, clock, answer, asked, seen } = open();
  void purchases.look();
  await answer("bookings", list(bookingOf("failed")));
  await answer("holds/hold-of-bk_1", Response.json({ expiresInMs: 60_000 }));
  await vi.waitUntil(() => seen.at(-1) === "failed to be paid");
  clock.advance(2 * 3_600_000);
  void purchases.look();
  await answer("bookings", list(bookingOf("failed")));
  await answer("holds/hold-of-bk_1", Response.json({ expiresInMs: 60_000 }));
  await vi.waitUntil(() => seen.at(-1) === "failed to be paid");

  clock.advance(60_000);
  const gone = { status: 404, headers: { "content-type": "application/problem+json" } };
  void purchases.look();
  await answer("bookings", list(bookingOf("failed")));
  await answer("holds/hold-of-bk_1", Response.json({ code: "HOLD_NOT_FOUND" }, gone));
  await vi.waitUntil(() => seen.at(-1) === "failed");
  const last = purchases.look();
  await answer("bookings", list(bookingOf("failed")));
  await last;
  expect(asked).toEqual([]);
});
