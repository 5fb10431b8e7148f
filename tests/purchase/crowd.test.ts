/**
 * More buyers than seats, all at once, over REST. In `npm test` 300 for the hall of 96; PURCHASES=5000 for the hall of 480.
 */
import { setTimeout as pause } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Booking } from "../../proto/rest/index.ts";
import { boxOffice, type Person } from "../support/box-office.ts";
import type { Answer, HoldView } from "../support/rest.ts";
import { Purchases } from "../support/purchases.ts";
import { audit, keptByGateway } from "./books.ts";

const BUYERS = Number(process.env["PURCHASES"] ?? 300);
const HALL = BUYERS > 1_000 ? "ha_premiere" : "ha_studio";
const ARRIVING_AT_ONCE = 50;
const AGAIN_MS = 200;

type Body = Readonly<Record<string, unknown>>;
/** Bought, or the code of the refusal. */
type Outcome = { readonly booking: Booking } | { readonly code: unknown };

describe(`${BUYERS} buyers at once`, () => {
  const office = boxOffice({ REQUESTS_PER_SECOND: "1000000", COMMANDS_PER_SECOND: "1000000" });
  const purchases = new Purchases(office);

  /** As `Retry-After` and `IN_PROGRESS` tell clients to. */
  const persist = async <Answered>(ask: () => Promise<Answer<Answered>>): Promise<Answer<Answered>> => {
    for (;;) {
      const answer = await ask();
      const { code } = (answer.body ?? {}) as Body; // A problem, or not.
      if (answer.status < 500 && code !== "RATE_LIMITED" && code !== "IN_PROGRESS") return answer;
      expect(code).toBeOneOf(["BUSY", "UNAVAILABLE", "RATE_LIMITED", "IN_PROGRESS"]);
      await pause(AGAIN_MS);
    }
  };

  /** The seat, else the best that is left. Best available keeps wheelchair places back, so each seat is somebody's wish. */
  const buyOne = async ({ token }: Person, showtime: string, key: string, seat: number): Promise<Outcome> => {
    const post = <Answered>(path: string, body: object, what = path): Promise<Answer<Answered & Body>> =>
      persist(() => office.rest.post(path, { token, body, headers: { "idempotency-key": `${key}-${what}` } }));
    const wish = await post<HoldView>(`showtimes/${showtime}/holds`, { seats: [seat] }, "wish");
    const taken = wish.body["code"] === "SEAT_TAKEN";
    const hold = taken ? await post<HoldView>(`showtimes/${showtime}/holds`, { best: { count: 1 } }) : wish;
    if (hold.status !== 201) return { code: hold.body["code"] };
    const { status, body } = await post<Booking>("bookings", { holdId: hold.body.holdId });
    if (status !== 201) return { code: body["code"] };
    const paid = await post(`bookings/${body.id}/payments`, { method: "mock", token: "tok_ok" });
    expect([paid.status, paid.body]).toEqual([202, expect.anything()]);
    for (;;) {
      const read = await persist(() => office.rest.get<Booking>(`bookings/${body.id}`, { token }));
      expect(read.status).toBe(200);
      if (!["pending", "paying"].includes(read.body.status)) return { booking: read.body };
      await pause(AGAIN_MS);
    }
  };

  it("get one ticket per seat, and all others a clear answer", { timeout: 60_000 + BUYERS * 100 }, async () => {
    const showtime = office.anotherShowtime(HALL);
    const seats = (await office.rest.seats(showtime)).statuses.length;
    const people: Person[] = [];
    let coming = 0;
    const comeIn = async (): Promise<void> => {
      while (coming++ < BUYERS) people.push(await office.guest());
    };
    await Promise.all(Array.from({ length: ARRIVING_AT_ONCE }, comeIn));

    const begun = performance.now();
    const outcomes = await Promise.all(people.map((person, at) => buyOne(person, showtime, `buyer-${at}`, at % seats)));
    const ms = performance.now() - begun;
    const bought = outcomes.flatMap((outcome) => ("booking" in outcome ? [outcome.booking] : []));
    const refused = outcomes.flatMap((outcome) => ("code" in outcome ? [outcome.code] : []));
    console.log(
      JSON.stringify({ buyers: people.length, seats, bought: bought.length, seconds: Number((ms / 1_000).toFixed(1)) }),
    );

    expect(new Set(bought.map(({ status }) => status))).toEqual(new Set(["confirmed"]));
    expect(new Set(refused)).toEqual(new Set(["NOT_ENOUGH_SEATS"]));
    expect(bought.flatMap((booking) => booking.seats).sort((a, b) => a - b)).toEqual(
      Array.from({ length: seats }, (_, seat) => seat),
    );
    expect((await office.rest.seats(showtime)).statuses).toBe("2".repeat(seats));
    await expect.poll(() => audit(office.databaseUrl), { timeout: 60_000, interval: 200 }).toEqual([]);
    expect(await keptByGateway(office.databaseUrl)).toBe(bought.reduce((sum, { total }) => sum + total.amount, 0));
    await purchases.balances();
  });
});
