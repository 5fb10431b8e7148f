import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDatabase } from "../../../platform/postgres/index.ts";
import type { Page, SignedIn, User } from "../../../proto/rest/index.ts";
import { IDENTITY_SCHEMA, type IdentityTables } from "../tables.ts";
import { bearer, PASSWORD, testIdentity, type TestIdentity } from "../testing.ts";
import { lockAdministrators } from "./administration.ts";

let t: TestIdentity;
let admin: Record<string, string>;

beforeAll(async () => {
  t = await testIdentity();
  admin = await t.client.admin();
});
afterAll(() => t.close());

describe("an administrator", () => {
  it("finds users by address and role, in pages", async () => {
    const people = await Promise.all(Array.from({ length: 5 }, () => t.client.register()));
    const [first] = people;
    const found = await t.client.get(`/users?email=${encodeURIComponent(` ${first?.email.toUpperCase()}`)}`, admin);
    expect(found.json()).toEqual({ items: [first?.user], nextCursor: null });
    await t.client.guest();
    const guests = (await t.client.get("/users?role=guest", admin)).json<Page<User>>();
    expect(new Set(guests.items.map(({ role }) => role))).toEqual(new Set(["guest"]));
    const ids: string[] = [];
    let cursor: string | null = null;
    do {
      const url: string = `/users?limit=2${cursor === null ? "" : `&cursor=${cursor}`}`;
      const page: Page<User> = (await t.client.get(url, admin)).json();
      ids.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(people.map(({ user }) => user.id)));
    expect((await t.client.get("/users?role=root", admin)).statusCode).toBe(400);
  });

  it("gives somebody another role, and no token of the old one is left", async () => {
    const { user, accessToken, refreshToken, email } = await t.client.register();
    const given = await t.client.put(`/users/${user.id}`, { role: "boxoffice" }, admin);
    expect(given.json()).toEqual({ ...user, role: "boxoffice" });
    expect((await t.client.me(accessToken)).statusCode).toBe(401);
    expect((await t.client.post("/auth/refresh", { refreshToken })).statusCode).toBe(401);
    const again = await t.client.login(email, PASSWORD);
    expect(await t.verifier.verify(again.accessToken)).toMatchObject({ role: "boxoffice" });
    expect((await t.client.put(`/users/${user.id}`, { role: "boxoffice" }, admin)).statusCode).toBe(200);
    expect((await t.client.me(again.accessToken)).statusCode).toBe(200);
  });

  it("does not change guests, devices, strangers, or to roles that people do not have", async () => {
    const { user } = await t.client.guest();
    const { deviceId } = await t.client.device();
    const person = await t.client.register();
    const give = (id: string, body: object) => t.client.put(`/users/${id}`, body, admin);
    expect((await give(user.id, { role: "boxoffice" })).statusCode).toBe(409);
    expect((await give(deviceId, { role: "admin" })).statusCode).toBe(409);
    expect((await give("usr_nobody", { role: "gate" })).statusCode).toBe(404);
    for (const body of [{ role: "kiosk" }, { role: "guest" }, { role: "root" }, {}, { role: "gate", name: "x" }]) {
      expect((await give(person.user.id, body)).statusCode).toBe(400);
    }
  });

  it("deletes somebody, once", async () => {
    const { user, accessToken, email } = await t.client.register();
    expect((await t.client.delete(`/users/${user.id}`, undefined, admin)).statusCode).toBe(204);
    expect((await t.client.me(accessToken)).statusCode).toBe(401);
    expect((await t.client.post("/auth/login", { email, password: PASSWORD })).statusCode).toBe(401);
    expect((await t.client.get(`/users/${user.id}`, admin)).statusCode).toBe(404);
    expect((await t.client.get(`/users?email=${email}`, admin)).json()).toEqual({ items: [], nextCursor: null });
    expect((await t.client.delete(`/users/${user.id}`, undefined, admin)).statusCode).toBe(404);
  });

  it("deletes somebody of whom then nothing is left, be it somebody who worked at a till", async () => {
    const { user, email } = await t.client.person("boxoffice");
    expect((await t.client.delete(`/users/${user.id}`, undefined, admin)).statusCode).toBe(204);
    expect((await t.client.get(`/users/${user.id}`, admin)).statusCode).toBe(404);
    const { rows } = await t.pool.query('select * from identity."user" where id = $1', [user.id]);
    expect(rows).toMatchObject([{ email: null, email_key: null, name: null }]);
    expect(JSON.stringify(rows)).not.toContain(email);
  });

  it("leaves one administrator, whoever tries to take the last one away", async () => {
    const me = (await t.client.get("/auth/me", admin)).json<User>();
    expect((await t.client.put(`/users/${me.id}`, { role: "customer" }, admin)).statusCode).toBe(409);
    expect((await t.client.delete(`/users/${me.id}`, undefined, admin)).statusCode).toBe(409);
    const leave = await t.client.delete("/auth/me", { password: "a long password" }, admin);
    expect(leave.json()).toMatchObject({ code: "CONFLICT" });
    expect((await t.client.get("/auth/me", admin)).statusCode).toBe(200);
  });

  it("leaves one even when all of them go at once", async () => {
    const own = await testIdentity();
    try {
      const people = [await own.client.login("root@example.com", "a long password")];
      for (let more = 0; more < 3; more++) people.push(await own.client.person("admin"));
      const goes = people.map((person, at) =>
        at % 2 === 0
          ? own.client.delete(
              "/auth/me",
              { password: at === 0 ? "a long password" : PASSWORD },
              bearer(person.accessToken),
            )
          : own.client.put(
              `/users/${people[(at + 1) % people.length]?.user.id}`,
              { role: "customer" },
              bearer(person.accessToken),
            ),
      );
      await Promise.all(goes);
      const { rows } = await own.pool.query("select 1 from identity.user where role = 'admin' and deleted_at is null");
      expect(rows.length).toBeGreaterThanOrEqual(1);
    } finally {
      await own.close();
    }
  });

  it("takes another away only in turn, so that of two who do so at once one finds out who is left", async () => {
    const own = await testIdentity();
    try {
      const [one, other] = [
        await own.client.login("root@example.com", "a long password"),
        await own.client.person("admin"),
      ];
      const db = createDatabase<IdentityTables>(own.pool).withSchema(IDENTITY_SCHEMA);
      const waiting = async () => {
        const { rowCount } = await own.pool.query(
          `select from pg_locks where locktype = 'advisory' and not granted
             and database = (select oid from pg_database where datname = current_database())`,
        );
        return rowCount;
      };
      const goes = await db.transaction().execute(async (step) => {
        await lockAdministrators(step);
        const begun = [
          own.client.delete(`/users/${other.user.id}`, undefined, bearer(one.accessToken)),
          own.client.put(`/users/${one.user.id}`, { role: "customer" }, bearer(other.accessToken)),
        ];
        for (const go of begun) void go.then((response) => response); // Injected requests start when somebody waits for them.
        await expect.poll(waiting).toBe(2);
        return begun;
      });
      const statuses = (await Promise.all(goes)).map(({ statusCode }) => statusCode);
      expect([
        [204, 409],
        [409, 200],
      ]).toContainEqual(statuses);
    } finally {
      await own.close();
    }
  });

  it("whose role is taken while signing in gets no administrator's token that is good", async () => {
    const { user, email } = await t.client.person("admin");
    const logins = Array.from({ length: 6 }, () => t.client.post("/auth/login", { email, password: PASSWORD }));
    await t.client.put(`/users/${user.id}`, { role: "customer" }, admin);
    for (const login of await Promise.all(logins)) {
      const { accessToken } = login.json<SignedIn>();
      const verdict = await t.verifier.verify(accessToken).catch(() => undefined);
      if (verdict !== undefined) expect(verdict.role).toBe("customer");
    }
  });
});
