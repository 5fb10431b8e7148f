import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { portOf } from "../../testing/port-of.ts";
import { testServer, type TestServer } from "../testing.ts";

const STALLED = "POST /things HTTP/1.1\r\nHost: usher\r\nContent-Type: application/json\r\nContent-Length: 12\r\n";

let direct: TestServer;
let proxied: TestServer;
const sockets: Socket[] = [];
/** Requests that wait for their guard. */
const held: (() => void)[] = [];

beforeAll(async () => {
  const shares = { connections: 6, unfinished: 3 };
  [direct, proxied] = await Promise.all([
    testServer({ shares }),
    testServer({ shares, trustedProxies: ["127.0.0.1"] }),
  ]);
  for (const { app } of [direct, proxied]) {
    app.post("/things", async () => ({ done: true }));
    const guard = (): Promise<void> => new Promise((resolve) => void held.push(resolve));
    app.post("/later", { onRequest: guard }, async () => ({ done: true }));
    await app.listen({ host: "127.0.0.1", port: 0 });
  }
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await expect.poll(() => connectionsOf(direct)).toBe(0);
  await expect.poll(() => connectionsOf(proxied)).toBe(0);
});
afterAll(async () => {
  await Promise.all([direct.close(), proxied.close()]);
});

const connectionsOf = ({ app }: TestServer): Promise<number> =>
  new Promise((resolve) => void app.server.getConnections((_error, count) => resolve(count)));

function open({ app }: TestServer, from = "127.0.0.1"): Socket {
  const socket = connect({ port: portOf(app.server), host: "127.0.0.1", localAddress: from });
  socket.on("error", () => undefined);
  sockets.push(socket);
  return socket;
}

async function answerOf(socket: Socket, head: string, body = ""): Promise<string> {
  socket.write(`${head}\r\n${body}`);
  const [answer] = (await once(socket, "data")) as [Buffer]; // No encoding is set.
  return answer.toString();
}

/** So many that do not send their bodies' end, once they are under way. */
async function stall(server: TestServer, count: number, more = ""): Promise<Socket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const begun = once(server.app.server, "request");
      const socket = open(server);
      socket.write(`${STALLED}${more}\r\n{`);
      await begun;
      return socket;
    }),
  );
}

it("a network whose bodies do not come to an end is refused more of them, and no other is", async () => {
  const [first] = await stall(direct, 3);
  const refused = open(direct);
  const closed = once(refused, "close");
  const answer = await answerOf(refused, `${STALLED}Origin: https://tickets.example.com\r\n`, "{");
  expect(answer).toMatch(/^HTTP\/1.1 429 [^]*connection: close[^]*"RATE_LIMITED"/i);
  expect(answer).toMatch(/^x-request-id: [^]*^access-control-allow-origin: https:\/\/tickets\.example\.com/im);
  await closed;
  expect(await answerOf(open(direct, "127.0.0.2"), STALLED, '{"a":"bcde"}')).toMatch(/^HTTP\/1.1 200 /);
  expect(await answerOf(first!, "", '"a":"bc"}')).toMatch(/^HTTP\/1.1 200 /);
  expect(await answerOf(open(direct), STALLED, '{"a":"bcde"}')).toMatch(/^HTTP\/1.1 200 /);
});

it("a crowd whose bodies have arrived, and wait to be read, is let in", async () => {
  const all = Array.from({ length: 5 }, () => open(direct));
  const answers = all.map((socket) => answerOf(socket, STALLED.replace("/things", "/later"), '{"a":"bcde"}'));
  await expect.poll(() => held.length).toBe(5);
  for (const release of held.splice(0)) release();
  for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^HTTP\/1.1 200 /);
});

it("who stalls and hangs up makes room", async () => {
  for (const socket of await stall(direct, 3)) socket.destroy();
  await expect.poll(() => connectionsOf(direct)).toBe(0);
  expect(await answerOf(open(direct), STALLED, '{"a":"bcde"}')).toMatch(/^HTTP\/1.1 200 /);
});

it("behind a proxy it is the client's network that counts", async () => {
  await stall(proxied, 3, "X-Forwarded-For: 10.0.0.1\r\n");
  const from = (client: string): string => `${STALLED}X-Forwarded-For: ${client}\r\n`;
  expect(await answerOf(open(proxied), from("10.0.0.1"), "{")).toMatch(/^HTTP\/1.1 429 /);
  expect(await answerOf(open(proxied), from("10.0.0.2"), '{"a":"bcde"}')).toMatch(/^HTTP\/1.1 200 /);
});

it("a network has so many connections and no more; a proxy, which has those of many, as many as it likes", async () => {
  const several = Array.from({ length: 6 }, () => open(direct));
  await Promise.all(several.map((socket) => once(socket, "connect")));
  await once(open(direct), "close");
  const elsewhere = open(direct, "127.0.0.2");
  expect(await answerOf(elsewhere, "GET /health/live HTTP/1.1\r\nHost: usher\r\n")).toMatch(/^HTTP\/1.1 200 /);
  several[0]!.destroy();
  await expect.poll(() => connectionsOf(direct)).toBe(6);
  const next = open(direct);
  expect(await answerOf(next, "GET /health/live HTTP/1.1\r\nHost: usher\r\n")).toMatch(/^HTTP\/1.1 200 /);

  const crowd = Array.from({ length: 9 }, () => open(proxied));
  await Promise.all(crowd.map((socket) => once(socket, "connect")));
  await expect.poll(() => connectionsOf(proxied)).toBe(9);
});

it("where all places are taken idle connections make room", async () => {
  const { server } = direct.app;
  const { maxConnections } = server;
  server.maxConnections = 2;
  for (const idle of [open(direct), open(direct, "127.0.0.2")])
    expect(await answerOf(idle, "GET /health/live HTTP/1.1\r\nHost: usher\r\n")).toMatch(/^HTTP\/1.1 200 /);
  await once(open(direct, "127.0.0.3"), "close");
  await expect.poll(() => connectionsOf(direct)).toBe(0);
  server.maxConnections = maxConnections;
});
