import { getIntrospectionQuery } from "graphql";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Role } from "../../../proto/index.ts";
import { LABELLED_SEATS } from "../../../proto/services/index.ts";
import { as } from "../../../platform/http/testing.ts";
import { call, PRICE, type Shop, World } from "../testing/world.ts";

let world: World;
let shop: Shop;
let showtime: string;

beforeAll(async () => {
  world = await World.open();
  shop = await world.shop();
});
beforeEach(async () => {
  showtime = await world.openShowtime();
});
afterAll(() => world.close());

interface Asking {
  readonly user?: string | null;
  readonly role?: Role;
  readonly key?: string;
}

const send = (payload: unknown, { user = "ada", role, key }: Asking = {}) =>
  shop.app.inject({
    method: "POST",
    url: "/graphql",
    headers: { ...(user !== null && as(user, role)), ...(key !== undefined && { "idempotency-key": key }) },
    payload: payload as object, // Some are hostile: they are sent as they are.
  });
const ask = async (query: string, variables: object = {}, asking: Asking = {}) =>
  (await send({ query, variables }, asking)).json();

const RESULT = `success code message lockId paymentUrl
  booking { id userId showtimeId seats seatLabels totalAmount refundedAmount refundingAmount capturedAmount capturedAt refundedAt cancelledSeats cancelledSeatLabels cancelledAmount currency status reason paymentTransactionId createdAt updatedAt }`;
const CREATE = `mutation ($user: ID!, $showtime: ID!, $seats: [SeatNumber!]!) {
  createBooking(userId: $user, showtimeId: $showtime, seatNumbers: $seats) { ${RESULT} } }`;
const PAY = `mutation ($id: ID!, $method: String!, $details: PaymentDetails) {
  processPayment(bookingId: $id, paymentMethod: $method, paymentDetails: $details) { ${RESULT} } }`;
const GET = `query ($id: ID!) { getBooking(bookingId: $id) { ${RESULT} } }`;
const MINE = `query ($user: ID!) { getUserBookings(userId: $user) { ${RESULT} } }`;

const create = async (seats: readonly (number | string)[], asking: Asking = {}, user = asking.user ?? "ada") =>
  (await ask(CREATE, { user, showtime, seats }, asking)).data.createBooking;
const pay = async (id: string, details: unknown = "ok", method = "mock", asking: Asking = {}) =>
  (await ask(PAY, { id, method, details }, asking)).data.processPayment;

describe("a purchase", () => {
  it("is created, paid and read", async () => {
    const created = await create(["A1", 1]);
    expect(created).toMatchObject({
      success: true,
      code: null,
      lockId: expect.stringContaining(`${showtime}.`),
      booking: {
        userId: "ada",
        showtimeId: showtime,
        seats: [0, 1],
        seatLabels: ["A1", "A2"],
        status: "pending",
        totalAmount: 2 * PRICE.adult,
        currency: "EUR",
        paymentTransactionId: null,
      },
    });
    const untouched = {
      refundedAmount: 0,
      refundingAmount: 0,
      capturedAmount: null,
      capturedAt: null,
      refundedAt: null,
    };
    expect(created.booking).toMatchObject(untouched);
    const { id } = created.booking;
    const paid = await pay(id, { token: "ok" });
    expect(paid).toMatchObject({
      success: true,
      booking: { id, status: "confirmed", paymentTransactionId: expect.stringMatching(/^pay_/) },
    });
    expect((await ask(GET, { id })).data.getBooking.booking).toEqual(paid.booking);
    const mine = (await ask(MINE, { user: "ada" })).data.getUserBookings;
    expect(mine.map(({ booking }: { booking: { id: string } }) => booking.id)).toContain(id);
    expect(await world.booked(showtime)).toEqual([0, 1]);
  });

  it("shows what of it was given back while the rest was kept", async () => {
    const { id } = (await create([0, 1, 2])).booking;
    await pay(id, "ok");
    await call(shop, "POST", `/bookings/${id}/cancel`, { body: { seats: [1] } });
    expect((await ask(GET, { id })).data.getBooking.booking).toMatchObject({
      seats: [0, 2],
      totalAmount: 2 * PRICE.adult,
      cancelledSeats: [1],
      cancelledSeatLabels: ["A2"],
      cancelledAmount: PRICE.adult,
    });
  });

  it("is one of many in the longest list, with all there is of each", async () => {
    await create([0]);
    const all = RESULT.replaceAll("{", "{ __typename"); // As the usual clients have it.
    const query = `query ($user: ID!) { getUserBookings(userId: $user, limit: 50) { __typename ...R } } fragment R on BookingResult { ${all} }`;
    expect((await ask(query, { user: "ada" })).data.getUserBookings).toContainEqual(
      expect.objectContaining({ booking: expect.objectContaining({ showtimeId: showtime }) }),
    );
  });

  it("may cost more than an Int holds", async () => {
    const { adult } = PRICE;
    PRICE.adult = 2 ** 30;
    const { booking } = await create([0, 1]).finally(() => (PRICE.adult = adult));
    expect(booking).toMatchObject({ status: "pending", totalAmount: 2 ** 31 });
  });

  it("says why a payment was declined", async () => {
    const { booking } = await create([0]);
    expect(await pay(booking.id, "declined")).toMatchObject({
      success: false,
      message: "The card was declined.",
      booking: { status: "failed" },
    });
  });

  it("shows where to pay without a token, and takes literals as well", async () => {
    const made = await ask(
      `mutation { createBooking(userId: "ada", showtimeId: "${showtime}", seatNumbers: [3, "A5"]) { booking { id seats } } }`,
    );
    const { id, seats } = made.data.createBooking.booking;
    expect(seats).toEqual([3, 4]);
    const answer = await ask(`mutation { processPayment(bookingId: "${id}", paymentMethod: "mock") { ${RESULT} } }`);
    expect(answer.data.processPayment).toMatchObject({
      success: true,
      paymentUrl: expect.stringContaining("http://gateway.example/"),
      booking: { status: "paying" },
    });
  });

  it("takes a variable for the token within a literal", async () => {
    const { id } = (await create([0])).booking;
    const query = `mutation ($id: ID!, $token: String) {
      processPayment(bookingId: $id, paymentMethod: "mock", paymentDetails: { token: $token }) { ${RESULT} } }`;
    for (const token of [null, undefined, "", "two words"]) {
      const { errors } = await ask(query, { id, token });
      expect(errors).toMatchObject([{ path: ["processPayment"], extensions: { code: "BAD_MESSAGE" } }]);
    }
    expect((await ask(query, { id, token: "ok" })).data.processPayment).toMatchObject({
      success: true,
      booking: { status: "confirmed" },
    });
  });

  it("asks the catalogue for the seats that are named, and not for the hall", async () => {
    const asked: (readonly string[])[] = [];
    const witness = world.bus.serve(LABELLED_SEATS, ({ labels }) => void asked.push(labels));
    expect(await create(["B1", 3, "B2"])).toMatchObject({ booking: { seats: expect.arrayContaining([3, 12, 13]) } });
    witness.close();
    expect(asked).toEqual([["B1", "B2"]]);
  });

  it("takes digits for an index where no seat is called so", async () => {
    expect(await create(["17"])).toMatchObject({ booking: { seats: [17], seatLabels: ["B6"] } });
  });

  it("at a kiosk is paid by terminal", async () => {
    const kiosk = { user: "kiosk-1", role: "kiosk" } as const;
    const { booking } = await create([0], kiosk);
    expect(await pay(booking.id, null, "terminal", kiosk)).toMatchObject({ booking: { status: "confirmed" } });
  });
});

describe("with an Idempotency-Key", () => {
  it("many requests at once make one booking and one payment", async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => create([0, 1], { key: "k" })));
    expect(new Set(made.map(({ booking }) => booking?.id)).size).toBe(1);
    const { id } = made[0].booking;
    const before = world.payments.starts.length;
    await Promise.all(Array.from({ length: 10 }, () => pay(id, "ok", "mock", { key: "p" })));
    expect(world.payments.starts.length).toBe(before + 1);
    expect(await pay(id, "ok", "mock", { key: "p" })).toMatchObject({
      success: true,
      booking: { status: "confirmed" },
    });
    expect(await create([0, 1], { key: "k" })).toMatchObject({ booking: { id, status: "confirmed" } });
    expect(await create([5], { key: "k" })).toMatchObject({ success: false, code: "IDEMPOTENCY_KEY_REUSED" });
  });

  it("another showtime is another booking", async () => {
    const one = await create([0], { key: "k" });
    showtime = await world.openShowtime();
    const other = await create([0], { key: "k" });
    expect([one.booking.showtimeId, other.booking.showtimeId]).toEqual([expect.any(String), showtime]);
    expect(other.booking.id).not.toBe(one.booking.id);
  });

  it("another card is another payment", async () => {
    const { id } = (await create([0])).booking;
    const before = world.payments.starts.length;
    for (let times = 0; times < 3; times++) {
      const declined = await pay(id, "declined", "mock", { key: "p" });
      expect(declined).toMatchObject({ success: false, message: "The card was declined." });
    }
    expect(world.payments.starts.length).toBe(before + 1);
    expect(await pay(id, "ok", "mock", { key: "p" })).toMatchObject({
      success: true,
      booking: { status: "confirmed" },
    });
    expect(world.payments.starts.length).toBe(before + 2);
  });
});

describe("rights", () => {
  it("are those of REST", async () => {
    const { booking } = await create([0]);
    const eve = { user: "eve" };
    const refused = (code: string) => ({ success: false, code, booking: null, lockId: null });
    expect((await ask(GET, { id: booking.id }, eve)).data.getBooking).toMatchObject(refused("BOOKING_NOT_FOUND"));
    expect(await pay(booking.id, "ok", "mock", eve)).toMatchObject(refused("BOOKING_NOT_FOUND"));
    expect(await pay(booking.id, "ok", "terminal")).toMatchObject(refused("FORBIDDEN"));
    expect(await create([1], eve, "ada")).toMatchObject(refused("FORBIDDEN"));
    const others = await ask(MINE, { user: "ada" }, eve);
    expect(others).toMatchObject({ data: null, errors: [{ extensions: { code: "FORBIDDEN" } }] });
    const admin = { user: "root", role: "admin" } as const;
    expect((await ask(GET, { id: booking.id }, admin)).data.getBooking).toMatchObject({ success: true });
    expect((await ask(MINE, { user: "ada" }, admin)).data.getUserBookings.length).toBeGreaterThan(0);
    expect(await create([2], admin, "ada")).toMatchObject({ booking: { userId: "ada" } });
  });

  it.each([
    [null, undefined, 401, "UNAUTHORIZED"],
    ["ada", "gate", 403, "FORBIDDEN"],
  ] as const)("%s %s is refused", async (user, role, status, code) => {
    for (const [query, variables] of [
      [GET, { id: "bk_1" }],
      [MINE, { user: "ada" }],
      [CREATE, { user: "ada", showtime, seats: [1] }],
      [PAY, { id: "bk_1", method: "mock" }],
    ] as const) {
      const answer = await send({ query, variables }, { user, ...(role && { role }) });
      expect([answer.statusCode, answer.json().errors[0].extensions]).toEqual([status, { code }]);
    }
  });

  it("a token that is none is refused", async () => {
    const answer = await shop.app.inject({
      method: "POST",
      url: "/graphql",
      payload: { query: "{ __typename }" },
      headers: { authorization: "Bearer nonsense" },
    });
    expect(answer.json()).toMatchObject({ status: 401, code: "UNAUTHORIZED" });
  });

  it("strangers may look at the schema", async () => {
    const { data } = await ask(getIntrospectionQuery(), {}, { user: null });
    const [schema] = Object.values<{ types: { name: string }[] }>(data);
    const names = schema?.types.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["Booking", "BookingResult", "SeatNumber"]));
  });
});

describe("over HTTP", () => {
  const OWN = "application/graphql-response+json";
  const answerTo = async (query: string, accept?: string) => {
    const answer = await shop.app.inject({
      method: "POST",
      url: "/graphql",
      headers: { ...(accept !== undefined && { accept }) },
      payload: { query },
    });
    const type = String(answer.headers["content-type"]);
    return { status: answer.statusCode, type, headers: answer.headers, body: answer.json() };
  };

  it.each([
    [undefined, "application/json"],
    ["*/*", "application/json"],
    ["application/json", "application/json"],
    [OWN, OWN],
    [`${OWN}; charset=utf-8, application/json;q=0.9`, OWN],
    [`application/json, Application/GraphQL-Response+json`, OWN],
    [`application/json, ${OWN};q=0.5`, "application/json"],
    [`${OWN};q=0, application/json;q=0`, "application/json"],
  ])("who accepts %s gets %s", async (accept, type) => {
    expect(await answerTo("{ __typename }", accept)).toMatchObject({
      status: 200,
      type: `${type}; charset=utf-8`,
      body: { data: { __typename: "Query" } },
    });
  });

  it.each([undefined, OWN])("what cannot be executed has no data (Accept: %s)", async (accept) => {
    for (const query of ["{", "{ password }", "query A { __typename } query B { __typename }", "subscription { a }"]) {
      const { status, body } = await answerTo(query, accept);
      expect([query, status, Object.keys(body)]).toEqual([query, 400, ["errors"]]);
    }
  });

  it("a stranger is told how to sign in, by status only where that is not the protocol's", async () => {
    const query = `{ getBooking(bookingId: "x") { success } }`;
    const [plain, own] = [await answerTo(query), await answerTo(query, OWN)];
    for (const { headers, body } of [plain, own]) {
      expect(headers["cache-control"]).toBe("no-store");
      expect(body).toMatchObject({ data: null, errors: [{ extensions: { code: "UNAUTHORIZED" } }] });
    }
    expect(plain.headers["www-authenticate"]).toContain("Bearer");
    expect([plain.status, own.status]).toEqual([401, 200]);
  });
});

describe("what goes wrong", () => {
  it.each([
    ["a seat that is taken", [0], "SEAT_TAKEN"],
    ["a label that the hall does not have", ["Z99"], "NOT_FOUND"],
    ["SQL for a label", ["A1'; drop table bookings.booking; --"], "NOT_FOUND"],
    ["HTML for a label", ["<img src=x onerror=alert(1)>"], "NOT_FOUND"],
    ["a seat twice", [7, "A8"], "BAD_MESSAGE"],
    ["no seats", [], "BAD_MESSAGE"],
    ["a seat that the hall does not have", [4_000], "NOT_FOUND"],
  ])("is told in the result: %s", async (_what, seats, code) => {
    await world.hold(showtime, "bob", [0]);
    expect(await create(seats)).toMatchObject({ success: false, code, booking: null });
  });

  it.each([undefined, "k"])("and passes leaves the seats to the next try (Idempotency-Key: %s)", async (key) => {
    const asking = key === undefined ? {} : { key };
    world.closeCatalog();
    const away = await create([0, 1], asking);
    world.openCatalog();
    expect(away).toMatchObject({ success: false, code: "UNAVAILABLE", lockId: null });
    expect(await create([0, 1], asking)).toMatchObject({
      success: true,
      booking: { seats: [0, 1], status: "pending" },
    });
  });

  it.each([
    ["no GraphQL", "nonsense {"],
    ["a parsed document", JSON.stringify({ kind: "Document", definitions: [{}] })],
    ["a field that there is not", "{ password }"],
    ["a negative seat", `mutation { createBooking(userId: "a", showtimeId: "s", seatNumbers: [-1]) { success } }`],
    [
      "an odd token",
      `mutation { processPayment(bookingId: "b", paymentMethod: "mock", paymentDetails: { a: 1 }) { success } }`,
    ],
    ["too deep", `{ getBooking(bookingId: "x") ${"{ booking ".repeat(20)} { id } ${"}".repeat(20)} }`],
    [
      "a hundred bookings in one",
      `mutation { ${Array.from({ length: 100 }, (_, at) => `b${at}: createBooking(userId: "ada", showtimeId: "s", seatNumbers: [${at}]) { success }`).join(" ")} }`,
    ],
    [
      "a list a hundred times",
      `{ ${Array.from({ length: 100 }, (_, at) => `b${at}: getUserBookings(userId: "ada", limit: 50) { success }`).join(" ")} }`,
    ],
    [
      "a booking a hundred times",
      `{ ${Array.from({ length: 100 }, (_, at) => `b${at}: getBooking(bookingId: "x") { success }`).join(" ")} }`,
    ],
    [
      "a list many times by fragments",
      `{ ...A ...B } fragment A on Query { ...B ...B ...B } fragment B on Query { ${Array.from({ length: 40 }, (_, at) => `c${at}: getUserBookings(userId: "ada") { success }`).join(" ")} }`,
    ],
    ["fragments in a ring", "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }"],
    ["lists of lists of types", `{ __schema { types { ${"fields { type { ".repeat(8)} name ${"} } ".repeat(8)} } } }`],
    ["two operations", "query A { __typename } query B { __typename }"],
  ])("is refused: %s", async (_what, query) => {
    const answer = await send({ query });
    expect(answer.statusCode).toBe(400);
    expect(answer.body).not.toMatch(/node_modules|\.ts:|at async/);
    expect(answer.body).toContain("BAD_MESSAGE");
  });

  const aliases = (count: number) => Array.from({ length: count }, (_, at) => `a: b${at}`).join(" ");
  const nested = (fields: string) => `{ getBooking(bookingId: "x") { booking { ${fields} } } }`;
  it.each([
    ["of very many words", `{ ${aliases(660)} }`, "more that 500 tokens"],
    ["of very many words below", nested(aliases(650)), "more that 500 tokens"],
    ["with one name for very many fields", `{ ${aliases(31)} }`, "More than 30 fields are named a."],
    ["with one name for very many fields below", nested(aliases(31)), "More than 30 fields are named a."],
    [
      "with one name for very many fields of a fragment",
      `fragment F on Booking { ${aliases(31)} } ${nested("...F")}`,
      "More than 30 fields are named a.",
    ],
    ["that costs too much", `{ ${Array.from({ length: 81 }, (_, at) => `a${at}: b`).join(" ")} }`, "costs more than"],
  ])("is refused before its fields are compared: a document %s", async (_what, query, reason) => {
    const { errors } = await ask(query, {}, { user: null });
    expect(errors).toMatchObject([{ message: expect.stringContaining(reason), extensions: { code: "BAD_MESSAGE" } }]);
  });

  it.each([
    [null],
    [[]],
    [[{ query: "{ __typename }" }]],
    [{}],
    [{ query: 7 }],
    [{ query: "" }],
    [{ query: "{ __typename }", x: 1 }],
    [{ query: `{ ${"a ".repeat(20_000)} }` }],
  ])("is no request: %j", async (payload) => {
    const answer = await send(payload);
    expect([answer.statusCode, answer.json().code]).toEqual([400, "BAD_MESSAGE"]);
  });

  it("and is not our buyer's business leaves no trace of our code", async () => {
    const broken = await world.shop();
    await broken.mortal.pool.end();
    broken.mortal.kill = () => {};
    const answer = await broken.app.inject({
      method: "POST",
      url: "/graphql",
      headers: as("ada"),
      payload: { query: GET, variables: { id: "bk_1" } },
    });
    expect(answer.json()).toMatchObject({
      errors: [
        { message: expect.stringContaining("Something went wrong on our side"), extensions: { code: "INTERNAL" } },
      ],
    });
    expect(answer.body).not.toContain("pool");
    broken.mortal.dead = true;
    await broken.stop();
  });

  it("while the database is away is said to pass, as over REST", async () => {
    const told: Record<string, unknown>[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void told.push(JSON.parse(line)) });
    const cut = await world.shop({ log });
    const counted = async (code: string) =>
      new RegExp(`^usher_graphql_results_total{code="${code}",.*} (.*)$`, "m").exec(
        (await cut.app.inject("/metrics")).body,
      )?.[1];
    expect(await Promise.all(["OK", "UNAVAILABLE", "BUSY", "INTERNAL"].map(counted))).toEqual(["0", "0", "0", "0"]);
    const gone = new Error("Connection terminated unexpectedly");
    // As a pool does: whoever gives a function is told by it, and is given no promise.
    const connect = (told?: (error: Error) => void) => (told === undefined ? Promise.reject(gone) : told(gone));
    Object.assign(cut.mortal.pool, { connect });
    const get = (query: string, variables: object) =>
      cut.app.inject({ method: "POST", url: "/graphql", headers: as("ada"), payload: { query, variables } });
    expect((await get(GET, { id: "bk_1" })).json()).toMatchObject({
      data: { getBooking: { success: false, code: "UNAVAILABLE", booking: null } },
    });
    const list = await get(MINE, { user: "ada" });
    expect([list.statusCode, list.headers, list.json()]).toMatchObject([
      503,
      { "retry-after": "1" },
      { errors: [{ extensions: { code: "UNAVAILABLE", retryInMs: 1_000 } }] },
    ]);
    // What has another status is counted by that.
    expect([await counted("OK"), await counted("UNAVAILABLE")]).toEqual(["0", "1"]);
    const shared = told.filter(({ route }) => route === "/graphql");
    expect(shared).toMatchObject([{ level: 40, code: "UNAVAILABLE", count: 1, requestId: expect.any(String) }]);
    cut.mortal.dead = true;
    await cut.stop();
  });

  it("ids that cannot be ids are not found", async () => {
    const id = String.raw`"\u{0}"`; // Such an escape reads as JSON, and becomes a character only in GraphQL.
    const missing = { success: false, code: "BOOKING_NOT_FOUND" };
    expect((await ask(`{ getBooking(bookingId: ${id}) { success code } }`)).data.getBooking).toEqual(missing);
    const paid = await ask(`mutation { processPayment(bookingId: ${id}, paymentMethod: "mock") { success code } }`);
    expect(paid.data.processPayment).toEqual(missing);
    const list = await ask(`{ getUserBookings(userId: ${id}) { success } }`, {}, { user: "root", role: "admin" });
    expect(list.errors[0].extensions.code).toBe("NOT_FOUND");
  });

  it("GET and GraphiQL are not served", async () => {
    expect((await shop.app.inject({ url: "/graphql?query={__typename}" })).statusCode).toBe(405);
    expect((await shop.app.inject({ url: "/graphiql" })).statusCode).toBe(404);
  });
});
