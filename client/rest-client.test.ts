import { once } from "node:events";
import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { portOf } from "../platform/testing/port-of.ts";
import { RestClient, Unreachable } from "./rest-client.ts";
import { refusalOf } from "./testing/world.ts";

const kept = new Map<string, { status: number; body: object }>();
let asked = 0;
/** Keeps silent at `/config.json`, knows no movies and is no Usher there, refuses the first other request as the bookings do while a payment is being confirmed, and gives each key its first answer again. */
const server = createServer((request, response) => {
  if (request.url === "/config.json") return;
  if (request.url?.startsWith("/api/v1/movies") === true) {
    response.writeHead(404, { "content-type": "application/json" }).end('{"error":"no such thing"}');
    return;
  }
  const key = request.headers["idempotency-key"];
  const fresh =
    asked++ === 0
      ? { status: 409, body: { code: "BOOKING_STATE", detail: "ask once more", seats: [3, 4], retryInMs: 250 } }
      : { status: 200, body: { id: "bk_1", status: "cancelled" } };
  const answer = (typeof key === "string" && kept.get(key)) || fresh;
  if (typeof key === "string") kept.set(key, answer);
  const type = answer.status < 400 ? "application/json" : "application/problem+json";
  response.writeHead(answer.status, { "content-type": type }).end(JSON.stringify(answer.body));
});

afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
  kept.clear();
  asked = 0;
});

async function start(options: { timeoutMs?: number } = {}): Promise<RestClient> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return new RestClient(`http://127.0.0.1:${portOf(server)}`, options);
}

test("a cancellation that was refused for now may be asked for once more", async () => {
  const rest = await start();
  expect(await refusalOf(rest.cancel("bk_1", "token"))).toMatchObject({ code: "BOOKING_STATE" });
  expect(await rest.cancel("bk_1", "token")).toMatchObject({ status: "cancelled" });
});

test("with the same key it is the same cancellation", async () => {
  const rest = await start();
  for (let time = 0; time < 2; time++) {
    expect(await refusalOf(rest.cancel("bk_1", "token", "mine"))).toMatchObject({ code: "BOOKING_STATE" });
  }
  expect(await rest.cancel("bk_1", "token", "another")).toMatchObject({ status: "cancelled" });
});

test("a refusal has the problem's seats, and says to the millisecond when to ask again", async () => {
  const rest = await start();
  expect(await refusalOf(rest.cancel("bk_1", "token"))).toMatchObject({ seats: [3, 4], retryInMs: 250 });
});

test("a server that does not answer in time is not there", async () => {
  const rest = await start({ timeoutMs: 1 });
  await expect(rest.webSocketUrl()).rejects.toThrow(Unreachable);
});

test("a server that is lost in the middle of an answer is not there either", async () => {
  const lost = new ReadableStream({
    start(stream) {
      stream.enqueue(new TextEncoder().encode("<svg"));
      stream.error(new TypeError("terminated"));
    },
  });
  const rest = new RestClient("http://127.0.0.1", { fetch: () => Promise.resolve(new Response(lost)) });
  await expect(rest.ticketPicture("t1", "token")).rejects.toThrow(Unreachable);
  await expect(rest.ticketsPdf("bk_1", "token")).rejects.toThrow(Unreachable);
});

test("the page of a network that wants a sign-in first is no ticket", async () => {
  const page = () => Promise.resolve(new Response("<h1>Welcome</h1>", { headers: { "content-type": "text/html" } }));
  const rest = new RestClient("http://127.0.0.1", { fetch: page });
  await expect(rest.ticketPicture("t1", "token")).rejects.toThrow(Unreachable);
  await expect(rest.ticketsPdf("bk_1", "token")).rejects.toThrow(Unreachable);
  await expect(rest.showtime("premiere")).rejects.toThrow(Unreachable);
});

describe("the server's clock is known", () => {
  const [here, there] = [Date.parse("2031-05-01T08:00:00.900Z"), Date.parse("2031-05-01T10:00:00Z")];
  beforeEach(() => void vi.useFakeTimers({ now: here, toFake: ["Date"] }));
  afterEach(() => void vi.useRealTimers());

  async function askOnce(headers: Record<string, string>, tookMs = 0): Promise<number> {
    const fetch = () => {
      vi.setSystemTime(Date.now() + tookMs);
      return Promise.resolve(Response.json({}, { headers }));
    };
    const rest = new RestClient("http://127.0.0.1", { fetch });
    await rest.showtime("premiere");
    return rest.now();
  }

  const dateOf = (ms: number): Record<string, string> => ({ date: new Date(ms).toUTCString() });

  test("from its answers where the one here is wrong", async () => {
    expect(await askOnce(dateOf(there))).toBe(there);
    expect(await askOnce(dateOf(here - 3_600_000))).toBe(Date.parse("2031-05-01T07:00:01Z"));
  });

  test("by the one here where that may be right", async () => {
    expect(await askOnce(dateOf(here))).toBe(here);
    expect(await askOnce(dateOf(here), 5_000)).toBe(here + 5_000);
  });

  test("by nothing that was kept on the way, nor where it is not said", async () => {
    expect(await askOnce({ ...dateOf(there), "cache-control": "public, max-age=60" })).toBe(here);
    expect(await askOnce({ ...dateOf(there), "cache-control": "public, max-age=0, must-revalidate" })).toBe(there);
    expect(await askOnce({})).toBe(here);
  });
});

test("what answers and is no Usher refuses nothing", async () => {
  const rest = await start();
  await expect(rest.movies()).rejects.toThrow(Unreachable);
});

test.each(["localhost:8080", "ftp://localhost"])("%s is refused at once: no request could be made of it", (base) => {
  expect(() => new RestClient(base)).toThrow(TypeError);
});
