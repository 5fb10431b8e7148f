/** Each POST that holds, books, pays or cancels: twice at once, ten times in a row, and with a changed body. */
import { describe, expect, it } from "vitest";
import type { Booking } from "../../proto/rest/index.ts";
import { boxOffice, type Person } from "../support/box-office.ts";
import type { Answer } from "../support/rest.ts";
import { problem, Purchases } from "../support/purchases.ts";

const office = boxOffice();
const purchases = new Purchases(office);
type Body = Readonly<Record<string, unknown>>;

interface Post {
  readonly person: Person;
  readonly path: string;
  readonly body: object;
  /** Another that would be good as well. */
  readonly changed: object;
  readonly status: number;
}

/** Everything that goes before the request in question. */
const POSTS: Readonly<Record<string, () => Promise<Post>>> = {
  "POST /showtimes/:id/holds": async () => ({
    person: await office.guest(),
    path: `showtimes/${office.anotherShowtime("ha_studio")}/holds`,
    body: { seats: [1, 2] },
    changed: { seats: [1, 3] },
    status: 201,
  }),
  "POST /holds/:id/extend": async () => {
    const person = await office.guest();
    const { holdId } = await purchases.hold(person, office.anotherShowtime("ha_studio"), [1]);
    return { person, path: `holds/${holdId}/extend`, body: {}, changed: { more: 1 }, status: 200 };
  },
  "POST /bookings": async () => {
    const person = await office.guest();
    const showtime = office.anotherShowtime("ha_studio");
    const [{ holdId }, other] = [
      await purchases.hold(person, showtime, [1]),
      await purchases.hold(person, showtime, [3]),
    ];
    return { person, path: "bookings", body: { holdId }, changed: { holdId: other.holdId }, status: 201 };
  },
  "POST /bookings/:id/payments": async () => {
    const person = await office.guest();
    const { id } = await purchases.book(person, office.anotherShowtime("ha_studio"), [1]);
    const by = (token: string) => ({ method: "mock", token });
    return { person, path: `bookings/${id}/payments`, body: by("tok_ok"), changed: by("tok_slow"), status: 202 };
  },
  "POST /bookings/:id/cancel": async () => {
    const person = await office.guest();
    const { id } = await purchases.buy(person, office.anotherShowtime("ha_classic"), [1, 2]);
    return { person, path: `bookings/${id}/cancel`, body: { seats: [1] }, changed: { seats: [2] }, status: 200 };
  },
  "POST /tickets/:id/reissue": async () => {
    const person = await office.guest();
    const { id } = await purchases.buy(person, office.anotherShowtime("ha_classic"), [1]);
    const [ticket] = await purchases.tickets(person, id, 1);
    return { person, path: `tickets/${ticket?.id}/reissue`, body: {}, changed: { seats: [2] }, status: 200 };
  },
  "POST /tickets/check-in": async () => {
    const buyer = await office.guest();
    const { id } = await purchases.buy(buyer, office.anotherShowtime("ha_classic"), [1, 2]);
    const [one, two] = await purchases.tickets(buyer, id, 2);
    const person = await purchases.person("gate");
    return { person, path: "tickets/check-in", body: { qr: one?.qr }, changed: { qr: two?.qr }, status: 200 };
  },
};

const send = ({ person, path }: Post, body: object, key: string): Promise<Answer<Body>> =>
  office.rest.post(path, { token: person.token, body, headers: { "idempotency-key": key } });

describe.each(Object.entries(POSTS))("%s", (_, prepare) => {
  it("twice at once: one is carried out, the other gets its answer, or is told that it is still running", async () => {
    const post = await prepare();
    const answers = await Promise.all([send(post, post.body, "same"), send(post, post.body, "same")]);
    const made = answers.filter(({ status }) => status === post.status);
    expect(made, JSON.stringify(answers)).not.toEqual([]);
    for (const answer of answers) {
      if (answer.status === post.status) expect(answer.body).toEqual(made[0]?.body);
      else expect(answer).toMatchObject(problem(409, "IN_PROGRESS"));
    }
    expect(await send(post, post.body, "same")).toMatchObject({ status: post.status, body: made[0]?.body });
  });

  it("ten times in a row: one answer; with a changed body: refused", async () => {
    const post = await prepare();
    const answers: Answer<Body>[] = [];
    for (let times = 0; times < 10; times++) answers.push(await send(post, post.body, "again"));
    const reordered = Object.fromEntries(Object.entries(post.body).toReversed());
    answers.push(await send(post, reordered, "again"));
    for (const { status, body } of answers) expect([status, body]).toEqual([post.status, answers[0]?.body]);
    const changed = await send(post, post.changed, "again");
    // What the call does not know at all is not even compared.
    if (changed.status !== 400) expect(changed).toMatchObject(problem(422, "IDEMPOTENCY_KEY_REUSED"));
    await purchases.balances();
  });

  it("a key that is none", async () => {
    const post = await prepare();
    for (const key of ["a b", "x".repeat(300)]) {
      expect(await send(post, post.body, key)).toMatchObject(problem(400, "BAD_MESSAGE"));
    }
  });
});

describe.each(["POST /holds/:id/extend", "POST /tickets/:id/reissue"])("%s takes nothing:", (name) => {
  it("without a body it is the same request as with an empty one", async () => {
    const post = (await POSTS[name]?.())!;
    const sent = { token: post.person.token, headers: { "idempotency-key": "without" } };
    const answers = [await office.rest.post(post.path, sent), await office.rest.post(post.path, { ...sent, body: {} })];
    for (const { status, body } of answers) expect([status, body]).toEqual([post.status, answers[0]?.body]);
  });

  it("a body that is nested ever so deeply is refused", async () => {
    const { token } = await office.guest();
    const body = "[".repeat(32_000) + "]".repeat(32_000);
    const path = name.slice("POST /".length).replace(":id", "x");
    expect(await office.rest.post(path, { token, body, headers: { "idempotency-key": "deep" } })).toMatchObject(
      problem(400, "BAD_MESSAGE"),
    );
  });
});

it("keys are each user's own", async () => {
  const showtime = office.anotherShowtime("ha_classic");
  const [one, two] = [await office.guest(), await office.guest()];
  for (const [at, { token }] of [one, two].entries()) {
    const answer = await office.rest.post(`showtimes/${showtime}/holds`, {
      token,
      body: { seats: [at] },
      headers: { "idempotency-key": "mine" },
    });
    expect([answer.status, answer.body["seats"]]).toEqual([201, [at]]);
  }
});

it("a partial cancellation that is repeated gives the money of one seat back", async () => {
  const guest = await office.guest();
  const { id, tickets } = await purchases.buy(guest, office.anotherShowtime("ha_classic"), [4, 5]);
  for (let times = 0; times < 3; times++) {
    const { status } = await office.rest.post(`bookings/${id}/cancel`, {
      token: guest.token,
      body: { seats: [4] },
      headers: { "idempotency-key": "once" },
    });
    expect(status).toBe(200);
  }
  const { total, seats }: Booking = await purchases.read(guest, id);
  expect([seats, total]).toEqual([[5], tickets[1]?.price]);
  await purchases.balances();
});
