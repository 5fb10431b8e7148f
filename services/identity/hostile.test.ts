import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ProblemBody, User } from "../../proto/rest/index.ts";
import { bearer, PASSWORD, testIdentity, type TestIdentity } from "./testing.ts";

let t: TestIdentity;
let admin: Record<string, string>;

beforeAll(async () => {
  t = await testIdentity();
  admin = await t.client.admin();
});
afterAll(() => t.close());

const WITH_BODY = [
  ["POST", "/auth/register"],
  ["POST", "/auth/login"],
  ["POST", "/auth/guest"],
  ["POST", "/auth/refresh"],
  ["POST", "/auth/logout"],
  ["POST", "/auth/device"],
  ["POST", "/auth/password"],
  ["PUT", "/auth/me"],
  ["DELETE", "/auth/me"],
  ["PUT", "/users/usr_nobody"],
  ["POST", "/devices"],
] as const;

const HOSTILE: readonly (readonly [string, unknown])[] = [
  ["an unknown field", { surprise: true }],
  ["a field of every object", JSON.parse('{"__proto__":{"role":"admin"}}')],
  ["an array", []],
  ["a word", "admin"],
  ["a number", 7],
  [
    "numbers for texts",
    { email: 1, password: 2, name: 3, refreshToken: 4, deviceId: 5, secret: 6, role: 7, current: 8 },
  ],
  [
    "objects for texts",
    { email: { $ne: "" }, password: { $gt: "" }, role: {}, refreshToken: {}, current: {}, secret: {} },
  ],
  [
    "a very long text",
    { email: "a".repeat(40_000), password: "b", refreshToken: "c".repeat(9_000), name: "d".repeat(201) },
  ],
];

describe.each(WITH_BODY)("%s %s", (method, url) => {
  it.each(HOSTILE)("refuses %s", async (_what, body) => {
    const answer = await t.client.ask(method, url, body, url === "/auth/register" ? {} : admin);
    expect(answer.statusCode).toBe(400);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    expect(answer.json<ProblemBody>().code).toBe("BAD_MESSAGE");
  });

  it("refuses a body that is no JSON, or too much of it", async () => {
    for (const [payload, status] of [
      ['{"email":', 400],
      ["\u0000", 400],
      [`{"email":"${"a".repeat(70_000)}"}`, 413],
    ] as const) {
      const headers = { "content-type": "application/json", ...(url === "/auth/register" ? {} : admin) };
      const answer = await t.app.inject({ method, url: `/api/v1${url}`, headers, payload });
      expect(answer.statusCode).toBe(status);
    }
  });
});

describe("names of all the world", () => {
  it.each([
    ["right to left", "\u05d3\u05d5\u05d3 \u05dc\u05d5\u05d9"],
    ["with marks of direction", "\u202b\u0645\u0631\u064a\u0645\u202c Lee"],
    ["of emoji", "\ud83c\udfac\ud83d\udc69\u200d\ud83d\ude80\ud83c\udff3\ufe0f\u200d\ud83c\udf08"],
    ["beyond the basic plane", "\ud842\udfb7\u91ce\u5bb6"],
    ["that is SQL", "Robert'); DROP TABLE identity.user;--"],
    ["that is HTML", '"><img src=x onerror=alert(1)>'],
    ["that is a template", "{{constructor.constructor('return 1')()}} ${7*7} %n"],
    ["of two hundred letters", "\u00e9".repeat(200)],
  ])("%s come back as they were given", async (_what, name) => {
    const account = { email: t.client.uniqueEmail(), password: PASSWORD, name };
    const { user, accessToken } = (await t.client.post("/auth/register", account)).json<{
      user: User;
      accessToken: string;
    }>();
    expect(user.name).toBe(name);
    expect((await t.client.put("/auth/me", { name }, bearer(accessToken))).json()).toMatchObject({ name });
    expect((await t.client.get(`/users/${user.id}`, admin)).json()).toMatchObject({ name });
  });

  it.each([
    ["empty", ""],
    ["blank", " \u00a0\u2003"],
    ["of two lines", "Ann\r\nBcc: all@example.com"],
    ["half a character", "\ud83c"],
    ["of 201 letters", "a".repeat(201)],
  ])("%s are refused", async (_what, name) => {
    const account = { email: t.client.uniqueEmail(), password: PASSWORD, name };
    expect((await t.client.post("/auth/register", account)).json()).toMatchObject({ field: "body.name" });
  });
});

it.each(["../identity", "%2e%2e", "a'b", "\u{1f3ac}", "a".repeat(65)])("no user has the id %s", async (id) => {
  const { statusCode } = await t.client.get(`/users/${encodeURIComponent(id)}`, admin);
  expect([400, 404]).toContain(statusCode);
});

it("languages are English and German", async () => {
  const account = { email: t.client.uniqueEmail(), password: PASSWORD, language: "fr" };
  expect((await t.client.post("/auth/register", account)).json()).toMatchObject({ field: "body.language" });
});
