import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { pino } from "pino";
import { InProcessBus } from "../../../platform/bus/index.ts";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import {
  type Command,
  type ErrorCode,
  ERRORS,
  holdIdOf,
  isErrorCode,
  type Query,
  type Reply,
  type Role,
  showtimeId,
} from "../../../proto/index.ts";
import { QUOTE, type ShowtimeCard } from "../../../proto/services/index.ts";
import { SHOWTIME_CARD } from "../../../proto/services/testing.ts";
import { as, testServer, type TestServer } from "../../../platform/http/testing.ts";
import { Holds } from "../holds.ts";
import { holdRoutes } from "./holds.ts";

const SHOWTIME = showtimeId("st_1");
const HOLD = holdIdOf(SHOWTIME, 40);
const NOW = Date.parse("2026-11-21T12:00:00Z");

/** On sale for an hour. */
const CARD: ShowtimeCard = {
  ...SHOWTIME_CARD,
  showtimeId: SHOWTIME,
  startsAt: "2026-11-21T13:00:00.000Z",
  endsAt: "2026-11-21T15:00:00.000Z",
  salesEndAt: "2026-11-21T13:00:00.000Z",
  cancelUntil: "2026-11-21T12:30:00.000Z",
};

/** Answers with what is put before it, and remembers what it was asked. */
class ScriptedEngine {
  readonly asked: (Command | Query)[] = [];
  readonly replies: Reply[] = [];
  /** How long an answer takes. */
  latencyMs = 0;

  async ask(request: Command | Query): Promise<Reply> {
    this.asked.push(request);
    if (this.latencyMs > 0) await clock.advance(this.latencyMs);
    const reply = this.replies.shift();
    if (reply === undefined) throw new Error(`no reply was prepared for ${request.type}`);
    return reply;
  }
}

let server: TestServer;
let engine: ScriptedEngine;
const clock = new VirtualClock(NOW);
const bus = new InProcessBus({ clock, log: pino({ level: "silent" }) });

beforeAll(async () => {
  server = await testServer();
  const holds = new Holds({ engine: { ask: (request) => engine.ask(request) }, bus, clock });
  await server.app.register(holdRoutes({ holds, random: systemRandom }), { prefix: "/api/v1" });
  await server.app.ready();
});
beforeEach(() => {
  engine = new ScriptedEngine();
});
afterAll(async () => {
  await bus.close();
  await server.close();
});

interface Call {
  readonly body?: unknown;
  readonly user?: string;
  readonly role?: Role;
  readonly key?: string;
}

const call = (method: "GET" | "POST" | "DELETE", path: string, { body, user = "ada", role, key }: Call = {}) =>
  server.app.inject({
    method,
    url: `/api/v1${path}`,
    headers: { ...as(user, role), ...(key !== undefined && { "idempotency-key": key }) },
    ...(body !== undefined && { payload: body as object }), // Some are hostile: they are sent as they are.
  });
const hold = (body: unknown, more: Call = {}) => call("POST", `/showtimes/${SHOWTIME}/holds`, { body, ...more });

const held: Reply = { type: "held", hold: HOLD, seats: [3, 4], expiresInMs: 300_000 };
const refusal = (code: ErrorCode, more: object = {}): Reply => ({
  type: "refused",
  code,
  message: `Refused: ${code}.`,
  ...more,
});
const answer = {
  holdId: HOLD,
  showtimeId: SHOWTIME,
  seats: [3, 4],
  expiresAt: "2026-11-21T12:05:00.000Z",
  expiresInMs: 300_000,
  status: "held",
};

describe("taking seats", () => {
  it("asks the engine for the named seats in the user's name, and says for how long they are held", async () => {
    engine.replies.push(held);
    const response = await hold({ seats: [3, 4] });
    expect(response.statusCode).toBe(201);
    expect(response.json()).toEqual(answer);
    expect(response.headers["location"]).toBe(`/api/v1/holds/${HOLD}`);
    expect(engine.asked).toEqual([
      { type: "hold", showtime: SHOWTIME, holder: "ada", rid: expect.any(String), seats: [3, 4] },
    ]);
  });

  it.each([
    [{}, 299_600],
    [{ key: "slow" }, 299_200],
  ])("promises no more time than there is when the engine's answers take long (%j)", async (more, left) => {
    onTestFinished(() => clock.setForward(NOW - clock.now()));
    engine.latencyMs = 400;
    engine.replies.push(held, { type: "hold", hold: HOLD, seats: [3, 4], expiresInMs: 299_600 });
    const askedAt = clock.now();
    const expiresAt = new Date(askedAt + 300_000).toISOString();
    expect((await hold({ seats: [3, 4] }, more)).json()).toMatchObject({ expiresInMs: left, expiresAt });
    expect(clock.now()).toBe(askedAt + 300_000 - left);
  });

  it.each([
    [{ best: { count: 2 } }, { count: 2 }],
    [
      { best: { count: 2, category: "premium", split: true }, accessible: true },
      { count: 2, category: "premium", split: true, accessible: true },
    ],
    [
      { best: { count: 1 }, accessible: true },
      { count: 1, accessible: true },
    ],
  ])("asks for the best with %j", async (body, wish) => {
    engine.replies.push(held);
    expect((await hold(body)).statusCode).toBe(201);
    expect(engine.asked).toEqual([
      { type: "hold-best", showtime: SHOWTIME, holder: "ada", rid: expect.any(String), ...wish },
    ]);
  });

  it.each(["customer", "guest", "kiosk", "boxoffice", "admin"] as const)("is open to the role %s", async (role) => {
    engine.replies.push(held);
    expect((await hold({ seats: [3, 4] }, { role })).statusCode).toBe(201);
    const desk = role === "kiosk" || role === "boxoffice";
    expect(engine.asked[0]).toMatchObject({ type: "hold", ...(desk && { desk }) });
  });

  it("is closed to the gate and to strangers", async () => {
    expect((await hold({ seats: [3] }, { role: "gate" })).json()).toMatchObject({ status: 403, code: "FORBIDDEN" });
    const stranger = await server.app.inject({
      method: "POST",
      url: `/api/v1/showtimes/${SHOWTIME}/holds`,
      payload: { seats: [3] },
    });
    expect(stranger.json()).toMatchObject({ status: 401, code: "UNAUTHORIZED" });
    expect(engine.asked).toEqual([]);
  });

  const PASSED_ON = Object.keys(ERRORS)
    .filter(isErrorCode)
    .filter((code) => code !== "UNAVAILABLE");
  it.each(PASSED_ON)("passes on the engine's %s, with its seats", async (code) => {
    engine.replies.push(refusal(code, { seats: [4] }));
    const response = await hold({ seats: [3, 4] });
    expect(response.statusCode).toBe(ERRORS[code].status);
    expect(response.json()).toMatchObject({ code, seats: [4], detail: `Refused: ${code}.` });
  });

  it("is a problem also where a newer engine refuses with a code that is not known here", async () => {
    engine.replies.push(refusal("SEAT_SOAKED" as ErrorCode, { seats: [4] })); // The cast: what is yet to come has no type.
    const response = await hold({ seats: [3, 4] });
    expect(response.headers["content-type"]).toBe("application/problem+json");
    expect(response.json()).toMatchObject({
      status: 500,
      code: "INTERNAL",
      detail: "Refused: SEAT_SOAKED.",
      seats: [4],
    });
  });

  it("says when to come again", async () => {
    engine.replies.push(refusal("BUSY", { retryInMs: 1_500 }));
    const response = await hold({ seats: [3, 4] });
    expect(response.json()).toMatchObject({ code: "BUSY", retryInMs: 1_500 });
    expect(response.headers["retry-after"]).toBe("2");
  });

  it.each([
    [{}],
    [null],
    [[1, 2]],
    [{ seats: [] }],
    [{ seats: [-1] }],
    [{ seats: [1.5] }],
    [{ seats: ["1"] }],
    [{ seats: [3, 3] }],
    [{ seats: [65_536] }],
    [{ seats: [1e300] }],
    [{ seats: Array.from({ length: 10_000 }, (_, seat) => seat) }],
    [{ seats: [1], best: { count: 1 } }],
    [{ seats: [1], colour: "red" }],
    [{ seats: [1], accessible: "yes" }],
    [{ best: {} }],
    [{ best: { count: 0 } }],
    [{ best: { count: 2.5 } }],
    [{ best: { count: 1, category: "" } }],
    [{ best: { count: 1, category: "x".repeat(65) } }],
    [{ best: { count: 1, colour: "red" } }],
    [{ best: { count: 1, accessible: true } }],
  ])("refuses the body %j", async (body) => {
    const response = await hold(body);
    expect(response.json()).toMatchObject({ status: 400, code: "BAD_MESSAGE" });
    expect(engine.asked).toEqual([]);
  });

  it.each([
    [{ best: {} }, "body.best.count"],
    [{ best: { count: 1, category: "" } }, "body.best.category"],
    [{ seats: ["3"] }, "body.seats.0"],
    [{}, "body.seats"],
  ])("names what is wrong with %j", async (body, field) => {
    expect((await hold(body)).json()).toMatchObject({ field });
  });

  describe("of a showtime that the engine does not know", () => {
    const ask = async (about: Partial<ShowtimeCard> | null, key?: string) => {
      engine.replies.push(refusal("NOT_FOUND"));
      const served = bus.serve(QUOTE, ({ showtimeId: id, seats }, answer) => {
        expect([id, seats]).toEqual([SHOWTIME, []]);
        answer(about && { showtime: { ...CARD, ...about }, seats: [] });
      });
      const response = await hold({ seats: [3, 4] }, key === undefined ? {} : { key });
      served.close();
      return response;
    };

    it("is to be asked again, with the same key, while the sale is being opened", async () => {
      const early = await ask({}, "early");
      expect(early.json()).toMatchObject({ code: "UNAVAILABLE", detail: "The sale of this showtime is being opened." });
      expect(early.headers["retry-after"]).toBe("1");
      engine.replies.push(held, { type: "hold", hold: HOLD, seats: [3, 4], expiresInMs: 300_000 });
      expect((await hold({ seats: [3, 4] }, { key: "early" })).statusCode).toBe(201);
    });

    it.each([
      ["does not know it either", null],
      ["has it as cancelled", { cancelled: true }],
      ["says that its sale was over before", { salesEndAt: new Date(NOW).toISOString() }],
    ])("finds nothing where the catalogue %s", async (_what, about) => {
      expect((await ask(about)).json()).toMatchObject({ status: 404, code: "NOT_FOUND" });
    });

    it("is to be asked again while the catalogue is away; a category that is not there is not asked for", async () => {
      engine.replies.push(refusal("NOT_FOUND"), refusal("NOT_FOUND", { seats: [] }));
      expect((await hold({ seats: [3] })).json()).toMatchObject({ status: 503, code: "UNAVAILABLE" });
      const best = await hold({ best: { count: 1, category: "balcony" } });
      expect(best.json()).toMatchObject({ status: 404, code: "NOT_FOUND" });
    });
  });

  it("finds no showtime under what cannot be an id", async () => {
    expect((await call("POST", "/showtimes/%F0%9F%8E%AC/holds", { body: { seats: [1] } })).json()).toMatchObject({
      status: 404,
      code: "NOT_FOUND",
    });
  });
});

describe("with an Idempotency-Key", () => {
  const left = (expiresInMs: number): Reply => ({ type: "hold", hold: HOLD, seats: [3, 4], expiresInMs });

  it("the first answer is given again without asking the engine", async () => {
    engine.replies.push(held, left(300_000));
    const first = await hold({ seats: [3, 4] }, { key: "k1" });
    expect(first.json()).toEqual(answer);
    const again = await hold({ seats: [3, 4] }, { key: "k1" });
    expect([again.statusCode, again.body]).toEqual([201, first.body]);
    expect(engine.asked).toHaveLength(2);
  });

  it("a refusal is given again as well, and another body is refused", async () => {
    engine.replies.push(refusal("SEAT_TAKEN", { seats: [3] }));
    const first = await hold({ seats: [3, 4] }, { key: "k2" });
    expect((await hold({ seats: [3, 4] }, { key: "k2" })).json()).toEqual(first.json());
    expect((await hold({ seats: [5] }, { key: "k2" })).json()).toMatchObject({
      status: 422,
      code: "IDEMPOTENCY_KEY_REUSED",
    });
    expect(engine.asked).toHaveLength(1);
  });

  it("a retry of what came to nothing sends the engine the same request id, and tells the time that is left by then", async () => {
    engine.replies.push(refusal("UNAVAILABLE"), held, left(290_000));
    expect((await hold({ seats: [3, 4] }, { key: "k3" })).json()).toMatchObject({
      status: 503,
      detail: expect.stringContaining("the same Idempotency-Key"),
    });
    const again = await hold({ seats: [3, 4] }, { key: "k3" });
    expect(again.json()).toMatchObject({ holdId: HOLD, expiresInMs: 290_000, expiresAt: "2026-11-21T12:04:50.000Z" });
    const [first, second] = engine.asked;
    expect(second).toEqual(first);
  });

  it("request ids differ from key to key, user to user and showtime to showtime; without a key, each time", async () => {
    const rids = new Set<string>();
    for (const [path, more] of [
      ["st_1", { key: "a" }],
      ["st_1", { key: "b" }],
      ["st_2", { key: "c" }],
      ["st_1", {}],
      ["st_1", {}],
    ] as const) {
      engine.replies.push(refusal("SALE_CLOSED"));
      await call("POST", `/showtimes/${path}/holds`, { body: { seats: [1] }, user: "eve", ...more });
    }
    for (const request of engine.asked) if ("rid" in request) rids.add(request.rid);
    expect(rids.size).toBe(5);
    expect([...rids].every((rid) => rid.length <= 64)).toBe(true);
  });
});

describe("a hold", () => {
  it("can be read by its holder, with what is left of its time", async () => {
    engine.replies.push({ type: "hold", hold: HOLD, seats: [3, 4], expiresInMs: 300_000 });
    const response = await call("GET", `/holds/${HOLD}`);
    expect([response.statusCode, response.json()]).toEqual([200, answer]);
    expect(response.headers["cache-control"]).toBe("no-store");
    expect(engine.asked).toEqual([{ type: "get-hold", showtime: SHOWTIME, holder: "ada", hold: HOLD }]);
  });

  it("that is being paid for names its booking", async () => {
    const booking = "bk_1" as never; // Ids of bookings are not minted here.
    engine.replies.push({ type: "hold", hold: HOLD, seats: [3, 4], expiresInMs: 300_000, booking });
    expect((await call("GET", `/holds/${HOLD}`)).json()).toEqual({ ...answer, status: "paying", bookingId: "bk_1" });
  });

  it("can be extended, which answers what there is of it then", async () => {
    engine.replies.push(
      { type: "extended", hold: HOLD, expiresInMs: 300_000 },
      { type: "hold", hold: HOLD, seats: [3, 4], expiresInMs: 300_000 },
    );
    const response = await call("POST", `/holds/${HOLD}/extend`);
    expect([response.statusCode, response.json()]).toEqual([200, answer]);
    expect(engine.asked[0]).toEqual({
      type: "extend",
      showtime: SHOWTIME,
      holder: "ada",
      rid: expect.any(String),
      hold: HOLD,
    });
  });

  it("can be given back", async () => {
    engine.replies.push({ type: "released", hold: HOLD });
    const response = await call("DELETE", `/holds/${HOLD}`);
    expect([response.statusCode, response.body]).toEqual([204, ""]);
    expect(engine.asked).toEqual([
      { type: "release", showtime: SHOWTIME, holder: "ada", rid: expect.any(String), hold: HOLD },
    ]);
  });

  it.each([
    ["GET", "", "HOLD_NOT_FOUND", 404],
    ["GET", "", "HOLD_EXPIRED", 410],
    ["POST", "/extend", "HOLD_NOT_FOUND", 404],
    ["POST", "/extend", "HOLD_EXPIRED", 410],
    ["POST", "/extend", "HOLD_PINNED", 409],
    ["POST", "/extend", "LIMIT_REACHED", 409],
    ["DELETE", "", "HOLD_NOT_FOUND", 404],
    ["DELETE", "", "HOLD_EXPIRED", 410],
    ["DELETE", "", "HOLD_PINNED", 409],
  ] as const)("%s %s passes on %s", async (method, path, code, status) => {
    engine.replies.push(refusal(code));
    expect((await call(method, `/holds/${HOLD}${path}`)).json()).toMatchObject({ status, code });
  });

  it.each([
    "nothing",
    ".1",
    "st_1.",
    "st_1.01",
    "st_1.ZZ",
    "st_1.zzzzzzzzzzzzzz",
    "st_1.1.1",
    "%F0%9F%8E%AC.1",
    "'%20or%201=1",
    "x".repeat(200),
  ])("is not found under %s, and the engine is not asked", async (id) => {
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "/extend"],
      ["DELETE", ""],
    ] as const) {
      expect((await call(method, `/holds/${id}${path}`)).statusCode).toBe(404);
    }
    expect(engine.asked).toEqual([]);
  });

  it("is nobody's business without a token", async () => {
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "/extend"],
      ["DELETE", ""],
    ] as const) {
      expect((await server.app.inject({ method, url: `/api/v1/holds/${HOLD}${path}` })).statusCode).toBe(401);
    }
  });
});
