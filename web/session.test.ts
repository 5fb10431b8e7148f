import { describe, expect, test } from "vitest";
import { RestClient } from "../client/index.ts";
import { ManualClock } from "../client/testing/manual-clock.ts";
import { Session } from "./session.ts";

test("of two guests asked for at once the page keeps the one that the client signs in as: the second", async () => {
  const answers: ((token: string) => void)[] = [];
  const fetch = () =>
    new Promise<Response>((resolve) => answers.push((accessToken) => resolve(Response.json({ accessToken }))));
  const rest = new RestClient("http://127.0.0.1", { fetch });
  const session = new Session({ rest, storage: { getItem: () => null, setItem: () => {} } });
  const tokens = [session.token("connecting"), session.token("connecting")];
  answers[1]?.("second");
  expect(await tokens[1]).toBe("second");
  answers[0]?.("first");
  expect(await tokens[0]).toBe("first");
  expect(session.savedToken).toBe("second");
});

test("what was asked for before there was a guest is the first guest's, and nobody else's", async () => {
  const fetch = () => Promise.resolve(Response.json({ accessToken: "fresh" }));
  const rest = new RestClient("http://127.0.0.1", { fetch });
  const shelf = { kept: "{}" };
  const now = { ms: 5_000 };
  const open = (): Session =>
    new Session({
      rest,
      storage: { getItem: () => shelf.kept, setItem: (_, text) => void (shelf.kept = text) },
      now: () => now.ms,
    });
  const session = open();
  const request = { rid: "r1", wish: { seats: [5], accessible: false } };
  session.keepRequests("premiere", [{ ...request, ageMs: 100 }]);
  await session.token("connecting");
  now.ms += 200;
  expect(open().requestsOf("premiere")).toEqual([{ ...request, ageMs: 300 }]);
  expect(open().requestsOf("matinee")).toEqual([]);
  await session.token("refused");
  expect(open().requestsOf("premiere")).toEqual([]);
});

test("a guest who is forgotten is nobody's any more: nothing that was under way takes the place", async () => {
  let answer = (): void => {};
  const fetch = () =>
    new Promise<Response>((resolve) => (answer = () => resolve(Response.json({ accessToken: "late" }))));
  const rest = new RestClient("http://127.0.0.1", { fetch });
  const shelf = { kept: JSON.stringify({ token: "present", holds: { premiere: ["premiere.1"] }, booked: true }) };
  const storage = { getItem: () => shelf.kept, setItem: (_: string, text: string) => void (shelf.kept = text) };
  let changes = 0;
  const session = new Session({ rest, storage, changed: () => changes++ });
  expect([session.holds, session.hasBooked]).toEqual([["premiere.1"], true]);
  const asked = session.token("refused");
  session.forget();
  answer();
  await asked;
  session.keepHolds("premiere", ["premiere.2"]);
  session.keepRequests("premiere", [{ rid: "r1", wish: { seats: [5], accessible: false }, ageMs: 0 }]);
  expect([session.savedToken, session.holds, session.hasBooked, changes]).toEqual([undefined, [], false, 1]);
  expect(JSON.parse(shelf.kept)).toEqual({ holds: {} });
});

describe("a guest whose token is about to end", () => {
  function renew() {
    let answer = (): void => {};
    const fetch = () =>
      new Promise<Response>((resolve) => (answer = () => resolve(Response.json({ accessToken: "next" }))));
    const rest = new RestClient("http://127.0.0.1", { fetch });
    const shelf = { getItem: () => JSON.stringify({ token: "present" }), setItem: () => {} };
    const clock = new ManualClock();
    const session = new Session({ rest, storage: shelf, now: () => clock.monotonic() });
    const renewed = session.token("ending").catch((error: Error) => error.message);
    return { clock, session, renewed, answer: () => answer() };
  }

  test("is another from then on, if there is nothing to lose", async () => {
    const { session, renewed, answer } = renew();
    answer();
    expect(await renewed).toBe("next");
    expect(session.savedToken).toBe("next");
  });

  test("stays with what was held while the next guest was asked for", async () => {
    const { session, renewed, answer } = renew();
    session.keepHolds("premiere", ["premiere.1"]);
    answer();
    expect(await renewed).toMatch("cannot be renewed");
    expect(session.savedToken).toBe("present");
    expect(session.holdsOf("premiere")).toEqual(["premiere.1"]);
  });

  test("stays with what was bought until the token is over, and is the next one then", async () => {
    const { clock, session, renewed, answer } = renew();
    session.keepBooked();
    answer();
    expect(await renewed).toMatch("cannot be renewed");
    clock.advance(59_999);
    await expect(session.token("ending")).rejects.toThrow("cannot be renewed");
    clock.advance(1);
    const next = session.token("ending");
    answer();
    expect(await next).toBe("next");
    session.keepBooked();
    await expect(session.token("ending")).rejects.toThrow("cannot be renewed");
  });
});
