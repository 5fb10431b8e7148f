import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { CLOSE_CODES, holdIdOf, SEAT_STATUS } from "../proto/index.ts";
import { ClientClosed, type SocketLike, UsherClient } from "./index.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { GOOD_TOKEN, PREMIERE } from "./testing/scripted-server.ts";
import { createClient, eventOf, refusalOf, startServer } from "./testing/world.ts";

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

/** Opens nothing, and says nothing. */
class DeafSocket implements SocketLike {
  binaryType = "";
  addEventListener(): void {}
  send(): void {}
  close(): void {}
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

describe("a server that is newer", () => {
  test.each([
    ["json", '{"op":"waiting","place":7}'],
    ["msgpack", new Uint8Array([0x92, 0x63, 0x07])],
  ] as const)("may say over %s what is not known, as often as it likes", async (encoding, unknown) => {
    const server = await startServer();
    const client = createClient(server, { encoding });
    await client.connect();
    const hall = await client.watch(PREMIERE).ready;
    const { link } = await server.next("watch");
    const changed = new Promise<void>((resolve) => hall.onChange(() => resolve()));
    for (let sent = 0; sent < 20; sent++) link.raw(unknown);
    link.send(server.change([1], SEAT_STATUS.held));
    await Promise.race([changed, eventOf(client, "state")]);
    expect(client.state).toBe("open");
    expect(server.links).toContain(link);
  });

  test("may refuse a hall for a reason that is not known: it is refused all the same", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    // The cast: this version has no such code.
    const newer = { op: "error", code: "GONE" as never, message: "This showtime is gone." } as const;
    server.script("watch", ({ link }) => link.send(newer));
    const refused = await refusalOf(client.watch(PREMIERE).ready);
    expect(refused).toMatchObject({ code: "INTERNAL", message: "This showtime is gone." });
    expect(client.state).toBe("open");
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
    for (const waitMs of [1_000, 2_000, 4_000]) {
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
    clock.advance(1_000);
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

  test.each(["nowhere", "ftp://localhost/v1", "ws://localhost/v1#hall", "mailto:a@localhost"])(
    "%s is no WebSocket's URL, and that is said at once",
    (url) => expect(() => new UsherClient({ url, WebSocket })).toThrow(TypeError),
  );

  test.each([
    ["http://localhost/v1", "ws://localhost/v1"],
    ["https://localhost/v1?a=b", "wss://localhost/v1?a=b"],
  ])("%s is asked for as %s", (url, asked) => {
    const urls: string[] = [];
    class Asked extends DeafSocket {
      constructor(where: string) {
        super();
        urls.push(where);
      }
    }
    const client = new UsherClient({ url, WebSocket: Asked });
    client.connect().catch(() => {});
    client.close();
    expect(urls).toEqual([asked]);
  });

  test("a URL that the program may not open closes the client, and nothing is thrown by a timer", async () => {
    const clock = new ManualClock();
    class Forbidden extends DeafSocket {
      constructor() {
        super();
        throw new DOMException("an insecure WebSocket from a secure page", "SecurityError");
      }
    }
    const client = new UsherClient({ url: "ws://localhost/v1", WebSocket: Forbidden, clock });
    const closed = eventOf(client, "closed");
    const connected = client.connect();
    await expect(connected).rejects.toThrow("an insecure WebSocket from a secure page");
    expect(await closed).toMatchObject({ code: 1008 });
    expect(client.state).toBe("closed");
    clock.advance(60_000);
    await expect(client.hold(PREMIERE, [1])).rejects.toThrow(ClientClosed);
  });
});
