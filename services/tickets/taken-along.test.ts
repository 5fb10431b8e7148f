import { createPublicKey, type JsonWebKey, verify } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemRandom } from "../../platform/random/index.ts";
import { eventually } from "../../platform/testing/eventually.ts";
import { TICKETS_PDF } from "../../proto/services/index.ts";
import { testServer } from "../../platform/http/testing.ts";
import { fromBase32 } from "./code/base32.ts";
import { rotateTicketKeys } from "./index.ts";
import { PRINTED_AT_ONCE, PRINTS_WAITING_MAX } from "./limits.ts";
import { useOffice } from "./testing/office.ts";
import { readPdf } from "./testing/pdf.ts";
import { readQrSvg } from "./testing/read-qr.ts";

const office = useOffice();
const { nextBooking, list, checkIn } = office;

describe("a ticket can be taken along", () => {
  it("as a picture whose code is the ticket's", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [55]);
    const [ticket] = await list(bookingId);
    const response = await office.world.call("GET", `/tickets/${ticket!.id}.svg`);
    expect(response.headers["content-type"]).toBe("image/svg+xml; charset=utf-8");
    expect(readQrSvg(response.body)).toBe(ticket!.qr);
  });

  it("on paper: alone, with the others of its booking, and by mail", async () => {
    const booking = office.world.peers.book(nextBooking(), [56, 57]);
    const tickets = await list(booking.bookingId);
    const one = await office.world.call("GET", `/tickets/${tickets[1]!.id}.pdf`);
    expect(one.headers["content-type"]).toBe("application/pdf");
    expect(one.headers["content-disposition"]).toBe(`inline; filename="ticket-${tickets[1]!.id}.pdf"`);
    expect(readPdf(one.rawPayload).map(({ lines }) => lines.at(-1))).toEqual([tickets[1]!.id]);
    const all = await office.world.call("GET", `/bookings/${booking.bookingId}/tickets.pdf`);
    expect(readPdf(all.rawPayload).map(({ lines }) => lines.at(-1))).toEqual(tickets.map(({ id }) => id));
    const mailed = await office.world.bus.request(TICKETS_PDF, booking, { timeoutMs: 5_000 });
    expect(mailed!.fileName).toBe(`tickets-${booking.bookingId}.pdf`);
    expect(readPdf(mailed!.bytes)).toHaveLength(2);
  });

  it("and be verified where there is no network, by the published keys, also after a rotation", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [58]);
    const [before] = await list(bookingId);
    rotateTicketKeys({ dataDir: office.world.dataDir, clock: office.world.clock, random: systemRandom });
    const other = office.world.another();
    const fresh = await testServer();
    await fresh.app.register(other.wellKnown);
    const shown = await fresh.app.inject({ url: "/.well-known/ticket-keys.json" });
    await fresh.close();
    expect(shown.headers["cache-control"]).toBe("no-cache");
    const { keys } = shown.json<{ keys: JsonWebKey[] }>();
    expect(keys).toHaveLength(2);
    const bytes = Buffer.from(fromBase32(before!.qr)!);
    const published = keys.find((key) => "kid" in key && key["kid"] === bytes.toString("hex", 1, 5))!;
    const key = createPublicKey({ key: published, format: "jwk" });
    expect(verify(null, bytes.subarray(0, -64), key, bytes.subarray(-64))).toBe(true);
    expect((await checkIn(before!.qr)).statusCode).toBe(200);
  });
});

describe("more prints at once than there is room for", () => {
  /** The hall's plan stays away until then, and every print with it. */
  function holdPrints(): () => void {
    let open = (): void => {};
    const opened = new Promise<void>((resolve) => (open = resolve));
    office.world.peers.beforePlan = () => opened;
    return open;
  }
  const refused: unknown[] = [];
  const print = async (user: string, bookingId: string) => {
    const answer = await office.world.call("GET", `/bookings/${bookingId}/tickets.pdf`, { user });
    if (answer.statusCode !== 200) refused.push(answer.json());
    return answer.statusCode;
  };
  const untilRefused = () =>
    eventually(() => expect(refused).toContainEqual(expect.objectContaining({ status: 503, code: "BUSY" })));
  beforeEach(() => (refused.length = 0));
  afterEach(() => (office.world.peers.beforePlan = () => {}));

  it("are BUSY, at once, and the others are printed", async () => {
    const room = PRINTED_AT_ONCE + PRINTS_WAITING_MAX;
    const bookings = Array.from({ length: room + 5 }, (_, at) =>
      office.world.peers.book(nextBooking(), [61 + at], { userId: `reader-${at}` }),
    );
    const open = holdPrints();
    const printing = bookings.map(({ userId, bookingId }) => print(userId, bookingId));
    await untilRefused();
    open();
    expect((await Promise.all(printing)).filter((status) => status === 200).length).toBeGreaterThan(0);
    expect(await print("reader-0", bookings[0]!.bookingId)).toBe(200);
  });

  it("of one reader keep nobody else's away, nor the mails", async () => {
    const { bookingId } = office.world.peers.book(nextBooking(), [110]);
    const others = office.world.peers.book(nextBooking(), [111], { userId: "bob" });
    await list(bookingId);
    const open = holdPrints();
    const printing = Array.from({ length: PRINTED_AT_ONCE + PRINTS_WAITING_MAX + 5 }, () => print("ada", bookingId));
    await untilRefused();
    office.world.peers.beforePlan = () => {};
    expect(await print("bob", others.bookingId)).toBe(200);
    expect(await office.world.bus.request(TICKETS_PDF, others, { timeoutMs: 5_000 })).not.toBeNull();
    open();
    expect(await Promise.all(printing)).toContain(200);
    expect(await print("ada", bookingId)).toBe(200);
  });
});
