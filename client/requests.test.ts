import { describe, expect, test } from "vitest";
import { holdIdOf } from "../proto/index.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { GOOD_TOKEN, PREMIERE } from "./testing/scripted-server.ts";
import { authedAs, createClient, eventOf, refusalOf, startServer } from "./testing/world.ts";

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
    server.script("auth", ({ link }) => link.send(authedAs("bob")));
    const next = client.authenticate(GOOD_TOKEN);
    const theirs = refusalOf(client.hold(PREMIERE, [7])); // By a server that does not know of Bob.
    expect(await next).toMatchObject({ userId: "bob" });
    expect(await sent).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("as the same user") });
    expect(await unsent).toMatchObject({ code: "UNAVAILABLE", message: expect.stringContaining("never sent") });
    expect(await theirs).toMatchObject({ code: "UNAUTHORIZED" });
    const asked = server.received.flatMap(({ message }) => ("seats" in message ? message.seats : []));
    expect(asked).toEqual([5, 7]);
  });

  test("one that was refused for its token alone, when no other came in time, was never carried out", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const tokens: (string | Error)[] = [GOOD_TOKEN];
    const token = (): string => {
      const next = tokens.shift() ?? new Error("identity is away");
      if (next instanceof Error) throw next;
      return next;
    };
    const client = createClient(server, { token, clock, random: () => 0.99 });
    await client.connect();
    await eventOf(client, "authed");
    const asked = new Promise<void>((resolve) => {
      server.script("hold", ({ message, link }) => {
        if (message.op === "hold") link.send({ op: "error", rid: message.rid, code: "UNAUTHORIZED", message: "ended" });
        link.send({ op: "goaway", reconnectInMs: 3_600_000 });
      });
      void eventOf(client, "goaway").then(() => resolve());
    });
    const refusal = refusalOf(client.hold(PREMIERE, [5]));
    await asked;
    clock.advance(15_000);
    const { code, message, cause } = await refusal;
    expect([code, message]).toEqual([
      "UNAVAILABLE",
      expect.stringContaining("identity is away); the request was never"),
    ]);
    expect(cause).toMatchObject({ message: "identity is away" });
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

  test("asked again after it was given up, a request counts time from its first send, and is answered once", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { token: GOOD_TOKEN, clock, limits: { silenceMs: 60_000 } });
    await client.connect();
    await eventOf(client, "authed");
    const late: unknown[] = [];
    client.on("lateHold", (hold) => late.push(hold));
    for (let time = 0; time < 3; time++) server.script("hold", () => {});
    const refused = refusalOf(client.hold(PREMIERE, [5], { rid: "mine" }));
    await server.next("hold");
    clock.advance(15_000);
    await refused;
    server.script("hold", ({ message, link }) => {
      if (message.op === "hold") {
        link.send({ op: "error", rid: message.rid, code: "BUSY", message: "much later", retryInMs: 60_000 });
      }
    });
    expect(await refusalOf(client.hold(PREMIERE, [5], { rid: "mine" }))).toMatchObject({ code: "UNAVAILABLE" });
    server.script("hold", (received) => {
      server.answer(received);
      server.answer(received);
    });
    expect(await client.hold(PREMIERE, [5], { rid: "mine" })).toMatchObject({ seats: [5], expiresAt: 300_000 });
    expect(await client.hold(PREMIERE, [6])).toMatchObject({ seats: [6], expiresAt: 315_000 });
    expect(late).toEqual([]);
  });

  test("asked again after it was answered, a request counts time from its first send", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { token: GOOD_TOKEN, clock });
    await client.connect();
    const late: unknown[] = [];
    client.on("lateHold", (hold) => late.push(hold));
    for (let time = 0; time < 3; time++) {
      const hold = await client.hold(PREMIERE, [5], { rid: "mine" });
      expect(client.msLeft(hold)).toBe(300_000 - time * 2_000);
      clock.advance(2_000);
    }
    expect(late).toEqual([]);
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

  test("a hold that one send of two was refused, and the other granted, is told", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { token: GOOD_TOKEN, clock, limits: { silenceMs: 60_000 } });
    await client.connect();
    await eventOf(client, "authed");
    const late: unknown[] = [];
    client.on("lateHold", (hold) => late.push(hold));
    for (let time = 0; time < 2; time++) server.script("hold", () => {});
    const refused = refusalOf(client.hold(PREMIERE, [5]));
    const { message, link } = await server.next("hold");
    clock.advance(5_000);
    const second = await server.next("hold");
    link.send({ op: "error", rid: message.rid, code: "SEAT_TAKEN", message: "taken", seats: [5] });
    server.answer(second);
    expect(await refused).toMatchObject({ code: "SEAT_TAKEN" });
    await client.hold(PREMIERE, [6]);
    expect(late).toMatchObject([{ seats: [5], expiresAt: 300_000 }]);
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
