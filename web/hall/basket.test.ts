import { describe, expect, test } from "vitest";
import { RestClient } from "../../client/index.ts";
import { ManualClock } from "../../client/testing/manual-clock.ts";
import { GOOD_TOKEN, PREMIERE } from "../../client/testing/scripted-server.ts";
import { createClient, eventOf, startServer } from "../../client/testing/world.ts";
import { Basket } from "./basket.ts";
import { Session } from "../session.ts";

const refusal = (code: string, status: number): Response =>
  Response.json({ code }, { status, headers: { "content-type": "application/problem+json" } });

const keptOf = (holds: readonly string[]): string =>
  JSON.stringify({ token: GOOD_TOKEN, holds: { [PREMIERE]: holds } });

/** The basket of a guest who is signed in; `fetch` is what REST answers, and `kept` what the tab has stored. */
async function openBasket(fetch: (url: string) => Promise<Response>, kept = keptOf([])) {
  const server = await startServer();
  const clock = new ManualClock();
  const client = createClient(server, { clock, limits: { silenceMs: 60_000 } });
  const rest = new RestClient("http://127.0.0.1", {
    fetch: (url) => fetch(url instanceof Request ? url.url : url.toString()),
  });
  const shelf = { kept };
  const storage = { getItem: () => shelf.kept, setItem: (_: string, text: string) => void (shelf.kept = text) };
  const session = new Session({ rest, storage });
  const refusals: unknown[] = [];
  const lost: number[] = [];
  const lostWhy: string[] = [];
  const regained: number[] = [];
  const keptFor: number[] = [];
  const open = { showtime: PREMIERE as string };
  const basketOf = (showtime: string): Basket =>
    new Basket({
      client,
      rest,
      session,
      showtime,
      isOpen: () => open.showtime === showtime,
      changed: () => {},
      failed: (error) => refusals.push(error),
      extended: (msLeft) => keptFor.push(msLeft),
      notExtended: (error) => refusals.push(error),
      found: () => {},
      regained: (seats) => regained.push(...seats),
      lost: (seats, why) => {
        lost.push(...seats);
        lostWhy.push(why);
      },
    });
  const basket = basketOf(PREMIERE);
  await client.connect();
  await eventOf(client, "authed");
  const disconnect = async (): Promise<void> => {
    const waiting = eventOf(client, "state", (state) => state === "waiting");
    for (const link of server.links) link.cut();
    await waiting;
  };
  const reconnect = async (): Promise<void> => {
    const authed = eventOf(client, "authed");
    clock.advance(0);
    await authed;
  };
  const events = { refusals, lost, lostWhy, regained, keptFor };
  return { server, clock, client, session, shelf, open, basketOf, basket, disconnect, reconnect, ...events };
}

test("an answer about a hold from before it was extended does not shorten it", async () => {
  let answer: (response: Response) => void = () => {};
  const { clock, basket } = await openBasket(() => new Promise((resolve) => (answer = resolve)));
  await basket.take([5], false);
  clock.sleep(100_000);
  const refreshed = basket.refresh();
  await basket.extend();
  expect(basket.msLeft).toBe(300_000);
  answer(Response.json({ seats: [5], expiresInMs: 200_000 }));
  await refreshed;
  expect(basket.msLeft).toBe(300_000);
});

test("seats that are on their way back are not called lost", async () => {
  const over = () => Promise.resolve(refusal("HOLD_NOT_FOUND", 404));
  const { server, basket, lost } = await openBasket(over);
  await basket.take([5, 6], false);
  let answer = (): void => {};
  server.script("release", (received) => (answer = () => server.answer(received)));
  const returned = basket.giveBack([5, 6]);
  await server.next("release");
  await basket.refresh();
  expect(basket.seats).toEqual([]);
  answer();
  await returned;
  expect(lost).toEqual([]);
});

test("seats that the hall shows free were given back in another tab; those on their way back are not asked after", async () => {
  let asked = 0;
  const fetch = () => {
    asked++;
    return Promise.resolve(refusal("HOLD_NOT_FOUND", 404));
  };
  const { server, basket, lost, lostWhy } = await openBasket(fetch);
  await basket.take([5, 6], false);
  await basket.take([7], false);
  let answer = (): void => {};
  server.script("release", (received) => (answer = () => server.answer(received)));
  const returned = basket.giveBack([7]);
  await server.next("release");
  basket.sawFree([7, 8]);
  expect(asked).toBe(0);
  answer();
  await returned;
  basket.sawFree([6, 8]);
  await expect.poll(() => basket.seats).toEqual([]);
  expect([lost, lostWhy]).toEqual([[5, 6], ["elsewhere"]]);
});

test("seats that were chosen apart are groups, each to be paid for by itself", async () => {
  const { basket } = await openBasket(() => Promise.reject(new Error("nothing is asked for by REST")));
  await basket.take([5, 6], false);
  await basket.take([7], false);
  expect(basket.groups).toEqual([[5, 6], [7]]);
});

test("a basket is empty when nothing is held, nothing on its way, and nothing in question", async () => {
  const { server, clock, client, basket, refusals } = await openBasket(() =>
    Promise.resolve(Response.json({ seats: [5], expiresInMs: 250_000 })),
  );
  expect(basket.isEmpty).toBe(true);
  let answer = (): void => {};
  server.script("hold", (received) => (answer = () => server.answer(received)));
  const taken = basket.takeBest({ count: 1 }, false);
  await server.next("hold");
  expect(basket.isEmpty).toBe(false);
  answer();
  await taken;
  expect(basket.isEmpty).toBe(false);
  await basket.giveBack(basket.seats);
  expect(basket.isEmpty).toBe(true);

  for (let time = 0; time < 3; time++) server.script("hold", () => {});
  const unheard = basket.take([5], false);
  clock.advance(15_000);
  await unheard;
  expect(refusals).toMatchObject([{ code: "UNAVAILABLE" }]);
  expect(basket.isEmpty).toBe(false);
  clock.sleep(600_000);
  expect(basket.isEmpty).toBe(true);

  basket.close();
  const late = eventOf(client, "lateHold");
  for (let sent = 0; sent < 2; sent++) await server.next("hold");
  server.answer(await server.next("hold"));
  await late;
  expect(basket.seats).toEqual([]);
});

test("a guest is not renewed while a hold is under way", async () => {
  const { server, session, basket } = await openBasket(() => Promise.resolve(Response.json({ accessToken: "next" })));
  const renewed = (): Promise<string> => session.token("ending").catch((error: Error) => error.message);
  let answer = (): void => {};
  server.script("hold", (received) => (answer = () => server.answer(received)));
  const taken = basket.take([5], false);
  await server.next("hold");
  expect(await renewed()).toMatch("cannot be renewed");
  answer();
  await taken;
  expect(await renewed()).toMatch("cannot be renewed");
  await basket.giveBack([5]);
  expect(await renewed()).toBe("next");
});

test("what was never sent in a hall that was left is asked for when the hall is opened again, not before", async () => {
  const { server, clock, client, open, basketOf, basket, disconnect, refusals } = await openBasket(() =>
    Promise.resolve(Response.json({ seats: [5], expiresInMs: 250_000 })),
  );
  const next = basketOf("matinee");
  await disconnect();
  const authed = eventOf(client, "authed");
  const taken = basket.take([5], false);
  clock.advance(15_000);
  await taken;
  expect(refusals).toMatchObject([{ code: "UNAVAILABLE" }]);
  open.showtime = "matinee";
  await authed;
  await next.take([6], false);
  const asked = () => server.received.flatMap(({ message }) => ("seats" in message ? [message.seats] : []));
  expect(asked()).toEqual([[6]]);
  open.showtime = PREMIERE;
  basket.askAgain();
  await expect.poll(() => basket.seats).toEqual([5]);
  expect(asked()).toEqual([[6], [5]]);
});

describe("an extension", () => {
  /** Two holds, the first made 100 seconds before the second. */
  async function holdTwice() {
    const world = await openBasket(() => Promise.reject(new Error("nothing is asked for by REST")));
    const { server, clock, basket } = world;
    await basket.take([5], false);
    clock.sleep(100_000);
    await basket.take([6], false);
    const refuseOnce = (code: "HOLD_PINNED" | "LIMIT_REACHED") =>
      server.script("extend", ({ message, link }) => {
        link.send({ op: "error", code, message: "no", ...("rid" in message && { rid: message.rid }) });
      });
    const extended = () => server.received.flatMap(({ message }) => (message.op === "extend" ? [message.holdId] : []));
    return { ...world, refuseOnce, extended };
  }

  test("is asked for once, and moves the end of all holds", async () => {
    const { server, clock, basket, refusals, lost, refuseOnce, extended } = await holdTwice();
    server.script("extend", (received) => server.answer(received));
    refuseOnce("LIMIT_REACHED");
    await basket.extend();
    expect(refusals).toEqual([]);
    expect(extended()).toHaveLength(1);
    expect(basket.msLeft).toBe(300_000);
    clock.sleep(299_999);
    basket.dropExpired();
    expect(basket.seats).toEqual([5, 6]);
    expect(lost).toEqual([]);
  });

  test("is that of the next hold where one is being paid for, whose end stays", async () => {
    const { client, clock, basket, refusals, lost, refuseOnce, extended } = await holdTwice();
    refuseOnce("HOLD_PINNED");
    await basket.extend();
    expect(refusals).toEqual([]);
    expect(extended()).toHaveLength(2);
    clock.sleep(200_000);
    client.close();
    basket.dropExpired();
    expect(basket.seats).toEqual([6]);
    expect(lost).toEqual([5]);
  });

  test("is asked for once by two clicks", async () => {
    const { basket, extended } = await holdTwice();
    await Promise.all([basket.extend(), basket.extend()]);
    expect(extended()).toHaveLength(1);
    await basket.extend();
    expect(extended()).toHaveLength(2);
  });

  test("that no answer came to is looked for in what is left of the hold", async () => {
    const answer = { seats: [5], expiresInMs: 285_000, status: "held" };
    const { server, clock, basket, refusals } = await openBasket(() => Promise.resolve(Response.json(answer)));
    await basket.take([5], false);
    clock.sleep(100_000);
    for (let time = 0; time < 3; time++) server.script("extend", () => {});
    const extended = basket.extend();
    clock.advance(15_000);
    await extended;
    expect(refusals).toMatchObject([{ code: "UNAVAILABLE" }]);
    expect(basket.msLeft).toBe(285_000);
  });

  test.each([
    ["moves", "held", 300_000],
    ["does not move", "paying", 200_000],
  ])("%s the end of a %s hold of which an answer from before it tells after a reload", async (_, status, msLeft) => {
    const answers = new Map<string, (response: Response) => void>();
    const fetch = (url: string) =>
      new Promise<Response>((resolve) => answers.set(decodeURIComponent(url).split("/").at(-1) ?? "", resolve));
    const { basket, clock } = await openBasket(fetch, keptOf(["h1", "h2"]));
    const answer = (holdId: string, seats: number[], state: string) =>
      answers.get(holdId)?.(Response.json({ seats, expiresInMs: 200_000, status: state }));
    await expect.poll(() => answers.size).toBe(2);
    answer("h1", [5], "held");
    await expect.poll(() => basket.seats).toEqual([5]);
    clock.sleep(1);
    await basket.extend();
    answer("h2", [6], status);
    await expect.poll(() => basket.seats).toEqual([5, 6]);
    expect(basket.msLeft).toBe(msLeft - (status === "paying" ? 1 : 0));
  });

  test("that is granted after the end by the clock here is in time", async () => {
    const { server, clock, basket, lost } = await holdTwice();
    let answer: (() => void) | undefined;
    server.script("extend", (received) => (answer = () => server.answer(received)));
    clock.sleep(199_900);
    const extended = basket.extend();
    await expect.poll(() => answer).toBeDefined();
    clock.sleep(200);
    basket.dropExpired();
    answer?.();
    await extended;
    expect(basket.seats).toEqual([5, 6]);
    expect(lost).toEqual([]);
    expect(basket.msLeft).toBeGreaterThan(200_000);
  });

  test("that is granted says for how long", async () => {
    const { basket, keptFor } = await holdTwice();
    await basket.extend();
    expect(keptFor).toEqual([300_000]);
  });

  test("that is refused says so once", async () => {
    const { basket, refusals, keptFor, refuseOnce, extended } = await holdTwice();
    refuseOnce("LIMIT_REACHED");
    await basket.extend();
    expect(refusals).toMatchObject([{ code: "LIMIT_REACHED" }]);
    expect(keptFor).toEqual([]);
    expect(extended()).toHaveLength(1);
    expect(basket.msLeft).toBe(200_000);
  });

  test("moves the end of a hold that was granted before it and is told of after it", async () => {
    const { server, clock, basket } = await holdTwice();
    let answer = (): void => {};
    server.script("hold", (received) => (answer = () => server.answer(received)));
    const taken = basket.take([7], false);
    await expect.poll(() => server.received.filter(({ message }) => message.op === "hold").length).toBe(3);
    clock.sleep(4_000);
    await basket.extend();
    answer();
    await taken;
    expect(basket.seats).toEqual([5, 6, 7]);
    expect(basket.msLeft).toBe(300_000);
  });
});

describe("a hold that was granted unheard", () => {
  const alive = () => Promise.resolve(Response.json({ seats: [5], expiresInMs: 250_000 }));
  const over = () => Promise.resolve(refusal("HOLD_EXPIRED", 410));
  const newGuest = () => Promise.resolve(Response.json({ accessToken: `${GOOD_TOKEN}, too` }));

  async function holdUnheard(fetch: () => Promise<Response>) {
    const world = await openBasket(fetch);
    const { server, clock, basket, refusals, disconnect } = world;
    const mute = { send: () => {} };
    server.script("hold", (received) => {
      server.answer({ ...received, link: Object.assign(Object.create(received.link), mute) });
    });
    server.script("hold", () => {});
    server.script("hold", () => {});
    const taken = basket.take([5], false);
    clock.advance(15_000);
    await taken;
    expect(basket.seats).toEqual([]);
    expect(refusals).toMatchObject([{ code: "UNAVAILABLE" }]);
    for (let sent = 0; sent < 3; sent++) await server.next("hold");
    const reconnect = async () => {
      await disconnect();
      await world.reconnect();
    };
    return { ...world, reconnect };
  }

  test("is in the basket once its guest is signed in again", async () => {
    const { basket, regained, reconnect } = await holdUnheard(alive);
    await reconnect();
    await expect.poll(() => basket.seats).toEqual([5]);
    expect(regained).toEqual([5]);
    await expect.poll(() => basket.msLeft).toBe(250_000);
  });

  test("is in the basket once the seat, which is held, is chosen again", async () => {
    const { basket, refusals, regained } = await holdUnheard(alive);
    expect(basket.isUnheard(5)).toBe(true);
    await basket.take([5], false);
    expect(basket.seats).toEqual([5]);
    expect(regained).toEqual([]);
    expect(basket.isUnheard(5)).toBe(false);
    expect(refusals).toHaveLength(1);
  });

  test("is in the basket of the page that was loaded anew meanwhile, once", async () => {
    const first = await openBasket(alive);
    first.server.script("hold", () => {});
    void first.basket.take([5], false);
    const { message } = await first.server.next("hold");
    const { server, session, basket, regained } = await openBasket(alive, first.shelf.kept);
    expect((await server.next("hold")).message).toEqual(message);
    await expect.poll(() => basket.msLeft).toBe(250_000);
    expect(basket.seats).toEqual([5]);
    expect(regained).toEqual([5]);
    expect(session.requestsOf(PREMIERE)).toEqual([]);
  });

  test("is not in question when the best seats are asked for in another way", async () => {
    const { server, clock, basket } = await openBasket(alive);
    for (let time = 0; time < 3; time++) server.script("hold", () => {});
    const taken = basket.takeBest({ count: 1 }, false);
    clock.advance(15_000);
    await taken;
    await basket.takeBest({ count: 1 }, true);
    await basket.takeBest({ count: 1 }, false);
    const asked = server.received.flatMap(({ message }) => (message.op === "hold" ? [message] : []));
    const [unheard, accessible, again] = [asked[0], asked.at(-2), asked.at(-1)];
    expect(accessible).toMatchObject({ accessible: true });
    expect(accessible?.rid).not.toBe(unheard?.rid);
    expect(again?.rid).toBe(unheard?.rid);
  });

  test("and has ended since is not kept in the basket", async () => {
    const { basket, lost } = await holdUnheard(over);
    await basket.take([5], false);
    expect(basket.seats).toEqual([]);
    expect(lost).toEqual([5]);
  });

  test("is not asked for when servers have forgotten the request", async () => {
    const { server, clock, basket, reconnect } = await holdUnheard(alive);
    clock.sleep(600_000);
    await reconnect();
    await basket.take([6], false);
    expect((await server.next("hold")).message).toMatchObject({ seats: [6] });
  });

  test("is not asked for by the next guest", async () => {
    const { server, basket, reconnect } = await holdUnheard(newGuest);
    server.script("auth", ({ link }) => link.send({ op: "error", code: "UNAUTHORIZED", message: "over" }));
    await reconnect();
    await basket.take([6], false);
    expect((await server.next("hold")).message).toMatchObject({ seats: [6] });
  });
});

describe("a hold that is over by the clock here", () => {
  const cases = [
    ["lives still", () => Response.json({ seats: [5], expiresInMs: 60_000, status: "held" }), [5], []],
    ["has run out", () => refusal("HOLD_EXPIRED", 409), [], [5]],
  ] as const;

  test.each(cases)("and %s, is asked after before it is dropped", async (_, answer, seats, gone) => {
    let asked = 0;
    const { clock, basket, lost } = await openBasket(async () => {
      asked++;
      return answer();
    });
    await basket.take([5], false);
    clock.sleep(300_001);
    basket.dropExpired();
    expect(asked).toBe(0); // The server says so, as a rule.
    expect(basket.seats).toEqual([5]);
    clock.sleep(5_000);
    for (let time = 0; time < 3; time++) basket.dropExpired();
    await expect.poll(() => basket.seats).toEqual(seats);
    await expect.poll(() => (basket.msLeft ?? 1) > 0).toBe(true);
    expect(lost).toEqual(gone);
    expect(asked).toBe(1);
  });

  test.each(cases)(
    "while there is no connection, and %s, is asked after when there is one",
    async (_, answer, seats, gone) => {
      const { clock, session, basket, disconnect, reconnect, lost } = await openBasket(async () => answer());
      await basket.take([5], false);
      await disconnect();
      clock.sleep(300_001);
      basket.dropExpired();
      expect(lost).toEqual([]);
      expect(session.holdsOf(PREMIERE)).toHaveLength(1);
      await reconnect();
      await expect.poll(() => basket.seats).toEqual(seats);
      await expect.poll(() => (basket.msLeft ?? 1) > 0).toBe(true);
      expect(lost).toEqual(gone);
    },
  );
});
