/** GraphQL, for those who come from GraphQL booking systems: the same rules and rights as REST. */
import { describe, expect, it } from "vitest";
import { boxOffice } from "../support/box-office.ts";
import type { Answer } from "../support/rest.ts";
import { problem, Purchases } from "../support/purchases.ts";

const office = boxOffice();
const purchases = new Purchases(office);

interface Result {
  readonly success: boolean;
  readonly code: string | null;
  readonly message: string;
  readonly lockId: string | null;
  readonly booking: Readonly<Record<string, unknown>> | null;
}
interface Reply {
  readonly data?: Readonly<Record<string, Result>> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

const RESULT = `{ success code message lockId booking {
  id userId showtimeId seats totalAmount status paymentTransactionId createdAt updatedAt
} }`;
const CREATE = `mutation ($user: ID!, $showtime: ID!, $seats: [SeatNumber!]!) {
  result: createBooking(userId: $user, showtimeId: $showtime, seatNumbers: $seats) ${RESULT}
}`;
const PAY = `mutation ($booking: ID!, $method: String!, $details: PaymentDetails) {
  result: processPayment(bookingId: $booking, paymentMethod: $method, paymentDetails: $details) ${RESULT}
}`;
const READ = `query ($booking: ID!) { result: getBooking(bookingId: $booking) ${RESULT} }`;
const LIST = `query ($user: ID!) { result: getUserBookings(userId: $user) ${RESULT} }`;

const post = (body: unknown, token?: string, key?: string): Promise<Answer<Reply>> =>
  office.rest.post("/graphql", {
    body,
    headers: key === undefined ? {} : { "idempotency-key": key },
    ...(token !== undefined && { token }),
  });
async function ask(query: string, variables: object, token: string, key?: string): Promise<Result> {
  const { body } = await post({ query, variables }, token, key);
  expect(body.errors).toBeUndefined();
  const result = body.data?.["result"];
  if (result === undefined) throw new Error("no data");
  return result;
}

it("books, pays, and reads", async () => {
  const [showtime, { token, userId }] = [office.anotherShowtime("ha_studio"), await office.guest()];
  const created = await ask(CREATE, { user: userId, showtime, seats: [5, 6] }, token);
  expect(created).toMatchObject({
    success: true,
    message: expect.any(String),
    lockId: expect.any(String),
    booking: { userId, showtimeId: showtime, seats: [5, 6], status: "pending", totalAmount: expect.any(Number) },
  });
  const booking = String(created.booking?.["id"]);
  const paid = await ask(PAY, { booking, method: "mock", details: { token: "tok_ok" } }, token);
  expect(paid).toMatchObject({ success: true, booking: { paymentTransactionId: expect.any(String) } });
  await expect
    .poll(() => ask(READ, { booking }, token), { timeout: 20_000 })
    .toMatchObject({ success: true, booking: { status: "confirmed" } });
  const { body } = await post({ query: LIST, variables: { user: userId } }, token);
  expect(body.data?.["result"]).toMatchObject([{ booking: { id: booking } }]);
  // It is the same booking.
  expect(await purchases.read({ userId, token }, booking)).toMatchObject({ status: "confirmed", seats: [5, 6] });
});

it("takes the labels of seats too, says no to what is taken, and repeats its answer for a key", async () => {
  const [showtime, { token, userId }] = [office.anotherShowtime("ha_studio"), await office.guest()];
  const { seats } = await office.rest.layout(showtime);
  const variables = { user: userId, showtime, seats: [seats[9]?.label] };
  const first = await ask(CREATE, variables, token, "key-1");
  expect(first).toMatchObject({ success: true, booking: { seats: [9] } });
  for (let times = 0; times < 3; times++) {
    const again = await ask(CREATE, variables, token, "key-1");
    expect(again).toEqual(first);
  }
  const other = await office.guest();
  const taken = await ask(CREATE, { user: other.userId, showtime, seats: [9] }, other.token);
  expect(taken).toMatchObject({ success: false, code: "SEAT_TAKEN", booking: null });
  const nowhere = await ask(CREATE, { user: userId, showtime, seats: [9_999] }, token);
  expect(nowhere).toMatchObject({ success: false, code: "NOT_FOUND" });
  const declined = await ask(PAY, { booking: first.booking?.["id"], method: "mock", details: "tok_declined" }, token);
  expect(declined).toMatchObject({ success: false, message: expect.stringMatching(/declined/) });
});

describe("rights", () => {
  it("are those of REST", async () => {
    const [showtime, owner, other] = [office.anotherShowtime("ha_studio"), await office.guest(), await office.guest()];
    const { id } = await purchases.book(owner, showtime, [1]);
    const inTheNameOf = { user: owner.userId, showtime, seats: [3] };
    expect(await ask(CREATE, inTheNameOf, other.token)).toMatchObject({ success: false, code: "FORBIDDEN" });
    expect(await ask(READ, { booking: id }, other.token)).toMatchObject({ success: false, code: "BOOKING_NOT_FOUND" });
    expect(await ask(PAY, { booking: id, method: "mock", details: "tok_ok" }, other.token)).toMatchObject({
      success: false,
      code: "BOOKING_NOT_FOUND",
    });
    expect(await ask(PAY, { booking: id, method: "terminal" }, owner.token)).toMatchObject({
      success: false,
      code: "FORBIDDEN",
    });
    const list = await post({ query: LIST, variables: { user: owner.userId } }, other.token);
    expect(list.body.errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
    const admin = await purchases.admin();
    expect(await ask(READ, { booking: id }, admin.token)).toMatchObject({ success: true, booking: { id } });
    const { token } = await purchases.person("gate");
    const gate = await post({ query: READ, variables: { booking: id } }, token);
    expect(gate.body.errors).toMatchObject([{ extensions: { code: "FORBIDDEN" } }]);
  });

  it("strangers may look at the schema, and at nothing else", async () => {
    const schema = await post({ query: "{ __schema { mutationType { fields { name } } } }" });
    expect(JSON.stringify(schema.body.data)).toMatch(/createBooking.*processPayment/);
    const stranger = await post({ query: READ, variables: { booking: "bk_x" } });
    expect([stranger.status, stranger.body.errors?.[0]?.extensions.code]).toEqual([401, "UNAUTHORIZED"]);
    expect(await post({ query: READ }, "not.a.token")).toMatchObject(problem(401, "UNAUTHORIZED"));
  });
});

describe("bad input", () => {
  it.each<[string, unknown]>([
    ["nothing", {}],
    ["no text", { query: 7 }],
    ["no GraphQL", { query: "{" }],
    ["an unknown field", { query: "{ users { password } }" }],
    ["an unknown key", { query: "{ __typename }", root: true }],
    ["variables of a wrong type", { query: READ, variables: { booking: { id: 1 } } }],
    ["no seats' type", { query: CREATE, variables: { user: "u", showtime: "s", seats: [{}] } }],
    ["a query that is too long", { query: `{ ${" ".repeat(100_000)} __typename }` }],
    ["a batch", [{ query: "{ __typename }" }]],
  ])("%s is refused with a code", async (_, body) => {
    const { token } = await office.guest();
    const answer = await post(body, token);
    expect(answer.status).toBeOneOf([400, 413]);
    const { code } = answer.body as unknown as { code?: string };
    expect(code ?? answer.body.errors?.[0]?.extensions.code).toBeOneOf(["BAD_MESSAGE", "TOO_LARGE"]);
  });

  it("what is too deep or too dear is refused before it runs", async () => {
    const { token, userId } = await office.guest();
    const types = "ofType { ".repeat(30) + "name" + " }".repeat(30);
    const many = Array.from({ length: 200 }, (_, at) => `a${at}: getBooking(bookingId: "b") { success }`).join(" ");
    const lists = Array.from(
      { length: 20 },
      (_, at) => `l${at}: getUserBookings(userId: "${userId}", limit: 100) ${RESULT}`,
    );
    const doubling = Array.from({ length: 190 }, (_, at) => `fragment f${at} on Query { ...f${at + 1} ...f${at + 1} }`);
    for (const query of [
      `{ ...f0 } ${doubling.join(" ")} fragment f190 on Query { ...f0 }`,
      `{ __schema { types { fields { type { ${types} } } } } }`,
      `{ ${many} }`,
      `{ ${lists.join(" ")} }`,
    ]) {
      const { status, body } = await post({ query }, token);
      expect([status, body.errors?.[0]?.extensions.code]).toEqual([400, "BAD_MESSAGE"]);
    }
  });
});
