import { afterAll, beforeAll, expect, it } from "vitest";
import { FAMILIES_OF_USER_MAX } from "../limits.ts";
import { bearer, decodePart, PASSWORD, testIdentity, type TestIdentity } from "../testing.ts";

let t: TestIdentity;

beforeAll(async () => {
  t = await testIdentity();
});
afterAll(() => t.close());

it("takes the turns of nobody elsewhere, however many come from one network", async () => {
  const crowd = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9"].map(t.client.from);
  const elsewhere = t.client.from("10.0.0.2");
  const [one, other] = [await t.client.register(), await elsewhere.register()];
  const logins = Array.from({ length: 400 }, (_, at) =>
    crowd[at % 2]!.post("/auth/login", { email: one.email, password: PASSWORD }),
  );
  const refused = async (login: (typeof logins)[number]) => expect((await login).statusCode).toBe(503);
  await Promise.any(logins.map(refused)); // From then on as many wait as ever do.
  const login = await elsewhere.post("/auth/login", { email: other.email, password: PASSWORD });
  expect(login.statusCode).toBe(200);
  const change = { current: PASSWORD, new: "another horse" };
  expect((await elsewhere.post("/auth/password", change, bearer(other.accessToken))).statusCode).toBe(204);
  for (const { statusCode } of await Promise.all(logins)) expect([200, 503]).toContain(statusCode);
});

it("ends the sign-in that was used longest ago where a user has too many", async () => {
  const { user, email, accessToken, refreshToken } = await t.client.register();
  t.clock.goForward(1_000);
  await t.pool.query(
    `insert into identity.family (id, user_id, rotated_at, expires_at, tokens_until)
     select 'fam_of_many' || n, $1, $2, $2, $2 from generate_series(1, $3::int) as n`,
    [user.id, new Date(t.clock.now()), FAMILIES_OF_USER_MAX - 1],
  );
  const revoked = new Promise<string>((resolve) => t.verifier.onRevoked(resolve));
  const signedIn = await t.client.login(email, PASSWORD);
  expect(await revoked).toBe(decodePart(accessToken, 1)["fam"]);
  expect((await t.client.me(accessToken)).statusCode).toBe(401);
  expect((await t.client.post("/auth/refresh", { refreshToken })).statusCode).toBe(401);
  expect((await t.client.me(signedIn.accessToken)).statusCode).toBe(200);
  const { rowCount } = await t.pool.query("select from identity.family where user_id = $1", [user.id]);
  expect(rowCount).toBe(FAMILIES_OF_USER_MAX);
});
