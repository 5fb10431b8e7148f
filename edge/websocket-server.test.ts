import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { connect, createServer, type Socket } from "node:net";
import { dirname } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { WebSocket } from "ws";
import { UsherClient } from "../client/index.ts";
import { freePorts } from "../platform/network/index.ts";
import { Harness, SHOWTIME, useHarness } from "./testing/harness.ts";
import { requireWebSockets, WebSocketServerError } from "./index.ts";

const current = useHarness({ connectionsPerAddress: 5 });

const refusalOf = async (
  path: string,
  options: { protocols?: string[]; origin?: string },
): Promise<number | undefined> => {
  const ws = new WebSocket(
    `ws://127.0.0.1:${current.edge.port}${path}`,
    options.protocols ?? [],
    options.origin ? { origin: options.origin } : {},
  );
  ws.on("error", () => undefined);
  const [, response] = await once(ws, "unexpected-response");
  return response.statusCode;
};

const accepted = async (options: { protocols?: string[]; origin?: string }): Promise<string> => {
  const ws = new WebSocket(
    `ws://127.0.0.1:${current.edge.port}/v1`,
    options.protocols ?? [],
    options.origin ? { origin: options.origin } : {},
  );
  const [data] = await once(ws, "message");
  ws.terminate();
  return `${ws.protocol} ${String(data).slice(0, 1)}`;
};

/** A socket that has shaken hands by itself, for frames that no library would send. */
async function rawConnection(): Promise<{
  socket: Socket;
  received: () => Buffer;
  until: (holds: () => boolean) => Promise<void>;
}> {
  const socket = connect(current.edge.port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  let received = Buffer.alloc(0);
  let wake = (): void => undefined;
  socket.on("data", (data) => {
    received = Buffer.concat([received, data]);
    wake();
  });
  socket.on("error", () => undefined);
  socket.on("close", () => wake());
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise<void>((resolve) => (wake = resolve));
  };
  socket.write(
    "GET /v1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await until(() => received.includes("heartbeatMs"));
  return { socket, received: () => received, until };
}

/** A client's frame (RFC 6455, 5.2), masked with zeros. */
function frame(opcode: number, payload: string | Buffer, isLast = true): Buffer {
  const body = Buffer.from(payload);
  const length = body.length < 126 ? [body.length | 0x80] : [126 | 0x80, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([(isLast ? 0x80 : 0) | opcode, ...length, 0, 0, 0, 0]), body]);
}
const [CONTINUATION, TEXT, PING] = [0, 1, 9];
const ANONYMOUS_HOLD = JSON.stringify({ op: "hold", rid: "half", showtime: SHOWTIME, seats: [1] });

describe("the handshake", () => {
  it("speaks what the client offers, JSON when it offers nothing", async () => {
    expect(await accepted({})).toBe(" {");
    expect(await accepted({ protocols: ["usher.v1.json"] })).toBe("usher.v1.json {");
    expect(await accepted({ protocols: ["other", "usher.v1.msgpack"] })).toMatch(/^usher\.v1\.msgpack [^{]/);
  });

  it("refuses a client that offers only what is unknown, an origin that is not allowed, and another path", async () => {
    expect(await refusalOf("/v1", { protocols: ["usher.v9.json"] })).toBe(400);
    expect(await refusalOf("/v1", { origin: "https://evil.example" })).toBe(403);
    expect(await refusalOf("/v1", { origin: "null" })).toBe(403);
    expect(await refusalOf("/v2", {})).toBe(404);
    expect(await accepted({ origin: "http://localhost:8080" })).toBe(" {");
    expect(await refusalOf("/v1", { origin: `http://127.0.0.1:${current.edge.port + 1}` })).toBe(403);
    expect(await accepted({ origin: `http://127.0.0.1:${current.edge.port}` })).toBe(" {"); // As clients that are no browser have it.
  });

  it("answers plain HTTP", async () => {
    const at = (path: string) => fetch(`http://127.0.0.1:${current.edge.port}${path}`).then(({ status }) => status);
    expect(await at("/health/live")).toBe(200);
    expect(await at("/v1")).toBe(426);
    expect(await at("/anything")).toBe(404);
  });

  it("closes the connection that is one too many from an address, and takes another once one is gone", async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => current.edge.connect()));
    const extra = await current.edge.connect();
    expect(await extra.closed).toMatchObject({ code: 4004 });
    clients[0]?.ws.close();
    await clients[0]?.closed;
    await (await current.edge.connect()).next("welcome");
  });

  it("does not share its port with another process that would take some of the connections", async () => {
    // A port that is chosen by the system is never shared, so one has to be named.
    const [port = 0] = await freePorts(1);
    const taken = createServer().listen(port, "127.0.0.1");
    await once(taken, "listening");
    const first = new Harness({ wsPort: port });
    await expect(first.start()).rejects.toThrow(WebSocketServerError);
    await new Promise((resolve) => taken.close(resolve));
    await first.start();
    const second = new Harness({ wsPort: port });
    await expect(second.start()).rejects.toThrow(/WS_PORT/);
    await Promise.all([first.stop(), second.stop()]);
  });
});

describe("an address whose connections died without a word", () => {
  const small = useHarness({ connectionsPerAddress: 2 });

  it("is sent away while they count, and served once they are gone", async () => {
    const dead = [await small.edge.connect(), await small.edge.connect()];
    for (const { ws } of dead) ws.pause();
    const url = `ws://127.0.0.1:${small.edge.port}/v1`;
    const kiosk = new UsherClient({ url, WebSocket, random: () => 0.01 });
    onTestFinished(() => kiosk.close());
    const isSentAway = new Promise<void>((resolve) => {
      kiosk.on("state", (state) => {
        if (state === "waiting" || state === "closed") resolve();
      });
    });
    const connected = kiosk.connect();
    await isSentAway;
    for (const { ws } of dead) ws.terminate();
    await connected;
    expect(kiosk.state).toBe("open");
  });
});

describe("a socket that is no WebSocket", () => {
  const full = useHarness({ connectionsMax: 2 });

  async function opened(): Promise<Socket> {
    const socket = connect(full.edge.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket.resume();
  }

  it("has its request answered and is ended, though it would stay", async () => {
    for (const path of ["/health/live", "/v1", "/anything"]) {
      const socket = await opened();
      let answer = "";
      socket.on("data", (data) => (answer += String(data)));
      const ended = once(socket, "end");
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n`);
      await ended;
      expect(answer).toMatch(/^connection: close\r$/im); // One that stayed would be ended as well, ten seconds later.
    }
  });

  it("counts: one too many is ended at once, and WebSockets are taken once others are gone", async () => {
    const silent = [await opened(), await opened(), await opened()];
    await once(await opened(), "close");
    expect(await full.edge.metrics.metrics()).toContain('usher_edge_closed_total{code="4002"} 1');
    expect(silent.some((socket) => socket.readableEnded)).toBe(false);
    const [, ...gone] = silent;
    await Promise.all(gone.map((socket) => once(socket.end(), "close")));
    for (let again = 0; again < 5; again++) {
      const client = await full.edge.connect();
      await client.next("welcome");
      client.ws.close();
      await client.closed;
    }
  });
});

describe("bad input", () => {
  const BAD = [
    "",
    "not JSON",
    "null",
    "[]",
    "{}",
    '{"op":"nonsense"}',
    '{"op":"watch","showtime":7}',
    '{"op":"watch","showtime":"a b"}',
    '{"op":"hold","rid":"r","showtime":"premiere","seats":[-1]}',
  ];

  it.each(["json", "msgpack"] as const)("of %s is refused, and the tenth closes with 1008", async (encoding) => {
    const client = await current.edge.connect(encoding);
    for (const text of BAD) client.ws.send(encoding === "json" ? text : Buffer.from(text || "x"));
    await client.until(() => client.inbox.length === 1 + BAD.length);
    expect(client.inbox.slice(1).every((message) => "code" in message && message.code === "BAD_MESSAGE")).toBe(true);
    expect(client.closing).toBeUndefined();
    client.ws.send(encoding === "json" ? "}" : Buffer.from("}"));
    expect(await client.closed).toMatchObject({ code: 1008 });
  });

  it.each([
    ["repeated seats", { seats: [1, 1] }],
    ["a fraction of a seat", { seats: [1.5] }],
    ["a huge number", { seats: [1e300] }],
    ["no seats", { seats: [] }],
    ["10,000 seats", { seats: Array.from({ length: 10_000 }, (_, seat) => seat % 10) }],
    ["both ways to choose", { seats: [1], best: { count: 1 } }],
  ])("names the request where it can: %s", async (_, rest) => {
    const client = await current.edge.connect();
    const text = JSON.stringify({ op: "hold", rid: "r1", showtime: SHOWTIME, ...rest });
    client.ws.send(text);
    if (text.length > 4096) expect(await client.closed).toMatchObject({ code: 1009 });
    else expect(await client.next("error")).toMatchObject({ code: "BAD_MESSAGE", rid: "r1" });
  });

  it("of the other encoding's kind of frame is refused", async () => {
    const json = await current.edge.connect("json");
    json.ws.send(Buffer.from('{"op":"watch","showtime":"premiere"}'));
    expect(await json.next("error")).toMatchObject({ code: "BAD_MESSAGE" });
    const msgpack = await current.edge.connect("msgpack");
    msgpack.ws.send("text");
    expect(await msgpack.next("error")).toMatchObject({ code: "BAD_MESSAGE" });
  });

  it("of 4 KiB is read, of one byte more closes with 1009, as does far more", async () => {
    const exact = await current.edge.connect();
    exact.ws.send(" ".repeat(4096));
    expect(await exact.next("error")).toMatchObject({ code: "BAD_MESSAGE" });
    for (const bytes of [4097, 100_000]) {
      const client = await current.edge.connect();
      client.ws.send(" ".repeat(bytes));
      expect(await client.closed).toMatchObject({ code: 1009 });
    }
  });

  it("does not confuse it: half frames, fragments, and pings between them", async () => {
    const { socket, received, until } = await rawConnection();
    const [head, tail] = [ANONYMOUS_HOLD.slice(0, 20), ANONYMOUS_HOLD.slice(20)];
    for (const byte of frame(TEXT, head, false)) {
      socket.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
    socket.write(frame(PING, "are you there"));
    await until(() => received().includes("are you there"));
    socket.write(frame(CONTINUATION, tail));
    await until(() => received().includes('"rid":"half"'));
    expect(String(received())).toContain("UNAUTHORIZED");
  });

  it("in the framing itself ends the connection and no other", async () => {
    const { socket, until } = await rawConnection();
    const neighbour = await current.edge.viewer();
    socket.write(Buffer.alloc(64, 0xff));
    await until(() => socket.closed);
    neighbour.say({ op: "watch", showtime: SHOWTIME });
    await neighbour.next("snapshot");
  });

  it("after a message that closed the connection is not heard", async () => {
    const client = await current.edge.signedIn();
    const asked = current.edge.engine.asked.length;
    client.ws.send(" ".repeat(5000));
    client.say({ op: "hold", rid: "late", showtime: SHOWTIME, seats: [1] });
    expect(await client.closed).toMatchObject({ code: 1009 });
    expect(current.edge.engine.asked.length).toBe(asked);
  });
});

it("says, where no binary of its library loads, for which versions of Node there is one", () => {
  const require = createRequire(import.meta.url);
  const directory = dirname(require.resolve("uWebSockets.js"));
  const loaded = Object.entries(require.cache).filter(([path]) => path.startsWith(directory));
  for (const [path] of loaded) delete require.cache[path];
  const dlopen = vi.spyOn(process, "dlopen").mockImplementation(() => {
    throw new Error("on purpose");
  });
  onTestFinished(() => {
    dlopen.mockRestore();
    Object.assign(require.cache, Object.fromEntries(loaded));
  });
  const versions = readdirSync(directory).map((file) => Number(/^uws_linux_x64_(\d+)\.node$/.exec(file)?.[1]));
  const nodes: Readonly<Record<number, string>> = { 115: "20", 127: "22", 131: "23", 137: "24", 141: "25" };
  const [oldest, ...newer] = versions
    .filter((version) => version >= 115 && version !== 120) // Nobody has to be sent to Node 21.
    .toSorted((a, b) => a - b)
    .map((version) => nodes[version] ?? `of NODE_MODULE_VERSION ${version}`);
  const list = new Intl.ListFormat("en-GB", { type: "disjunction" }).format(newer);
  expect(requireWebSockets).toThrow(`use Node ${oldest} with glibc 2.28 or newer, or Node ${list} with glibc 2.38 or`);
});
