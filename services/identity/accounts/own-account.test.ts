import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { USER_CARD } from "../../../proto/services/index.ts";
import type { SignedIn } from "../../../proto/rest/index.ts";
import { IDENTITY_SCHEMA, type IdentityTables } from "../tables.ts";
import { bearer, PASSWORD, statusesOf, testIdentity, type TestIdentity } from "../testing.ts";
import { lockAdministrators } from "./administration.ts";

let t: TestIdentity;

beforeAll(async () => {
  t = await testIdentity();
});
afterAll(() => t.close());

const card = (userId: string) => t.bus.request(USER_CARD, { userId }, { timeoutMs: 10_000 });

describe("one's own account", () => {
  it("changes name and language without a password, and what is left out stays", async () => {
    const { user, accessToken } = await t.client.register();
    const change = (body: object) => t.client.put("/auth/me", body, bearer(accessToken));
    expect((await change({ name: "\u05d0\u05e0\u05d4 \ud83c\udf9f\ufe0f" })).json()).toEqual({
      ...user,
      name: "\u05d0\u05e0\u05d4 \ud83c\udf9f\ufe0f",
    });
    expect((await change({ language: "de" })).json()).toMatchObject({ language: "de", email: user.email });
    expect((await change({})).json()).toMatchObject({ language: "de" });
    expect(await card(user.id)).toEqual({
      id: user.id,
      role: "customer",
      email: user.email,
      name: "\u05d0\u05e0\u05d4 \ud83c\udf9f\ufe0f",
      language: "de",
    });
  });

  it("takes its name back", async () => {
    const { user, accessToken } = await t.client.register();
    const change = await t.client.put("/auth/me", { name: null }, bearer(accessToken));
    expect(change.statusCode).toBe(200);
    const { name, ...nameless } = user;
    expect(name).toBe("Ann");
    expect(change.json()).toEqual(nameless);
    expect((await t.client.me(accessToken)).json()).toEqual(nameless);
    expect(await card(user.id)).toMatchObject({ id: user.id, name: null });
  });

  it("changes its e-mail address with the password alone, and to none that is taken", async () => {
    const { accessToken, email } = await t.client.register();
    const taken = (await t.client.register()).email;
    const next = t.client.uniqueEmail();
    const change = (body: object) => t.client.put("/auth/me", body, bearer(accessToken));
    expect((await change({ email: next })).json()).toMatchObject({ code: "BAD_MESSAGE", field: "body.password" });
    expect((await change({ email: next, password: "wrong horse" })).json()).toMatchObject({ code: "FORBIDDEN" });
    expect((await change({ email: taken.toUpperCase(), password: PASSWORD })).json()).toMatchObject({
      code: "CONFLICT",
    });
    expect((await change({ password: PASSWORD })).json()).toMatchObject({ code: "BAD_MESSAGE", field: "body.email" });
    expect((await change({ email: next, password: PASSWORD })).json()).toMatchObject({ email: next });
    expect((await t.client.post("/auth/login", { email, password: PASSWORD })).statusCode).toBe(401);
    expect((await t.client.post("/auth/login", { email: next, password: PASSWORD })).statusCode).toBe(200);
  });

  it("a guest has a name and a language, and no address or password", async () => {
    const { accessToken } = await t.client.guest();
    const change = await t.client.put("/auth/me", { name: "G", language: "de" }, bearer(accessToken));
    expect(change.json()).toMatchObject({ name: "G", language: "de", role: "guest" });
    const email = { email: t.client.uniqueEmail(), password: PASSWORD };
    expect((await t.client.put("/auth/me", email, bearer(accessToken))).statusCode).toBe(403);
    const password = { current: PASSWORD, new: PASSWORD };
    expect((await t.client.post("/auth/password", password, bearer(accessToken))).statusCode).toBe(403);
  });

  it("changes its password, which ends all other sign-ins", async () => {
    const { accessToken, refreshToken, email } = await t.client.register();
    const other = await t.client.login(email, PASSWORD);
    const change = (current: string, next: string) =>
      t.client.post("/auth/password", { current, new: next }, bearer(accessToken));
    expect((await change("wrong horse", "another horse")).statusCode).toBe(403);
    expect((await change(PASSWORD, "short")).statusCode).toBe(400);
    expect((await change(PASSWORD, email.toUpperCase())).json()).toMatchObject({ field: "body.new" });
    expect((await change(PASSWORD, "another horse")).statusCode).toBe(204);
    expect((await t.client.me(accessToken)).statusCode).toBe(200);
    expect((await t.client.me(other.accessToken)).statusCode).toBe(401);
    expect((await t.client.post("/auth/refresh", { refreshToken: other.refreshToken })).statusCode).toBe(401);
    expect((await t.client.post("/auth/refresh", { refreshToken })).statusCode).toBe(200);
    expect((await t.client.post("/auth/login", { email, password: PASSWORD })).statusCode).toBe(401);
    expect((await t.client.post("/auth/login", { email, password: "another horse" })).statusCode).toBe(200);
  });

  it("has one new password of several set at once, and no sign-in of the old one lives on", async () => {
    const { accessToken, email } = await t.client.register();
    const logins = Array.from({ length: 8 }, () => t.client.post("/auth/login", { email, password: PASSWORD }));
    const changes = Array.from({ length: 4 }, (_, at) =>
      t.client.post("/auth/password", { current: PASSWORD, new: `another horse ${at}` }, bearer(accessToken)),
    );
    expect(statusesOf(await Promise.all(changes))).toEqual([204, 403, 403, 403]);
    for (const login of await Promise.all(logins)) {
      if (login.statusCode !== 200) continue;
      expect((await t.client.me(login.json<SignedIn>().accessToken)).statusCode).toBe(401);
    }
  });
});

describe("deleting one's account", () => {
  it("needs the password, and leaves nothing personal", async () => {
    const { user, accessToken, refreshToken, email } = await t.client.register();
    const leave = (body?: object) => t.client.delete("/auth/me", body, bearer(accessToken));
    expect((await leave()).json()).toMatchObject({ code: "BAD_MESSAGE", field: "body.password" });
    expect((await leave({ password: "wrong horse" })).json()).toMatchObject({ code: "FORBIDDEN" });
    expect((await leave({ password: PASSWORD })).statusCode).toBe(204);

    expect((await t.client.me(accessToken)).statusCode).toBe(401);
    expect((await t.client.post("/auth/refresh", { refreshToken })).statusCode).toBe(401);
    expect((await t.client.post("/auth/login", { email, password: PASSWORD })).statusCode).toBe(401);
    expect(await card(user.id)).toBeNull();
    const { rows } = await t.pool.query<object>("select * from identity.user where id = $1", [user.id]);
    expect(rows).toMatchObject([{ email: null, email_key: null, name: null }]);
    for (const table of ["password", "family", "device"]) {
      const left = await t.pool.query(`select 1 from identity.${table} where user_id = $1`, [user.id]);
      expect(left.rows, table).toEqual([]);
    }
  });

  it("is told once to whoever keeps more about the user", async () => {
    const { user, accessToken } = await t.client.register();
    const answers = await Promise.all(
      Array.from({ length: 3 }, () => t.client.delete("/auth/me", { password: PASSWORD }, bearer(accessToken))),
    );
    expect(answers.filter(({ statusCode }) => statusCode === 204)).toHaveLength(1);
    const told = () => t.events.filter(({ subject }) => subject === user.id);
    await expect
      .poll(told)
      .toMatchObject([{ type: "user.deleted", source: "/usher/identity", data: { userId: user.id } }]);
  });

  it("frees the address for somebody else", async () => {
    const { user, accessToken, email } = await t.client.register();
    await t.client.delete("/auth/me", { password: PASSWORD }, bearer(accessToken));
    const again = await t.client.register(email);
    expect(again.user.id).not.toBe(user.id);
  });

  it("needs no password of a guest", async () => {
    const { accessToken } = await t.client.guest();
    expect((await t.client.delete("/auth/me", undefined, bearer(accessToken))).statusCode).toBe(204);
    expect((await t.client.me(accessToken)).statusCode).toBe(401);
  });

  it("waits for nobody who is at the administrators", async () => {
    const [guest, customer] = [await t.client.guest(), await t.client.register()];
    const db = createDatabase<IdentityTables>(t.pool).withSchema(IDENTITY_SCHEMA);
    const statuses = await db.transaction().execute(async (step) => {
      await lockAdministrators(step);
      const answers = await Promise.all([
        t.client.delete("/auth/me", undefined, bearer(guest.accessToken)),
        t.client.delete("/auth/me", { password: PASSWORD }, bearer(customer.accessToken)),
      ]);
      return statusesOf(answers);
    });
    expect(statuses).toEqual([204, 204]);
  });

  it("leaves no sign-in that was under way", async () => {
    const { accessToken, email } = await t.client.register();
    const logins = Array.from({ length: 10 }, () => t.client.post("/auth/login", { email, password: PASSWORD }));
    await t.client.delete("/auth/me", { password: PASSWORD }, bearer(accessToken));
    for (const login of await Promise.all(logins)) {
      expect([200, 401]).toContain(login.statusCode);
      if (login.statusCode !== 200) continue;
      expect((await t.client.me(login.json<SignedIn>().accessToken)).statusCode).toBe(401);
    }
  });
});
