import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { CLOSE_CODES, holdIdOf, SEAT_STATUS } from "../proto/index.ts";
import { ClientClosed, Refused, UsherClient } from "./index.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { GOOD_TOKEN, PREMIERE } from "./testing/scripted-server.ts";
import { createClient, eventOf, startServer } from "./testing/world.ts";

const refusalOf = (promise: Promise<unknown>): Promise<Refused> =>
  promise.then(
    () => Promise.reject(new Error("it was not refused")),
    (error: unknown) =>
      error instanceof Refused ? error : Promise.reject(new Error("not a Refused", { cause: error })),
  );

function countingSockets() {
  const opened: WebSocket[] = [];
  class Counted extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      opened.push(this);
    }
  }
  return { opened, Counted };
}

describe.each(["json", "msgpack"] as const)("over %s", (encoding) => {
  test("a client signs in, watches, holds, extends and releases", async () => {
    const server = await startServer();
    const client = createClient(server, { encoding, token: GOOD_TOKEN });
    await client.connect();
    const hall = await client.watch(PREMIERE).ready;
    expect([...hall.statuses]).toEqual([...server.statuses]);
    expect(hall.inStep).toBe(true);

    const hold = await client.hold(PREMIERE, [3, 4]);
    expect(hold).toMatchObject({ showtime: PREMIERE, seats: [3, 4], holdId: holdIdOf(PREMIERE, 1) });
    expect([...hall.statuses.subarray(3, 5)]).toEqual([SEAT_STATUS.held, SEAT_STATUS.held]);
    expect(client.msLeft(hold)).toBeGreaterThan(299_000);
    expect(client.identity).toEqual({ userId: "alice", role: "guest" });

    expect((await client.extend(hold.holdId)).holdId).toBe(hold.holdId);
    await client.release(hold.holdId, { seats: [3] });
    expect((await client.holdBest(PREMIERE, { count: 2 })).seats).toEqual([0, 1]);
  });

  test("a refusal names its code and its seats", async () => {
    const server = await startServer();
    server.statuses.fill(SEAT_STATUS.booked);
    const client = createClient(server, { encoding, token: GOOD_TOKEN });
    void client.connect();
    const refused = await refusalOf(client.hold(PREMIERE, [1, 2]));
    expect(refused).toMatchObject({ code: "SEAT_TAKEN", seats: [1, 2], retryable: false });
  });

  test("a request that no server could read is refused here, however often, and the connection lives", async () => {
    const server = await startServer();
    const client = createClient(server, { encoding, token: GOOD_TOKEN });
    await client.connect();
    const bad = [
      client.hold(PREMIERE, []),
      client.hold(PREMIERE, [5, 5]),
      client.hold(PREMIERE, [65_536]),
      client.holdBest(PREMIERE, { count: 0 }),
      client.holdBest(PREMIERE, { count: 2_049 }),
      client.holdBest(PREMIERE, { count: 1, category: "" }),
      client.extend(""),
      client.extend("h".repeat(81)),
      client.extend("\ud800"),
      client.release("premiere.1", { seats: [] }),
      client.hold(PREMIERE, [5], { rid: "" }),
      client.hold(PREMIERE, [5], { rid: "r".repeat(65) }),
    ];
    for (const refused of await Promise.all(bad.map(refusalOf))) {
      expect(refused).toMatchObject({ code: "BAD_MESSAGE", retryable: false });
      expect(refused.rid).toBeTypeOf("string");
    }
    expect((await client.hold(PREMIERE, [5])).seats).toEqual([5]);
    expect([...server.links].map(({ badMessages }) => badMessages)).toEqual([0]);
  });

  test("messages that cannot be read do no harm, and ten in a row end the connection", async () => {
    const server = await startServer();
    const client = createClient(server, { encoding });
    await client.connect();
    await client.watch(PREMIERE).ready;
    const { link } = await server.next("watch");
    const garbage = encoding === "json" ? "{" : new Uint8Array([0xc1]);
    for (let sent = 0; sent < 9; sent++) link.raw(garbage);
    link.send(server.change([1], SEAT_STATUS.held));
    for (let sent = 0; sent < 9; sent++) link.raw(garbage);
    const hall = client.watch(PREMIERE);
    await new Promise<void>((resolve) => hall.onChange(() => resolve()));
    expect(client.state).toBe("open");
    link.raw(garbage);
    await eventOf(client, "state", (state) => state === "waiting");
    await eventOf(client, "state", (state) => state === "open");
  });
});

describe("requests", () => {
  test("a retry after a lost connection has the same rid and counts time from the first send", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { token: GOOD_TOKEN, clock });
    await client.connect();
    server.script("hold", (received) => {
      server.answer({ ...received, link: Object.assign(Object.create(received.link), { send: () => {} }) });
      received.link.cut();
    });
    const waiting = eventOf(client, "state", (state) => state === "waiting");
    const held = client.hold(PREMIERE, [5]);
    await waiting;
    clock.advance(7_000);
    const hold = await held;
    const [first, second] = [await server.next("hold"), await server.next("hold")];
    expect(second.message).toEqual(first.message);
    expect(second.link).not.toBe(first.link);
    expect(client.msLeft(hold)).toBe(293_000);
  });

  test("what one user has asked for is not asked for as the next, sent before or not", async () => {
    const server = await startServer();
    const client = createClient(server, { token: GOOD_TOKEN });
    await client.connect();
    await eventOf(client, "authed");
    server.script("hold", ({ link }) => link.cut());
    const lost = eventOf(client, "state", (state) => state === "waiting");
    const sent = refusalOf(client.hold(PREMIERE, [5]));
    await lost;
    const unsent = refusalOf(client.hold(PREMIERE, [6]));
    // The cast: any plain text is a user's id to a client.
    server.script("auth", ({ link }) => link.send({ op: "authed", userId: "bob" as never, role: "guest" }));
    const next = client.authenticate(GOOD_TOKEN);
    const theirs = refusalOf(client.hold(PREMIERE, [7])); // By a server that does not know of Bob.
    expect(await next).toMatchObject({ userId: "bob" });
    expect(await sent).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("as the same user") });
    expect(await unsent).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("never sent") });
    expect(await theirs).toMatchObject({ code: "UNAUTHORIZED" });
    const asked = server.received.flatMap(({ message }) => ("seats" in message ? message.seats : []));
    expect(asked).toEqual([5, 7]);
  });

  test("a connection lost before the server saw the request does not lose it", async () => {
    const server = await startServer();
    const client = createClient(server, { token: GOOD_TOKEN });
    await client.connect();
    server.script("hold", ({ link }) => link.cut());
    expect((await client.hold(PREMIERE, [5])).seats).toEqual([5]);
  });

  test.each(["UNAVAILABLE", "BUSY", "RATE_LIMITED"] as const)(
    "%s is tried again after what the server says",
    async (code) => {
      const server = await startServer();
      const clock = new ManualClock();
      const client = createClient(server, { token: GOOD_TOKEN, clock });
      await client.connect();
      const refusedOnce = new Promise<void>((resolve) => {
        server.script("hold", ({ message, link }) => {
          if (message.op === "hold")
            link.send({ op: "error", rid: message.rid, code, message: "wait", retryInMs: 2_000 });
          link.send({ op: "expired", holdId: holdIdOf(PREMIERE, 9) });
          resolve();
        });
      });
      const notice = eventOf(client, "expired");
      const held = client.hold(PREMIERE, [5]);
      await refusedOnce;
      await notice;
      clock.advance(1_999);
      expect(server.received.filter(({ message }) => message.op === "hold")).toHaveLength(1);
      clock.advance(1);
      expect((await held).seats).toEqual([5]);
      const [first, second] = [await server.next("hold"), await server.next("hold")];
      expect(second.message).toEqual(first.message);
    },
  );

  test("a refusal that outlasts the deadline is given at once", async () => {
    const server = await startServer();
    const client = createClient(server, { token: GOOD_TOKEN });
    await client.connect();
    server.script("hold", ({ message, link }) => {
      if (message.op === "hold") {
        link.send({ op: "error", rid: message.rid, code: "BUSY", message: "much later", retryInMs: 60_000 });
      }
    });
    expect(await refusalOf(client.hold(PREMIERE, [5]))).toMatchObject({ code: "BUSY", retryInMs: 60_000 });
  });

  test("without an answer a request is sent again, given up at its deadline, and a late hold is told", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { token: GOOD_TOKEN, clock, limits: { silenceMs: 60_000 } });
    await client.connect();
    await eventOf(client, "authed");
    for (let time = 0; time < 3; time++) server.script("hold", () => {});
    const refused = refusalOf(client.hold(PREMIERE, [5], { rid: "mine" }));
    await server.next("hold");
    clock.advance(5_000);
    const second = await server.next("hold");
    expect(second.message.rid).toBe("mine");
    clock.advance(10_000);
    expect(await refused).toMatchObject({ code: "UNAVAILABLE", rid: "mine", retryable: true });
    const late = eventOf(client, "lateHold");
    server.answer(second);
    expect(await late).toMatchObject({ seats: [5], expiresAt: 300_000 });
  });

  test.each(["BUSY", "RATE_LIMITED"] as const)(
    "after %s it is sent again, and what becomes of that is unknown without an answer",
    async (code) => {
      const server = await startServer();
      const clock = new ManualClock();
      const client = createClient(server, { token: GOOD_TOKEN, clock, limits: { silenceMs: 60_000 } });
      await client.connect();
      await eventOf(client, "authed");
      const notice = eventOf(client, "expired");
      server.script("hold", ({ message, link }) => {
        if (message.op === "hold")
          link.send({ op: "error", rid: message.rid, code, message: "wait", retryInMs: 1_000 });
        link.send({ op: "expired", holdId: holdIdOf(PREMIERE, 9) });
      });
      for (let time = 0; time < 3; time++) server.script("hold", () => {});
      const refused = refusalOf(client.hold(PREMIERE, [5]));
      await notice;
      clock.advance(15_000);
      expect(await refused).toMatchObject({ code: "UNAVAILABLE" });
    },
  );

  test("a refusal of the second send does not tell what became of the first", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { token: GOOD_TOKEN, clock, limits: { silenceMs: 60_000 } });
    await client.connect();
    await eventOf(client, "authed");
    server.script("hold", () => {});
    server.script("hold", ({ message, link }) => {
      if (message.op === "hold") {
        link.send({ op: "error", rid: message.rid, code: "BUSY", message: "much later", retryInMs: 60_000 });
      }
    });
    const refused = refusalOf(client.hold(PREMIERE, [5]));
    const first = await server.next("hold");
    clock.advance(5_000);
    expect(await refused).toMatchObject({ code: "UNAVAILABLE" });
    const late = eventOf(client, "lateHold");
    server.answer(first);
    expect(await late).toMatchObject({ seats: [5] });
  });

  test("after the machine has slept past the deadline a request is not sent again", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { token: GOOD_TOKEN, clock });
    await client.connect();
    await eventOf(client, "authed");
    server.script("hold", () => {});
    const refused = refusalOf(client.hold(PREMIERE, [5], { rid: "mine" }));
    const { link } = await server.next("hold");
    clock.sleep(20 * 60_000);
    const waiting = eventOf(client, "state", (state) => state === "waiting");
    link.cut();
    await waiting;
    clock.advance(0);
    expect(await refused).toMatchObject({ code: "UNAVAILABLE", rid: "mine" });
    await client.hold(PREMIERE, [6]);
    expect(server.received.filter(({ message }) => message.op === "hold")).toHaveLength(2);
  });

  test("an answer that comes twice is taken once", async () => {
    const server = await startServer();
    const client = createClient(server, { token: GOOD_TOKEN });
    await client.connect();
    let late = 0;
    client.on("lateHold", () => late++);
    server.script("hold", (received) => {
      server.answer(received);
      server.answer(received);
    });
    await client.hold(PREMIERE, [5]);
    await client.hold(PREMIERE, [6]);
    expect(late).toBe(0);
  });

  test("more requests than the bound are refused without being sent", async () => {
    const server = await startServer();
    const client = createClient(server, { token: GOOD_TOKEN, limits: { pendingMax: 1 } });
    const first = client.hold(PREMIERE, [1]);
    expect(await refusalOf(client.hold(PREMIERE, [2]))).toMatchObject({ code: "BUSY" });
    void client.connect();
    expect((await first).seats).toEqual([1]);
  });

  test("what no server would take is refused here, and the connection lives", async () => {
    const server = await startServer();
    const client = createClient(server, { token: GOOD_TOKEN });
    await client.connect();
    const seats = Array.from({ length: 2_000 }, (_, seat) => seat);
    expect(await refusalOf(client.hold(PREMIERE, seats))).toMatchObject({ code: "BAD_MESSAGE" });
    expect(client.state).toBe("open");
  });
});

describe("signing in", () => {
  test("a token source is asked again after a refusal, before a token ends, and on a new connection", async () => {
    const server = await startServer();
    const reasons: string[] = [];
    const token = async (why: string): Promise<string> =>
      reasons.push(why) === 1 ? "stale" : `${GOOD_TOKEN}-${reasons.length}`;
    const client = createClient(server, { token });
    await client.connect();
    await eventOf(client, "authed");
    expect((await server.next("auth")).message.token).toBe("stale");
    const { link, message } = await server.next("auth");
    expect(message.token).toBe(`${GOOD_TOKEN}-2`);
    link.send({ op: "reauth", inMs: 60_000 });
    expect((await server.next("auth")).message.token).toBe(`${GOOD_TOKEN}-3`);
    link.cut();
    expect((await server.next("auth")).message.token).toBe(`${GOOD_TOKEN}-4`);
    expect(reasons).toEqual(["connecting", "refused", "ending", "connecting"]);
  });

  test("a token that the source keeps until its end is not sent again, and the next one is", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    let token = GOOD_TOKEN;
    const client = createClient(server, { clock, random: () => 0.5, token: () => token });
    for (let time = 0; time < 20; time++) {
      server.script("auth", (received) => {
        server.answer(received);
        received.link.send({ op: "reauth", inMs: 60_000 });
      });
    }
    await client.connect();
    for (const seat of [1, 2, 3]) await client.hold(PREMIERE, [seat]);
    expect(server.received.filter(({ message }) => message.op === "auth")).toHaveLength(1);
    await server.next("auth");
    token = `${GOOD_TOKEN}-2`;
    clock.advance(250);
    expect((await server.next("auth")).message.token).toBe(token);
  });

  test("a source without another token is found out when its token has ended", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { clock, random: () => 0.5, token: () => GOOD_TOKEN });
    server.script("auth", (received) => {
      server.answer(received);
      received.link.send({ op: "reauth", inMs: 100 });
    });
    for (let time = 0; time < 2; time++) {
      server.script("auth", ({ link }) => link.send({ op: "error", code: "UNAUTHORIZED", message: "it has ended" }));
    }
    await client.connect();
    await client.hold(PREMIERE, [1]);
    const refused = eventOf(client, "signInRefused");
    clock.advance(250);
    expect(await refused).toMatchObject({ code: "UNAUTHORIZED" });
  });

  test("a request refused for a token that has ended is sent again with the next one", async () => {
    const server = await startServer();
    const client = createClient(server, { token: () => GOOD_TOKEN });
    await client.connect();
    await eventOf(client, "authed");
    for (const link of server.links) link.signedIn = false;
    expect((await client.hold(PREMIERE, [1])).seats).toEqual([1]);
  });

  test("a token that nobody accepts leaves a viewer", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    expect(await refusalOf(client.authenticate("bad"))).toMatchObject({ code: "UNAUTHORIZED" });
    expect(await refusalOf(client.hold(PREMIERE, [1]))).toMatchObject({ code: "UNAUTHORIZED" });
    expect((await client.watch(PREMIERE).ready).inStep).toBe(true);
    expect(await client.authenticate(GOOD_TOKEN)).toEqual({ userId: "alice", role: "guest" });
  });

  test("a token that is none is refused here", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    expect(await refusalOf(client.authenticate(""))).toMatchObject({ code: "UNAUTHORIZED" });
    const reasons: string[] = [];
    const none = async (why: string): Promise<string> => {
      reasons.push(why);
      return "";
    };
    expect(await refusalOf(client.authenticate(none))).toMatchObject({ code: "UNAUTHORIZED" });
    expect(reasons).toEqual(["connecting", "refused"]);
    await client.watch(PREMIERE).ready;
    expect([...server.links].map(({ badMessages }) => badMessages)).toEqual([0]);
  });

  test("a token that the server cannot read is refused for good, and no hall is", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    server.script("watch", () => {});
    const hall = client.watch(PREMIERE);
    const watch = await server.next("watch");
    server.script("auth", ({ link }) => link.send({ op: "error", code: "BAD_MESSAGE", message: "token is odd" }));
    expect(await refusalOf(client.authenticate("odd"))).toMatchObject({ code: "BAD_MESSAGE" });
    server.answer(watch);
    expect((await hall.ready).inStep).toBe(true);
  });

  test("a token that is refused twice because it was sent twice refuses no hall", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { clock });
    await client.connect();
    for (let time = 0; time < 2; time++) server.script("auth", () => {});
    const refused = refusalOf(client.authenticate("bad"));
    await server.next("auth");
    clock.advance(5_000);
    await server.next("auth");
    server.script("watch", () => {});
    const hall = client.watch(PREMIERE);
    const watch = await server.next("watch");
    const { link } = watch;
    for (let time = 0; time < 2; time++) link.send({ op: "error", code: "UNAUTHORIZED", message: "not a good token" });
    expect(await refused).toMatchObject({ code: "UNAUTHORIZED" });
    server.answer(watch);
    expect((await hall.ready).inStep).toBe(true);
  });

  test("a token that cannot be judged just now is sent again when the server says, also while a hall is asked for", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { clock });
    await client.connect();
    const hall = client.watch(PREMIERE);
    server.script("watch", () => {});
    server.script("auth", ({ link }) => {
      link.send({ op: "error", code: "UNAVAILABLE", message: "later", retryInMs: 1_000 });
      link.send({ op: "expired", holdId: holdIdOf(PREMIERE, 9) });
    });
    const notice = eventOf(client, "expired");
    const signedIn = client.authenticate(GOOD_TOKEN);
    await notice;
    clock.advance(1_000);
    expect(await signedIn).toMatchObject({ userId: "alice" });
    expect((await hall.ready).inStep).toBe(true);
  });

  test("when the next user is refused, nobody goes on as the one before", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    await client.authenticate(GOOD_TOKEN);
    let refusals = 0;
    client.on("signInRefused", () => refusals++);
    expect(await refusalOf(client.authenticate("bad"))).toMatchObject({ code: "UNAUTHORIZED" });
    expect(client.identity).toBeUndefined();
    expect(await refusalOf(client.hold(PREMIERE, [1]))).toMatchObject({ code: "UNAUTHORIZED" });
    expect(server.statuses[1]).toBe(SEAT_STATUS.free);
    expect(refusals).toBe(1);
    expect(await client.authenticate(GOOD_TOKEN)).toMatchObject({ userId: "alice" });
    expect(server.received.filter(({ message }) => message.op === "auth")).toHaveLength(3);
  });

  test("who signs in after a refusal, before there is another connection, is signed in on that", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { clock });
    await client.connect();
    await client.authenticate(GOOD_TOKEN);
    await refusalOf(client.authenticate("bad"));
    expect(client.state).toBe("waiting");
    const signedIn = client.authenticate(GOOD_TOKEN);
    clock.advance(0);
    expect(await signedIn).toMatchObject({ userId: "alice" });
    expect((await client.hold(PREMIERE, [1])).seats).toEqual([1]);
  });

  // The casts: any plain text is a user's id to a client.
  const authedAs = (userId: string) => ({ op: "authed", userId: userId as never, role: "guest" }) as const;
  const refusedToken = { op: "error", code: "UNAUTHORIZED", message: "not a good token" } as const;

  test("who signs in before the last token is answered is told of their own", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    server.script("auth", () => {});
    server.script("auth", ({ link }) => {
      link.send(authedAs("alice"));
      link.send(authedAs("bob"));
    });
    const told: string[] = [];
    client.on("authed", ({ userId }) => told.push(userId));
    const both = await Promise.all([client.authenticate("alice's"), client.authenticate("bob's")]);
    expect(both.map(({ userId }) => userId)).toEqual(["bob", "bob"]);
    expect(told).toEqual(["bob"]);
  });

  test("the refusal of the last token is not that of the next", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    server.script("auth", () => {});
    server.script("auth", ({ link }) => {
      link.send(refusedToken);
      link.send(authedAs("bob"));
    });
    const both = await Promise.all([client.authenticate("alice's"), client.authenticate("bob's")]);
    expect(both.map(({ userId }) => userId)).toEqual(["bob", "bob"]);
  });

  test("who is refused before the last token is answered is not signed in by it", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    server.script("auth", () => {});
    server.script("auth", ({ link }) => {
      link.signedIn = true;
      link.send(authedAs("alice"));
      link.send(refusedToken);
    });
    const both = await Promise.all(["alice's", "bob's"].map((token) => refusalOf(client.authenticate(token))));
    expect(both.map(({ code }) => code)).toEqual(["UNAUTHORIZED", "UNAUTHORIZED"]);
    expect(client.identity).toBeUndefined();
    expect(await refusalOf(client.hold(PREMIERE, [1]))).toMatchObject({ code: "UNAUTHORIZED" });
  });

  test("a source that fails is asked again, and the requests wait for it", async () => {
    const server = await startServer();
    let asked = 0;
    const token = async (): Promise<string> => {
      if (asked++ === 0) throw new Error("offline");
      return GOOD_TOKEN;
    };
    const client = createClient(server, { token });
    await client.connect();
    expect((await client.hold(PREMIERE, [1])).seats).toEqual([1]);
  });

  test("a plain token that ends is told", async () => {
    const server = await startServer();
    const client = createClient(server, { token: GOOD_TOKEN });
    await client.connect();
    const ending = eventOf(client, "tokenEnding");
    (await server.next("auth")).link.send({ op: "reauth", inMs: 60_000 });
    expect(await ending).toEqual({ inMs: 60_000 });
  });
});

describe("connections", () => {
  test.each([1000, 1001, 1011, 4000, 4499])("a close with %i is followed by a new connection", async (code) => {
    const server = await startServer();
    const client = createClient(server);
    client.watch(PREMIERE);
    await client.connect();
    const first = await server.next("watch");
    first.link.close(code);
    expect((await server.next("watch")).link).not.toBe(first.link);
  });

  test.each([1008, 1009, 4500, 4999])("a close with %i is final", async (code) => {
    const server = await startServer();
    const client = createClient(server);
    const hall = client.watch(PREMIERE);
    await client.connect();
    await hall.ready;
    const closed = eventOf(client, "closed");
    server.script("hold", ({ link }) => link.close(code, "go"));
    await expect(client.hold(PREMIERE, [1])).rejects.toThrow(ClientClosed);
    expect(await closed).toMatchObject({ code });
    expect(client.state).toBe("closed");
    await expect(client.hold(PREMIERE, [1])).rejects.toThrow(ClientClosed);
    expect(() => client.watch(PREMIERE)).toThrow(ClientClosed);
  });

  test("goaway is followed when the server said, and what was asked is answered elsewhere", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { token: GOOD_TOKEN, clock, random: () => 0.99 });
    await client.connect();
    await eventOf(client, "authed");
    const { link } = await server.next("auth");
    server.script("hold", () => {});
    const held = client.hold(PREMIERE, [1]);
    await server.next("hold");
    const goaway = eventOf(client, "goaway");
    link.send({ op: "goaway", reconnectInMs: 3_000 });
    await goaway;
    clock.advance(2_999);
    expect(client.state).toBe("open");
    clock.advance(1);
    expect((await held).seats).toEqual([1]);
  });

  test("after a goaway a server that closes early is not called before its time", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { token: GOOD_TOKEN, clock });
    await client.connect();
    const { link } = await server.next("auth");
    const waiting = eventOf(client, "state", (state) => state === "waiting");
    link.send({ op: "goaway", reconnectInMs: 3_000 });
    link.close(CLOSE_CODES.DRAINING.code);
    await waiting;
    clock.advance(2_999);
    expect(client.state).toBe("waiting");
    clock.advance(1);
    expect(client.state).toBe("connecting");
  });

  test("back-off grows while connections fail, and wake() does not wait for it", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { clock, random: () => 0.5 });
    await client.connect();
    for (const waitMs of [250, 500, 1_000]) {
      const waiting = eventOf(client, "state", (state) => state === "waiting");
      for (const link of server.links) link.cut();
      await waiting;
      clock.advance(waitMs - 1);
      expect(client.state).toBe("waiting");
      const open = eventOf(client, "state", (state) => state === "open");
      clock.advance(1);
      await open;
    }
    const waiting = eventOf(client, "state", (state) => state === "waiting");
    for (const link of server.links) link.cut();
    await waiting;
    client.wake();
    await eventOf(client, "state", (state) => state === "open");
  });

  test("a server that never welcomes is left", async () => {
    const server = await startServer();
    server.welcomes = false;
    const clock = new ManualClock();
    const client = createClient(server, { clock, random: () => 0.5 });
    const connected = client.connect();
    clock.advance(10_000);
    expect(client.state).toBe("waiting");
    server.welcomes = true;
    clock.advance(500);
    await connected;
  });

  test("silence is met with a probe, and a probe without an answer with another connection", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { clock });
    await client.connect();
    const hall = await client.watch(PREMIERE).ready;
    await server.next("watch");
    clock.advance(25_000);
    expect((await server.next("watch")).message).toMatchObject({ epoch: 1, seq: 0 });
    server.script("watch", () => {});
    server.script("watch", () => {});
    const marker = eventOf(client, "expired");
    for (const link of server.links) link.send({ op: "expired", holdId: holdIdOf(PREMIERE, 1) });
    await marker;
    expect(hall.inStep).toBe(true);
    clock.advance(25_000);
    await server.next("watch");
    const open = eventOf(client, "state", (state) => state === "open");
    clock.advance(10_000);
    await open;
    expect((await server.next("watch")).message).toMatchObject({ epoch: 1, seq: 0 });
  });

  test("a probe that has to wait for the answer to another watch takes no time from others", async () => {
    const server = await startServer();
    server.heartbeatMs = 1_000;
    const clock = new ManualClock();
    const client = createClient(server, { clock, limits: { silenceMs: 500 } });
    await client.connect();
    await client.watch(PREMIERE).ready;
    const notice = eventOf(client, "expired");
    server.script("watch", ({ link }) => link.send({ op: "expired", holdId: holdIdOf(PREMIERE, 1) }));
    client.watch("another");
    await notice;
    const after = clock.after.bind(clock);
    let timers = 0;
    clock.after = (ms, callback) => {
      if (++timers > 100) throw new Error("more timers than there is time for");
      return after(ms, callback);
    };
    clock.advance(4_000);
    expect(client.state).toBe("open");
  });

  test.each([
    ["connecting", 0, 0],
    ["open", 1, 0],
    ["waiting", 1, 1],
  ] as const)("close() by who is told of %s is for good", async (when, connections, tokens) => {
    const server = await startServer();
    const clock = new ManualClock();
    const { opened, Counted } = countingSockets();
    let asked = 0;
    const token = (): string => {
      asked++;
      return GOOD_TOKEN;
    };
    const client = createClient(server, { clock, token, WebSocket: Counted });
    const closed = eventOf(client, "closed");
    client.on("state", (state) => state === when && client.close());
    const connected = client.connect();
    if (when === "waiting") (await server.next("auth")).link.cut();
    else await expect(connected).rejects.toThrow(ClientClosed);
    await closed;
    clock.advance(60_000);
    expect(client.state).toBe("closed");
    expect(opened).toHaveLength(connections);
    for (const socket of opened) expect(socket.readyState).toBeGreaterThanOrEqual(WebSocket.CLOSING);
    expect(asked).toBe(tokens);
  });

  test.each(["connecting", "open", "waiting"] as const)(
    "wake() by who is told of %s leaves one connection",
    async (when) => {
      const server = await startServer();
      const clock = new ManualClock();
      const { opened, Counted } = countingSockets();
      const client = createClient(server, { clock, token: GOOD_TOKEN, WebSocket: Counted });
      await client.connect();
      await eventOf(client, "authed");
      client.on("state", (state) => state === when && client.wake());
      const waiting = eventOf(client, "state", (state) => state === "waiting");
      const authed = eventOf(client, "authed");
      for (const link of server.links) link.cut();
      await waiting;
      clock.advance(0);
      await authed;
      clock.advance(10_000);
      expect(client.state).toBe("open");
      expect(opened).toHaveLength(2);
    },
  );

  test("close() rejects what waits and lets the process end", async () => {
    const server = await startServer();
    const client = createClient(server, { token: GOOD_TOKEN });
    await client.connect();
    server.script("hold", () => {});
    const held = client.hold(PREMIERE, [1]);
    await server.next("hold");
    client.close();
    client.close();
    await expect(held).rejects.toThrow(ClientClosed);
    await expect(client.connect()).rejects.toThrow(ClientClosed);
  });

  test("a notice reaches its handlers", async () => {
    const server = await startServer();
    const client = createClient(server, { token: GOOD_TOKEN });
    await client.connect();
    const { link } = await server.next("auth");
    const booked = eventOf(client, "booked");
    // The cast: any plain text is a booking's id to a client.
    link.send({ op: "booked", holdId: holdIdOf(PREMIERE, 2), bookingId: "b1" as never });
    expect(await booked).toEqual({ holdId: holdIdOf(PREMIERE, 2), bookingId: "b1" });
  });

  test("what is no URL is said at once", () => {
    expect(() => new UsherClient({ url: "nowhere", WebSocket })).toThrow(TypeError);
  });
});
