import { Type } from "typebox";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import pino from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BusClosed, ConnectionLost, NoResponders, RequestTimeout } from "../bus/index.ts";
import { VirtualClock } from "../clock/index.ts";
import { portOf } from "../testing/port-of.ts";
import { TooManyWaiting } from "../turns/index.ts";
import { problemOf } from "./answers/errors.ts";
import { CROWDED_RETRY_MS } from "./limits.ts";
import { principalOf, requireRole, requireSignedIn } from "./requests/guards.ts";
import { Problem } from "./answers/problem.ts";
import type { ProblemBody } from "../../proto/rest/index.ts";
import { as, testServer, type TestServer } from "./testing.ts";

let server: TestServer;
let databaseDown = false;

const anyText = expect.any(String) as unknown; // The matcher is of type any.

beforeAll(async () => {
  server = await testServer({
    checks: [
      { name: "postgres", check: async () => (databaseDown ? Promise.reject(new Error("secret reason")) : undefined) },
      { name: "engine", check: async () => {} },
    ],
  });
  const { app } = server;
  const Body = Type.Object(
    { email: Type.String({ minLength: 3 }), seats: Type.Optional(Type.Array(Type.Integer())) },
    { additionalProperties: false },
  );
  await app.register(
    async (api: typeof app) => {
      api.post(
        "/things",
        { schema: { operationId: "postThing", tags: ["holds"], body: Body, response: { 201: Body } } },
        async (request, reply) => reply.code(201).send(request.body),
      );
      api.get(
        "/things/:id",
        { schema: { querystring: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 9 })) }) } },
        async (request) => request.query,
      );
      api.get("/crash", async () => {
        throw Object.assign(new Error("password=hunter2"), { code: "XX000" });
      });
      api.post("/bodiless", async () => ({}));
      api.get("/taken", { config: { problems: ["SEAT_TAKEN"] } }, async () => {
        throw new Problem("SEAT_TAKEN", "Seat 3 is taken.", { seats: [3] });
      });
      api.get("/busy", async () => {
        throw new Problem("BUSY", "Full.", { retryInMs: 2_500 });
      });
      api.get(
        "/me",
        { onRequest: requireSignedIn, schema: { operationId: "me", tags: ["accounts"] } },
        async (request) => ({ id: principalOf(request).userId }),
      );
      api.get("/admin", { onRequest: requireRole("admin", "gate") }, async (request) => ({
        role: principalOf(request).role,
      }));
    },
    { prefix: "/api/v1" },
  );
  await app.ready();
});

afterAll(() => server.close());

const post = (payload: string, headers: Record<string, string> = { "content-type": "application/json" }) =>
  server.app.inject({ method: "POST", url: "/api/v1/things", headers, payload });

function expectProblem(
  response: { statusCode: number; headers: object; json(): Record<string, unknown> },
  status: number,
  code: string,
) {
  const body = response.json();
  expect(body).toMatchObject({ status, code, type: anyText, title: anyText, detail: anyText });
  expect(response.statusCode).toBe(status);
  expect(response.headers).toMatchObject({
    "content-type": "application/problem+json",
    "x-request-id": body["requestId"],
  });
  return body;
}

describe("every refusal is a problem", () => {
  it("for an address that nobody knows", async () => {
    expectProblem(await server.app.inject({ url: "/api/v1/nothing" }), 404, "NOT_FOUND");
  });

  it("for a method that the address does not know, naming those it knows", async () => {
    const response = await server.app.inject({ method: "DELETE", url: "/api/v1/things/7?x=1" });
    expectProblem(response, 405, "METHOD_NOT_ALLOWED");
    expect(response.headers["allow"]).toContain("GET");
  });

  it.each([
    ["not JSON", "{oops", 400, "BAD_MESSAGE"],
    ["empty", "", 400, "BAD_MESSAGE"],
    ["half", '{"email":"a@b.c"', 400, "BAD_MESSAGE"],
    ["prototype poisoning", '{"email":"a@b.c","__proto__":{"x":1}}', 400, "BAD_MESSAGE"],
    ["huge", JSON.stringify({ email: "x".repeat(100_000) }), 413, "TOO_LARGE"],
  ])("for a body that is %s", async (_name, payload, status, code) => {
    expectProblem(await post(payload), status, code);
  });

  it("for a NUL character, which is another text than a backslash before the same digits", async () => {
    const bodyOf = (text: string): string => `{"email":"a${text}@b.c"}`;
    for (const nul of ["\\u0000", "\\\\\\u0000"]) {
      expect(expectProblem(await post(bodyOf(nul)), 400, "BAD_MESSAGE")["detail"]).toContain("NUL");
    }
    for (const digits of ["\\\\u0000", "\\\\\\\\u0000"]) {
      const response = await post(bodyOf(digits));
      expect([response.statusCode, response.json()]).toEqual([201, JSON.parse(bodyOf(digits))]);
    }
  });

  it("for a large body before it has come to its end, and reads the rest away", async () => {
    if (!server.app.server.listening) await server.app.listen({ port: 0, host: "127.0.0.1" });
    const socket = connect(portOf(server.app.server), "127.0.0.1");
    let said = "";
    socket.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const headOf = (length: number): string =>
      `POST /api/v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
    const half = "x".repeat(1_000_000);
    socket.write(headOf(2 * half.length) + half);
    await expect.poll(() => said).toContain("TOO_LARGE");
    const small = '{"email":"a@b.c"}';
    socket.write(half + headOf(small.length) + small);
    await expect.poll(() => said).toContain("201 Created");
    socket.destroy();
  });

  it("for a body that is not UTF-8", async () => {
    const asked = { method: "POST", url: "/api/v1/things", headers: { "content-type": "application/json" } } as const;
    const bytes = Buffer.from('{"email":"\u00fc@b.c"}');
    expect((await server.app.inject({ ...asked, payload: bytes })).json()).toEqual({ email: "\u00fc@b.c" });
    bytes[10] = 0xff; // In the place of half a letter.
    expect(
      expectProblem(await server.app.inject({ ...asked, payload: bytes }), 400, "BAD_MESSAGE")["detail"],
    ).toContain("UTF-8");
  });

  it("for a body of another type", async () => {
    expectProblem(await post("<xml/>", { "content-type": "text/xml" }), 415, "UNSUPPORTED_MEDIA_TYPE");
    expectProblem(
      await post("a=b", { "content-type": "application/x-www-form-urlencoded" }),
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    );
  });

  it.each(["application/x-www-form-urlencoded", "text/plain;charset=UTF-8", "image/png"])(
    "for an empty body only where the route needs one, though it is said to be %s",
    async (type) => {
      const headers = { "content-type": type, "content-length": "0" };
      expectProblem(await post("", headers), 400, "BAD_MESSAGE");
      const asked = await server.app.inject({ method: "POST", url: "/api/v1/bodiless", headers, payload: "" });
      expect(asked.statusCode).toBe(200);
      const full = { method: "POST", url: "/api/v1/bodiless", headers: { "content-type": type } } as const;
      expectProblem(await server.app.inject({ ...full, payload: "x" }), 415, "UNSUPPORTED_MEDIA_TYPE");
      expectProblem(await server.app.inject({ ...full, url: "/api/v1/nothing", payload: "x" }), 404, "NOT_FOUND");
    },
  );

  it.each([
    [{}, "body.email"],
    [{ email: 7 }, "body.email"],
    [{ email: "a@b.c", seats: [1, "2"] }, "body.seats.1"],
    [{ email: "a@b.c", extra: 1 }, "body.extra"],
    [[], "body"],
    [null, "body"],
  ])("for the body %j, naming %s", async (body, field) => {
    expect(expectProblem(await post(JSON.stringify(body)), 400, "BAD_MESSAGE")["field"]).toBe(field);
  });

  it("for a query that is no number, while one in digits is converted", async () => {
    for (const text of ["abc", "Infinity", "1e999", "-1e999", "NaN"]) {
      const response = await server.app.inject({ url: `/api/v1/things/7?limit=${text}` });
      expect(expectProblem(response, 400, "BAD_MESSAGE")["field"]).toBe("query.limit");
    }
    expect((await server.app.inject({ url: "/api/v1/things/7?limit=5" })).json()).toEqual({ limit: 5 });
  });

  it.each([
    "Connection terminated unexpectedly",
    "Client has encountered a connection error and is not queryable",
    "Client was closed and is not queryable",
  ])("for a database that goes: %s", (message) => {
    expect(problemOf(new Error(message)).code).toBe("UNAVAILABLE");
  });

  it.each([new NoResponders("quote"), new RequestTimeout("quote", 1), new ConnectionLost("quote"), new BusClosed()])(
    "for another service that is away: $name",
    (error) => {
      expect(problemOf(error).code).toBe("UNAVAILABLE");
    },
  );

  it("for a handler that crashes, without a word of the reason", async () => {
    const response = await server.app.inject({ url: "/api/v1/crash" });
    expectProblem(response, 500, "INTERNAL");
    expect(response.body).not.toContain("hunter2");
  });

  it("for a domain's refusal, with its further members", async () => {
    expect(expectProblem(await server.app.inject({ url: "/api/v1/taken" }), 409, "SEAT_TAKEN")["seats"]).toEqual([3]);
  });

  it("for an overload, saying when to come again", async () => {
    const response = await server.app.inject({ url: "/api/v1/busy" });
    expect(expectProblem(response, 503, "BUSY")["retryInMs"]).toBe(2_500);
    expect(response.headers["retry-after"]).toBe("3");
    expect(problemOf(new TooManyWaiting())).toMatchObject({ code: "BUSY", extra: { retryInMs: CROWDED_RETRY_MS } });
  });

  it("for an address that does not decode, and for one with a part too long", async () => {
    expectProblem(await server.app.inject({ url: "/api/v1/things/%zz" }), 400, "BAD_MESSAGE");
    expectProblem(await server.app.inject({ url: `/api/v1/things/${"x".repeat(500)}` }), 404, "NOT_FOUND");
  });
});

describe("guards", () => {
  it("refuse strangers, other schemes and wrong roles, and let the right ones in", async () => {
    const stranger = await server.app.inject({ url: "/api/v1/me" });
    expectProblem(stranger, 401, "UNAUTHORIZED");
    expect(stranger.headers["www-authenticate"]).toContain("Bearer");
    for (const authorization of ["", "Bearer", "Basic YTpi", "Bearer a b", `Bearer ${"x".repeat(5000)}`]) {
      expectProblem(await server.app.inject({ url: "/api/v1/me", headers: { authorization } }), 401, "UNAUTHORIZED");
    }
    expectProblem(await server.app.inject({ url: "/api/v1/admin", headers: as("ann") }), 403, "FORBIDDEN");
    expect((await server.app.inject({ url: "/api/v1/me", headers: as("ann") })).json()).toEqual({ id: "ann" });
    expect((await server.app.inject({ url: "/api/v1/admin", headers: as("eve", "gate") })).json()).toEqual({
      role: "gate",
    });
  });
});

describe("headers", () => {
  it("echo a sane request id and replace any other", async () => {
    const sane = await server.app.inject({ url: "/health/live", headers: { "x-request-id": "abc-1" } });
    expect(sane.headers["x-request-id"]).toBe("abc-1");
    const odd = await server.app.inject({ url: "/health/live", headers: { "x-request-id": "a b\tc" } });
    expect(odd.headers["x-request-id"]).toMatch(/^[\w-]{16}$/);
  });

  it("protect the page, and let it open WebSockets", async () => {
    const { headers } = await server.app.inject({ url: "/health/live" });
    expect(headers["content-security-policy"]).toContain("connect-src 'self' ws: wss:");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["cross-origin-opener-policy"]).toBe("same-origin");
  });

  it("leave out, where the API answers, what only a page needs", async () => {
    const { headers } = await server.app.inject({ url: "/api/v1/nothing" });
    const names = Object.keys(headers).filter((name) =>
      /^(x-(?!request-id|ratelimit)|cross|content-sec|ref|orig)/.test(name),
    );
    expect(names.sort()).toEqual([
      "content-security-policy",
      "cross-origin-resource-policy",
      "referrer-policy",
      "x-content-type-options",
      "x-frame-options",
    ]);
  });

  it("allow the pages of configured origins only", async () => {
    const ask = (origin: string) => server.app.inject({ url: "/health/live", headers: { origin } });
    expect((await ask("https://tickets.example.com")).headers["access-control-allow-origin"]).toBe(
      "https://tickets.example.com",
    );
    const { headers } = await ask("https://tickets.example.com");
    for (const name of ["etag", "retry-after", "x-ratelimit-reset"])
      expect(headers["access-control-expose-headers"]).toContain(name);
    expect((await ask("https://evil.example.com")).headers["access-control-allow-origin"]).toBeUndefined();
    expect((await server.app.inject({ url: "/health/live" })).headers["vary"]).toBe("Origin");
    const preflight = await server.app.inject({
      method: "OPTIONS",
      url: "/api/v1/things",
      headers: { origin: "https://tickets.example.com", "access-control-request-method": "POST" },
    });
    expect(preflight.statusCode).toBe(204);
    expect(preflight.headers["access-control-allow-methods"]).toContain("POST");
    expect(preflight.headers["access-control-allow-origin"]).toBe("https://tickets.example.com");
    expect(preflight.headers["access-control-max-age"]).toBe("600");
  });
});

/** The parts of an OpenAPI document that are looked at here. */
interface Described {
  openapi: string;
  paths: Record<
    string,
    Record<string, { security?: object[]; responses: Record<string, { content: Record<string, { schema: object }> }> }>
  >;
  components: { schemas: Record<string, { properties: Record<string, { enum?: string[] }> }> };
}

describe("operations", () => {
  it("readiness names each dependency and its state, and tells no reason", async () => {
    const up = await server.app.inject({ url: "/health/ready" });
    expect(up.json()).toEqual({ status: "ready", checks: { postgres: { state: "up" }, engine: { state: "up" } } });
    databaseDown = true;
    const down = await server.app.inject({ url: "/health/ready" });
    databaseDown = false;
    expect(expectProblem(down, 503, "UNAVAILABLE")["checks"]).toEqual({
      postgres: { state: "down" },
      engine: { state: "up" },
    });
    expect(down.body).not.toContain("secret");
  });

  it("metrics count requests by route", async () => {
    await server.app.inject({ url: "/api/v1/things/8?limit=5" });
    const { body } = await server.app.inject({ url: "/metrics" });
    expect(body).toMatch(/usher_http_request_seconds_count\{.*route="\/api\/v1\/things\/:id".*\} \d/);
    expect(body).toMatch(/usher_http_request_seconds_count\{.*route="none",status="404".*\} \d/);
  });

  it("the description is OpenAPI 3.1 and tells of guards and problems", async () => {
    const document = (await server.app.inject({ url: "/openapi.json" })).json<Described>();
    expect(document.openapi).toBe("3.1.0");
    const me = document.paths["/api/v1/me"]?.["get"];
    expect(me?.security).toEqual([{ bearer: [] }]);
    expect(Object.keys(me?.responses ?? {})).toEqual(expect.arrayContaining(["401", "429", "500", "503"]));
    const things = document.paths["/api/v1/things"]?.["post"];
    expect(Object.keys(things?.responses ?? {})).toEqual(expect.arrayContaining(["201", "400", "413", "415"]));
    expect(things?.responses["400"]?.content["application/problem+json"]?.schema).toEqual({
      $ref: "#/components/schemas/Problem",
    });
    expect(document.components.schemas["Problem"]?.properties["code"]?.enum).toContain("SEAT_TAKEN");
  });

  it("the page that shows it needs nothing from elsewhere", async () => {
    const page = await server.app.inject({ url: "/docs" });
    expect([200, 302]).toContain(page.statusCode);
    const html = await server.app.inject({ url: "/docs/" });
    expect(html.statusCode).toBe(200);
    expect(html.body).not.toMatch(/(src|href)="https?:/);
    expect((await server.app.inject({ url: "/docs/static/swagger-ui-bundle.js" })).statusCode).toBe(200);
  });

  it("tells the browser's page where the WebSocket is", async () => {
    const { body } = await server.app.inject({ url: "/config.json", headers: { host: "usher.test:8080" } });
    expect(JSON.parse(body)).toEqual({ wsPort: 8081, webSocketUrl: "ws://usher.test:8081/v1" });
  });
});

it("logs once what fails many requests because it is away or full, with their count, and each of the others", async () => {
  const clock = new VirtualClock();
  const told: { err: { message: string }; count?: number }[] = [];
  const log = pino(
    { level: "warn" },
    { write: (line: string) => void told.push(JSON.parse(line) as (typeof told)[0]) },
  );
  const failing = await testServer({ clock, log });
  failing.app.get("/away", () => Promise.reject(new NoResponders("quote")));
  failing.app.get("/crash", () => Promise.reject(new Error("a defect")));
  failing.app.get("/crowded", () => Promise.reject(new TooManyWaiting()));
  try {
    for (const url of ["/away", "/away", "/crash", "/away", "/crowded", "/crash"]) await failing.app.inject({ url });
    await clock.advance(1_000);
    await failing.app.inject({ url: "/away" });
    expect(told.map(({ count }) => count)).toEqual([1, undefined, undefined, 4]);
    expect(told[0]?.err.message).toContain("quote");
  } finally {
    await failing.close();
  }
});

it("counts failures from nought on, whatever their route, and no probe's", async () => {
  const checks = [{ name: "nats", check: () => Promise.reject(new Error("gone")) }];
  const failing = await testServer({ checks });
  failing.app.get("/crash", () => Promise.reject(new Error("a defect")));
  failing.app.get("/full", () => Promise.reject(new TooManyWaiting()));
  const counted = async () =>
    /^usher_http_failures_total\S* (.*)$/m.exec((await failing.app.inject("/metrics")).body)?.[1];
  try {
    expect(await counted()).toBe("0");
    for (const url of ["/crash", "/full", "/health/ready", "/health/serving", "/nothing"])
      await failing.app.inject(url);
    expect(await counted()).toBe("2");
  } finally {
    await failing.close();
  }
});

it("logs a refusal that is our doing though a route has put it into words, with its route, and none of the client's or a probe's", async () => {
  const told: Record<string, unknown>[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void told.push(JSON.parse(line)) });
  const checks = [{ name: "nats", check: () => Promise.reject(new Error("gone")) }];
  const failing = await testServer({ clock: new VirtualClock(), log, checks });
  failing.app.get("/taken/:id", () => Promise.reject(new Problem("SEAT_TAKEN", "Seat 3 is taken.")));
  failing.app.get("/slow/:id", () => Promise.reject(new Problem("UNAVAILABLE", "The engine gave no answer.")));
  try {
    for (const url of ["/health/ready", "/taken/1"]) await failing.app.inject({ url });
    expect(told.map(({ msg }) => msg)).toEqual(["a dependency is down"]);
    const { requestId } = (await failing.app.inject({ url: "/slow/1" })).json<ProblemBody>();
    const line = { code: "UNAVAILABLE", route: "/slow/:id", requestId, reason: "The engine gave no answer.", count: 1 };
    expect(told.slice(1)).toMatchObject([{ level: 40, ...line }]);
  } finally {
    await failing.close();
  }
});

it("limits the requests of one address that a guard refuses, too", async () => {
  const limited = await testServer({
    config: { requestsPerSecond: 2, allowedOrigins: [] },
    clock: new VirtualClock(), // Its second never ends.
  });
  limited.app.get("/guarded", { onRequest: requireRole("admin") }, async () => "seen");
  try {
    const codes: number[] = [];
    for (const headers of [{ authorization: "Bearer forged" }, as("ada"), { authorization: "Bearer forged" }, {}]) {
      codes.push((await limited.app.inject({ url: "/guarded", headers })).statusCode);
    }
    expect(codes).toEqual([401, 403, 429, 429]);
  } finally {
    await limited.close();
  }
});

it("limits the requests of one address, on unknown addresses too", async () => {
  const limited = await testServer({ config: { requestsPerSecond: 3, allowedOrigins: [] } });
  try {
    const ask = (url: string, remoteAddress: string) => limited.app.inject({ url, remoteAddress });
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask("/config.json", "10.0.0.1")));
    const refused = answers.filter(({ statusCode }) => statusCode === 429);
    expect(refused.length).toBeGreaterThanOrEqual(6); // 12 less 3, less 3 more should a second have turned
    for (const one of refused) expectProblem(one, 429, "RATE_LIMITED");
    expect(refused[0]?.headers).toMatchObject({
      "retry-after": "1",
      "x-ratelimit-limit": "3",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": "1",
    });
    expect((await ask("/config.json", "10.0.0.2")).statusCode).toBe(200);
    const unknown = await Promise.all(Array.from({ length: 12 }, () => ask("/nothing", "10.0.0.3")));
    expect(unknown.some(({ statusCode }) => statusCode === 429)).toBe(true);
  } finally {
    await limited.close();
  }
});

describe("over a real socket", () => {
  it("answers what is not HTTP, or names no host, with a problem, and lets what is in flight finish at close", async () => {
    const own = await testServer();
    let release = () => {};
    const reached = new Promise<void>((arrived) => {
      own.app.get("/slow", async () => {
        arrived();
        await new Promise<void>((resolve) => (release = resolve));
        return { done: true };
      });
    });
    await own.app.listen({ port: 0, host: "127.0.0.1" });
    const port = portOf(own.app.server);

    const answerTo = (request: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1", () => socket.write(`${request}\r\n\r\n`));
        let read = "";
        socket.on("data", (chunk) => (read += chunk.toString())).on("close", () => resolve(read));
      });
    for (const request of ["NONSENSE", "GET /health/live HTTP/1.1\r\nConnection: close"]) {
      const text = await answerTo(request);
      expect(text).toContain("HTTP/1.1 400");
      expect(text).toContain("application/problem+json");
      expect(text).toContain('"code":"BAD_MESSAGE"');
    }
    expect(await answerTo("GET /health/live HTTP/1.0")).toContain("HTTP/1.1 200");

    const slow = fetch(`http://127.0.0.1:${port}/slow`);
    await reached;
    const closed = own.close();
    release();
    expect(await (await slow).json()).toEqual({ done: true });
    await closed;
  });

  it("closes a connection whose client takes nothing of its answer, and no idle one before its time", async () => {
    const own = await testServer({ connectionTimeoutMs: 3_000 });
    own.app.get("/large", async () => Buffer.alloc(16 * 1024 * 1024));
    await own.app.listen({ port: 0, host: "127.0.0.1" });
    const port = portOf(own.app.server);
    const open = async (path: string) => {
      const accepted = once(own.app.server, "connection") as Promise<[Socket]>; // Node has it so.
      const client = connect(port, "127.0.0.1");
      client.write(`GET ${path} HTTP/1.1\r\nHost: usher\r\n\r\n`);
      return { client, atServer: (await accepted)[0] };
    };
    const idle = await open("/health/live");
    await once(idle.client, "data");
    const stuck = await open("/large");
    await once(stuck.atServer, "close");
    expect(idle.atServer.destroyed).toBe(false);
    idle.client.destroy();
    stuck.client.destroy();
    await own.close();
  });

  it("takes a client that hangs up within its body for no failure of ours", async () => {
    const told: string[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void told.push(line) });
    const own = await testServer({ log });
    const statuses: number[] = [];
    own.app.addHook("onSend", async (_request, reply) => void statuses.push(reply.statusCode));
    own.app.post("/things", async () => ({}));
    await own.app.listen({ port: 0, host: "127.0.0.1" });
    const port = portOf(own.app.server);
    const begun = once(own.app.server, "request");
    const socket = connect(port, "127.0.0.1");
    const head = "POST /things HTTP/1.1\r\nHost: usher\r\nContent-Type: application/json\r\nContent-Length: 99";
    socket.write(`${head}\r\n\r\n{"half":`);
    await begun;
    socket.resetAndDestroy();
    await expect.poll(() => statuses).toEqual([400]);
    const { body } = await own.app.inject({ url: "/metrics" });
    expect(body).not.toContain('status="503"');
    expect(told).toEqual([]);
    await own.close();
  });
});
