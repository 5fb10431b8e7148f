import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BusTokenVerifier } from "../../platform/auth/index.ts";
import { systemRandom } from "../../platform/random/index.ts";
import type { SignedIn } from "../../proto/rest/index.ts";
import { createIdentityService } from "./service.ts";
import { testIdentity, type TestIdentity } from "./testing.ts";

let t: TestIdentity;
let counter = 0;

beforeAll(async () => {
  t = await testIdentity();
});
afterAll(() => t.close());

const uniqueEmail = () => `user${(counter += 1)}@example.com`;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const post = (url: string, payload?: unknown, headers: Record<string, string> = {}) =>
  t.app.inject({
    method: "POST",
    url: `/api/v1${url}`,
    headers: { "content-type": "application/json", ...headers },
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  });
const get = (url: string, headers: Record<string, string> = {}) => t.app.inject({ url: `/api/v1${url}`, headers });
const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());
const me = (token: string) => get("/auth/me", bearer(token));

async function register(email = uniqueEmail()): Promise<SignedIn> {
  const response = await post("/auth/register", { email, password: "correct horse", name: "Ann" });
  expect(response.statusCode).toBe(201);
  return response.json();
}

async function signInAdmin(): Promise<SignedIn> {
  return (await post("/auth/login", { email: "root@example.com", password: "a long password" })).json();
}

describe("an account", () => {
  it("is opened, and its token says who it is", async () => {
    const { user, accessToken, refreshToken } = await register("Ann.Opened@Example.com");
    expect(user).toEqual({
      id: expect.any(String),
      email: "Ann.Opened@Example.com",
      name: "Ann",
      role: "customer",
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    });
    expect(refreshToken).not.toBe(accessToken);
    expect((await me(accessToken)).json()).toEqual(user);
  });

  it("is signed in to whatever the case and blanks of its address", async () => {
    await register("zo\u00eb@example.com");
    for (const email of ["ZO\u00cb@EXAMPLE.com", "  zo\u00eb@example.com ", "zoe\u0308@example.com"]) {
      const response = await post("/auth/login", { email, password: "correct horse" });
      expect(response.statusCode, email).toBe(200);
    }
  });

  it("is refused with a wrong password as without an account, word for word", async () => {
    const { user } = await register();
    const wrong = await post("/auth/login", { email: user.email, password: "wrong horse" });
    const unknown = await post("/auth/login", { email: "nobody@example.com", password: "wrong horse" });
    expect([wrong.statusCode, unknown.statusCode]).toEqual([401, 401]);
    expect(wrong.json().detail).toBe(unknown.json().detail);
  });

  it("is opened once for an address, of twenty who try at once", async () => {
    const email = uniqueEmail();
    const tries = Array.from({ length: 20 }, (_, at) =>
      post("/auth/register", { email: at % 2 ? email : email.toUpperCase(), password: "correct horse", name: "Ann" }),
    );
    const codes = (await Promise.all(tries)).map(({ statusCode }) => statusCode).toSorted();
    expect(codes).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
  });

  it.each([
    ["no e-mail", { password: "correct horse" }, "body.email"],
    ["no password", { email: "a@example.com" }, "body.password"],
    ["a number for a name", { email: "a@example.com", password: "correct horse", name: 7 }, "body.name"],
    ["no address at all", { email: "nonsense", password: "correct horse" }, "body.email"],
    ["two at signs", { email: "a@b@c", password: "correct horse" }, "body.email"],
    ["a line break in the address", { email: "a@b.c\nBcc: d@e.f", password: "correct horse" }, "body.email"],
    ["a short password", { email: "a@example.com", password: "1234567" }, "body.password"],
    ["a password of 201", { email: "a@example.com", password: "x".repeat(201) }, "body.password"],
    ["the address as password", { email: "someone@example.com", password: "Someone@Example.com" }, "body.password"],
    ["an unknown field", { email: "a@example.com", password: "correct horse", role: "admin" }, "body.role"],
    ["an array", [], "body"],
  ])("is not opened with %s", async (_what, body, field) => {
    const response = await post("/auth/register", body);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: "BAD_MESSAGE", field });
  });

  it.each(["'; drop table identity.user; --", "<script>alert(1)</script>", "\u202etfel ot thgir \ud83c\udfac", "${{7*7}} %s"])(
    "keeps the name %s as it is",
    async (name) => {
      const response = await post("/auth/register", { email: uniqueEmail(), password: "correct horse", name });
      expect(response.statusCode).toBe(201);
      expect((await me(response.json().accessToken)).json().name).toBe(name);
    },
  );

  it("refuses what PostgreSQL cannot keep, and bodies without end", async () => {
    const nul = await post("/auth/register", { email: uniqueEmail(), password: "correct horse", name: "a\u0000b" });
    expect(nul.statusCode).toBe(400);
    const huge = await post("/auth/login", { email: "a@example.com", password: "x".repeat(1_000_000) });
    expect(huge.statusCode).toBe(413);
    expect((await get("/users/%00", bearer((await register()).accessToken))).statusCode).toBe(400);
  });

  it("answers BUSY, not late, when too many passwords wait", async () => {
    const { user } = await register();
    const tries = Array.from({ length: 300 }, () => post("/auth/login", { email: user.email, password: "wrong horse" }));
    const answers = await Promise.all(tries);
    const codes = new Set(answers.map(({ statusCode }) => statusCode));
    expect(codes).toEqual(new Set([401, 503]));
    const busy = answers.find(({ statusCode }) => statusCode === 503);
    expect(busy?.json().code).toBe("BUSY");
    expect(busy?.headers["retry-after"]).toBe("2");
  });
});

describe("a guest", () => {
  it("needs nothing, not even a body", async () => {
    for (const response of [await post("/auth/guest"), await post("/auth/guest", {}), await t.app.inject({ method: "POST", url: "/api/v1/auth/guest" })]) {
      expect(response.statusCode).toBe(201);
      const { user, accessToken } = response.json();
      expect(user.role).toBe("guest");
      expect((await me(accessToken)).json()).toEqual(user);
    }
  });

  it("can sign out, and stays signed in for twelve hours otherwise", async () => {
    const { accessToken } = (await post("/auth/guest")).json();
    const { exp, iat } = claimsOf(accessToken);
    expect(Number(exp) - Number(iat)).toBe(12 * 3600);
    expect((await post("/auth/logout", undefined, bearer(accessToken))).statusCode).toBe(204);
    expect((await me(accessToken)).statusCode).toBe(401);
  });
});

describe("refreshing", () => {
  const refresh = (refreshToken: string, key?: string) =>
    post("/auth/refresh", { refreshToken }, key === undefined ? {} : { "idempotency-key": key });

  it("gives new tokens for the same user", async () => {
    const first = await register();
    const second = (await refresh(first.refreshToken)).json();
    expect(second.user).toEqual(first.user);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect((await me(second.accessToken)).statusCode).toBe(200);
    expect((await refresh(second.refreshToken)).statusCode).toBe(200);
  });

  it("with a used token ends the whole sign-in, here and on every socket", async () => {
    const first = await register();
    const other = (await post("/auth/login", { email: first.user.email, password: "correct horse" })).json();
    const second = (await refresh(first.refreshToken)).json();
    const revoked = new Promise<string>((resolve) => t.verifier.onRevoked(resolve));
    const reused = await refresh(first.refreshToken);
    expect(reused.statusCode).toBe(401);
    expect(await revoked).toBe(claimsOf(first.accessToken)["fam"]);
    expect((await refresh(second.refreshToken)).statusCode).toBe(401);
    expect((await me(first.accessToken)).statusCode).toBe(401);
    expect((await me(second.accessToken)).statusCode).toBe(401);
    expect((await me(other.accessToken)).statusCode).toBe(200);
  });

  it("by many at once lets one through", async () => {
    const { refreshToken } = await register();
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(refreshToken)));
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1);
    expect(answers.filter(({ statusCode }) => statusCode === 401)).toHaveLength(9);
  });

  it("repeats a lost answer for the same Idempotency-Key, within a minute and before the next use", async () => {
    const { refreshToken } = await register();
    const first = (await refresh(refreshToken, "k1")).json();
    const again = (await refresh(refreshToken, "k1")).json();
    expect(again.refreshToken).toBe(first.refreshToken);
    const third = (await refresh(first.refreshToken, "k2")).json();
    expect((await refresh(refreshToken, "k1")).statusCode).toBe(401);
    expect((await refresh(third.refreshToken)).statusCode).toBe(401);

    const late = await register();
    await refresh(late.refreshToken, "k1");
    t.clock.goForward(61_000);
    expect((await refresh(late.refreshToken, "k1")).statusCode).toBe(401);

    const stolen = await register();
    await refresh(stolen.refreshToken, "k1");
    expect((await refresh(stolen.refreshToken, "k2")).statusCode).toBe(401);
  });

  it("refuses what is not a refresh token of ours, and changes of one", async () => {
    const { refreshToken, accessToken } = await register();
    const [family = "", , mac = ""] = refreshToken.split(".");
    const forged = [accessToken, "x", `${family}.1.${mac}`, `${family}.0.${mac.split("").toReversed().join("")}`, `${refreshToken}x`, "..", `${family}.0.`];
    for (const token of forged) expect((await refresh(token)).statusCode, token).toBe(401);
    expect((await refresh(refreshToken)).statusCode).toBe(200);
  });

  it("ends after thirty days of silence", async () => {
    const { refreshToken } = await register();
    t.clock.goForward(t.config.refreshTokenTtlMs + 1);
    expect((await refresh(refreshToken)).statusCode).toBe(401);
  });
});

describe("signing out", () => {
  it("with the refresh token voids the family's tokens, twice as well", async () => {
    const { accessToken, refreshToken } = await register();
    expect((await post("/auth/logout", { refreshToken })).statusCode).toBe(204);
    expect((await me(accessToken)).statusCode).toBe(401);
    expect((await post("/auth/refresh", { refreshToken })).statusCode).toBe(401);
    expect((await post("/auth/logout", { refreshToken })).statusCode).toBe(204);
  });

  it("with the bearer voids the refresh token too", async () => {
    const { accessToken, refreshToken } = await register();
    expect((await post("/auth/logout", undefined, bearer(accessToken))).statusCode).toBe(204);
    expect((await post("/auth/refresh", { refreshToken })).statusCode).toBe(401);
  });

  it("with neither, or with a forged bearer, is refused", async () => {
    expect((await post("/auth/logout")).statusCode).toBe(401);
    expect((await post("/auth/logout", undefined, bearer("a.b.c"))).statusCode).toBe(401);
  });

  it("is known to a process that starts later", async () => {
    const { accessToken, refreshToken } = await register();
    await post("/auth/logout", { refreshToken });
    const late = new BusTokenVerifier({ bus: t.bus, clock: t.clock, log: pino({ level: "silent" }) });
    await late.start();
    await expect(late.verify(accessToken)).rejects.toThrow(/revoked/);
    late.stop();
  });
});

describe("users and devices", () => {
  it("a user sees itself, an administrator everybody, and others nobody", async () => {
    const ann = await register();
    const bob = await register();
    const admin = await signInAdmin();
    expect(admin.user.role).toBe("admin");
    expect((await get(`/users/${ann.user.id}`, bearer(ann.accessToken))).json()).toEqual(ann.user);
    expect((await get(`/users/${ann.user.id}`, bearer(admin.accessToken))).json()).toEqual(ann.user);
    expect((await get(`/users/${ann.user.id}`, bearer(bob.accessToken))).statusCode).toBe(404);
    expect((await get("/users/nobody", bearer(admin.accessToken))).statusCode).toBe(404);
    expect((await get(`/users/${ann.user.id}`)).statusCode).toBe(401);
  });

  it("a device signs in with the secret that the administrator got, in its role", async () => {
    const admin = await signInAdmin();
    for (const [body, role] of [[undefined, "kiosk"], [{ name: "Gate 3", role: "gate" }, "gate"]] as const) {
      const created = await post("/devices", body, bearer(admin.accessToken));
      expect(created.statusCode).toBe(201);
      const { deviceId, secret } = created.json();
      const response = await post("/auth/device", { deviceId, secret });
      expect(response.statusCode).toBe(200);
      expect((await me(response.json().accessToken)).json()).toMatchObject({ id: deviceId, role });
      expect((await post("/auth/device", { deviceId, secret: `${secret}x` })).statusCode).toBe(401);
      expect((await post("/auth/device", { deviceId: "x", secret })).statusCode).toBe(401);
    }
  });

  it("only an administrator adds devices, and none of role admin", async () => {
    const ann = await register();
    expect((await post("/devices", {}, bearer(ann.accessToken))).statusCode).toBe(403);
    expect((await post("/devices", {})).statusCode).toBe(401);
    const admin = await signInAdmin();
    expect((await post("/devices", { role: "admin" }, bearer(admin.accessToken))).statusCode).toBe(400);
  });
});

it("the first start makes one administrator, generated when none is configured, and the second none", async () => {
  expect(t.firstAdmin).toEqual({ email: "root@example.com", password: "a long password", generated: false });
  const { pool, bus, clock, config } = t;
  const again = createIdentityService({ pool, bus, clock, config, random: systemRandom, log: pino({ level: "silent" }) });
  expect(await again.start()).toBeUndefined();
  await again.stop();
});

it("the description covers every route, with operation ids that are unique", async () => {
  type Operation = { operationId?: string; tags?: string[] };
  const document: { paths: Record<string, Record<string, Operation>> } = (await t.app.inject({ url: "/openapi.json" })).json();
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  const ids = operations.map(({ operationId }) => operationId);
  expect(ids).not.toContain(undefined);
  expect(new Set(ids).size).toBe(ids.length);
  const identity = ["register", "login", "refresh", "logout", "signInAsGuest", "createDevice", "signInDevice", "getMe", "getUser", "getKeySet"];
  expect(ids).toEqual(expect.arrayContaining(identity));
  for (const operation of operations) expect(operation.tags?.length).toBeGreaterThan(0);
});
