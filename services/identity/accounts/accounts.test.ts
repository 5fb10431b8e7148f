import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GuestSignedIn, ProblemBody, SignedIn } from "../../../proto/rest/index.ts";
import { bearer, decodePart, statusesOf, testIdentity, type TestIdentity } from "../testing.ts";

let t: TestIdentity;

beforeAll(async () => {
  t = await testIdentity();
});
afterAll(() => t.close());

describe("an account", () => {
  it("is opened, and its token says who it is", async () => {
    const { user, accessToken, refreshToken } = await t.client.register("Ann.Opened@Example.com");
    expect(user).toEqual({
      id: expect.any(String) as unknown, // The matchers are of type any.
      email: "Ann.Opened@Example.com",
      name: "Ann",
      role: "customer",
      language: "en",
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
    });
    expect(refreshToken).not.toBe(accessToken);
    expect((await t.client.me(accessToken)).json()).toEqual(user);
  });

  it("is signed in to whatever the case and blanks of its address", async () => {
    await t.client.register("zo\u00eb@example.com");
    for (const email of ["ZO\u00cb@EXAMPLE.com", "  zo\u00eb@example.com ", "zoe\u0308@example.com"]) {
      const response = await t.client.post("/auth/login", { email, password: "correct horse" });
      expect(response.statusCode, email).toBe(200);
    }
  });

  it("is refused with a wrong password as without an account, word for word", async () => {
    const { user } = await t.client.register();
    const wrong = await t.client.post("/auth/login", { email: user.email, password: "wrong horse" });
    const unknown = await t.client.post("/auth/login", { email: "nobody@example.com", password: "wrong horse" });
    expect([wrong.statusCode, unknown.statusCode]).toEqual([401, 401]);
    expect(wrong.json<ProblemBody>().detail).toBe(unknown.json<ProblemBody>().detail);
  });

  it("is opened once for an address, of twenty who try at once", async () => {
    const email = t.client.uniqueEmail();
    const tries = Array.from({ length: 20 }, (_, at) =>
      t.client.post("/auth/register", {
        email: at % 2 ? email : email.toUpperCase(),
        password: "correct horse",
        name: "Ann",
      }),
    );
    expect(statusesOf(await Promise.all(tries))).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
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
    const response = await t.client.post("/auth/register", body);
    expect(response.statusCode).toBe(400);
    expect(response.json()).toMatchObject({ code: "BAD_MESSAGE", field });
  });

  it.each([
    "'; drop table identity.user; --",
    "<script>alert(1)</script>",
    "\u202etfel ot thgir \ud83c\udfac",
    "${{7*7}} %s",
  ])("keeps the name %s as it is", async (name) => {
    const response = await t.client.post("/auth/register", {
      email: t.client.uniqueEmail(),
      password: "correct horse",
      name,
    });
    expect(response.statusCode).toBe(201);
    expect((await t.client.me(response.json<SignedIn>().accessToken)).json().name).toBe(name);
  });

  it("refuses what PostgreSQL cannot keep, and bodies without end", async () => {
    const nul = await t.client.post("/auth/register", {
      email: t.client.uniqueEmail(),
      password: "correct horse",
      name: "a\u0000b",
    });
    expect(nul.statusCode).toBe(400);
    const huge = await t.client.post("/auth/login", { email: "a@example.com", password: "x".repeat(1_000_000) });
    expect(huge.statusCode).toBe(413);
    expect((await t.client.get("/users/%00", bearer((await t.client.register()).accessToken))).statusCode).toBe(400);
  });

  it("answers BUSY, not late, when too many passwords wait", async () => {
    const { user } = await t.client.register();
    const tries = Array.from({ length: 300 }, () =>
      t.client.post("/auth/login", { email: user.email, password: "correct horse" }),
    );
    const answers = await Promise.all(tries);
    const codes = new Set(answers.map(({ statusCode }) => statusCode));
    expect(codes).toEqual(new Set([200, 503]));
    const busy = answers.find((answer) => answer.json<Partial<ProblemBody>>().code === "BUSY");
    expect(busy?.statusCode).toBe(503);
    expect(busy?.headers["retry-after"]).toBe("2");
  });
});

describe("a guest", () => {
  it("needs nothing, not even a body", async () => {
    for (const response of [
      await t.client.post("/auth/guest"),
      await t.client.post("/auth/guest", {}),
      await t.app.inject({ method: "POST", url: "/api/v1/auth/guest" }),
    ]) {
      expect(response.statusCode).toBe(201);
      const { user, accessToken } = response.json<GuestSignedIn>();
      expect(user.role).toBe("guest");
      expect((await t.client.me(accessToken)).json()).toEqual(user);
    }
  });

  it("can sign out, and stays signed in for twelve hours otherwise", async () => {
    const { accessToken } = await t.client.guest();
    const { exp, iat } = decodePart(accessToken, 1);
    expect(Number(exp) - Number(iat)).toBe(12 * 3600);
    expect((await t.client.post("/auth/logout", undefined, bearer(accessToken))).statusCode).toBe(204);
    expect((await t.client.me(accessToken)).statusCode).toBe(401);
  });
});
