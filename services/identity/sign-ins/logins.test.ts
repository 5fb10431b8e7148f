import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { SignedIn } from "../../../proto/rest/index.ts";
import { FAMILIES_OF_USER_MAX, PRUNE_ROWS_MAX } from "../limits.ts";
import { bearer, PASSWORD, testIdentity, type TestIdentity } from "../testing.ts";

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

describe("of a user who has as many sign-ins as may be", () => {
  const HOUR_MS = 3_600_000;
  const login = (email: string) => t.client.post("/auth/login", { email, password: PASSWORD });
  const refresh = (refreshToken: string) => t.client.post("/auth/refresh", { refreshToken });

  /** So many sign-ins that were used last just now. */
  async function fill(userId: string, count: number, { ended = false } = {}): Promise<void> {
    const now = new Date(t.clock.now());
    const [tokensUntil, expiresAt] = [HOUR_MS / 4, 720 * HOUR_MS].map((ms) => new Date(t.clock.now() + ms));
    await t.pool.query(
      `insert into identity.family (id, user_id, rotated_at, expires_at, tokens_until, revoked_at)
       select 'fam_' || n || $1, $1, $2, $3, $4, $5 from generate_series(1, $6::int) as n`,
      [userId, now, expiresAt, tokensUntil, ended ? now : null, count],
    );
  }

  async function countOf(userId: string): Promise<number | null> {
    return (await t.pool.query("select from identity.family where user_id = $1", [userId])).rowCount;
  }

  const revoked: string[] = [];
  beforeAll(() => void t.verifier.onRevoked((family) => revoked.push(family)));
  afterEach(() => expect(revoked.splice(0)).toEqual([]));

  it("a login ends the one that was used longest ago", async () => {
    const { user, email, refreshToken } = await t.client.register();
    t.clock.goForward(HOUR_MS);
    await fill(user.id, FAMILIES_OF_USER_MAX - 1);
    const signedIn = (await login(email)).json<SignedIn>();
    expect((await refresh(refreshToken)).statusCode).toBe(401);
    expect((await t.client.me(signedIn.accessToken)).statusCode).toBe(200);
    expect(await countOf(user.id)).toBe(FAMILIES_OF_USER_MAX);
  });

  it("a login ends none while there are some that have ended, be they newer", async () => {
    const { user, email, refreshToken } = await t.client.register();
    t.clock.goForward(HOUR_MS);
    await fill(user.id, FAMILIES_OF_USER_MAX - 1, { ended: true });
    expect((await login(email)).statusCode).toBe(200);
    expect((await refresh(refreshToken)).statusCode).toBe(200);
    expect(await countOf(user.id)).toBe(FAMILIES_OF_USER_MAX);
  });

  it("a login is refused while the tokens of all are good", async () => {
    const { user, email, accessToken, refreshToken } = await t.client.register();
    t.clock.goForward(1_000);
    await fill(user.id, FAMILIES_OF_USER_MAX - 1);
    const refused = await login(email);
    expect(refused.json()).toMatchObject({ status: 429, code: "RATE_LIMITED", retryInMs: expect.any(Number) });
    expect((await t.client.me(accessToken)).statusCode).toBe(200);
    expect(await countOf(user.id)).toBe(FAMILIES_OF_USER_MAX);
    t.clock.goForward(refused.json<{ retryInMs: number }>().retryInMs);
    expect((await login(email)).statusCode).toBe(200);
    expect((await refresh(refreshToken)).statusCode).toBe(401);
  });

  it("a login forgets so many and no more at a time", async () => {
    const { user, email } = await t.client.register();
    await fill(user.id, FAMILIES_OF_USER_MAX + PRUNE_ROWS_MAX - 1, { ended: true });
    for (const left of [FAMILIES_OF_USER_MAX + 1, FAMILIES_OF_USER_MAX]) {
      expect((await login(email)).statusCode).toBe(200);
      expect(await countOf(user.id)).toBe(left);
    }
  });
});
