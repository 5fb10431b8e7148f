import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pino } from "pino";
import { BusTokenVerifier } from "../../../platform/auth/index.ts";
import { VirtualClock } from "../../../platform/clock/index.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { rowsRead, watchedDatabase } from "../../../platform/postgres/testing.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import type { SignedIn } from "../../../proto/rest/index.ts";
import { bearer, decodePart, PASSWORD, testIdentity, type TestIdentity } from "../testing.ts";
import { FAMILIES_KEPT_MS, PRUNE_ROWS_MAX } from "../limits.ts";
import { IDENTITY_SCHEMA, type IdentityTables } from "../tables.ts";
import { Families } from "./families.ts";

let t: TestIdentity;

beforeAll(async () => {
  t = await testIdentity();
});
afterAll(() => t.close());

describe("refreshing", () => {
  const refresh = (refreshToken: string, key?: string) =>
    t.client.post("/auth/refresh", { refreshToken }, key === undefined ? {} : { "idempotency-key": key });

  it("gives new tokens for the same user", async () => {
    const first = await t.client.register();
    const second = (await refresh(first.refreshToken)).json<SignedIn>();
    expect(second.user).toEqual(first.user);
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect((await t.client.me(second.accessToken)).statusCode).toBe(200);
    expect((await refresh(second.refreshToken)).statusCode).toBe(200);
  });

  it("with a used token ends the whole sign-in, here and on every socket", async () => {
    const first = await t.client.register();
    const other = await t.client.login(first.user.email, "correct horse");
    const second = (await refresh(first.refreshToken)).json<SignedIn>();
    const revoked = new Promise<string>((resolve) => t.verifier.onRevoked(resolve));
    const reused = await refresh(first.refreshToken);
    expect(reused.statusCode).toBe(401);
    expect(await revoked).toBe(decodePart(first.accessToken, 1)["fam"]);
    expect((await refresh(second.refreshToken)).statusCode).toBe(401);
    expect((await t.client.me(first.accessToken)).statusCode).toBe(401);
    expect((await t.client.me(second.accessToken)).statusCode).toBe(401);
    expect((await t.client.me(other.accessToken)).statusCode).toBe(200);
  });

  it("by many at once lets one through", async () => {
    const { refreshToken } = await t.client.register();
    const answers = await Promise.all(Array.from({ length: 10 }, () => refresh(refreshToken)));
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(1);
    expect(answers.filter(({ statusCode }) => statusCode === 401)).toHaveLength(9);
  });

  it("repeats a lost answer for the same Idempotency-Key, within a minute and before the next use", async () => {
    const { refreshToken } = await t.client.register();
    const first = (await refresh(refreshToken, "k1")).json<SignedIn>();
    const again = (await refresh(refreshToken, "k1")).json<SignedIn>();
    expect(again.refreshToken).toBe(first.refreshToken);
    const third = (await refresh(first.refreshToken, "k2")).json<SignedIn>();
    expect((await refresh(refreshToken, "k1")).statusCode).toBe(401);
    expect((await refresh(third.refreshToken)).statusCode).toBe(401);

    const late = await t.client.register();
    await refresh(late.refreshToken, "k1");
    t.clock.goForward(61_000);
    expect((await refresh(late.refreshToken, "k1")).statusCode).toBe(401);

    const stolen = await t.client.register();
    await refresh(stolen.refreshToken, "k1");
    expect((await refresh(stolen.refreshToken, "k2")).statusCode).toBe(401);
  });

  it("refuses what is not a refresh token of ours, and changes of one", async () => {
    const { refreshToken, accessToken } = await t.client.register();
    const [family = "", , mac = ""] = refreshToken.split(".");
    const forged = [
      accessToken,
      "x",
      `${family}.1.${mac}`,
      `${family}.0.${mac.split("").toReversed().join("")}`,
      `${refreshToken}x`,
      "..",
      `${family}.0.`,
    ];
    for (const token of forged) expect((await refresh(token)).statusCode, token).toBe(401);
    expect((await refresh(refreshToken)).statusCode).toBe(200);
  });

  it("ends after thirty days of silence", async () => {
    const { refreshToken } = await t.client.register();
    t.clock.goForward(t.config.refreshTokenTtlMs + 1);
    expect((await refresh(refreshToken)).statusCode).toBe(401);
  });
});

describe("signing out", () => {
  it("with the refresh token voids the family's tokens, twice as well", async () => {
    const { accessToken, refreshToken } = await t.client.register();
    expect((await t.client.post("/auth/logout", { refreshToken })).statusCode).toBe(204);
    expect((await t.client.me(accessToken)).statusCode).toBe(401);
    expect((await t.client.post("/auth/refresh", { refreshToken })).statusCode).toBe(401);
    expect((await t.client.post("/auth/logout", { refreshToken })).statusCode).toBe(204);
  });

  it("with the bearer voids the refresh token too", async () => {
    const { accessToken, refreshToken } = await t.client.register();
    expect((await t.client.post("/auth/logout", undefined, bearer(accessToken))).statusCode).toBe(204);
    expect((await t.client.post("/auth/refresh", { refreshToken })).statusCode).toBe(401);
  });

  it("with neither, or with a forged bearer, is refused", async () => {
    expect((await t.client.post("/auth/logout")).statusCode).toBe(401);
    expect((await t.client.post("/auth/logout", undefined, bearer("a.b.c"))).statusCode).toBe(401);
  });

  it("is known to a process that starts later", async () => {
    const { accessToken, refreshToken } = await t.client.register();
    await t.client.post("/auth/logout", { refreshToken });
    const late = new BusTokenVerifier({ bus: t.bus, clock: t.clock, log: pino({ level: "silent" }) });
    await late.start();
    await expect(late.verify(accessToken)).rejects.toThrow(/revoked/);
    late.stop();
  });
});

const keyRing = () => {
  throw new Error("nothing is signed here");
};

describe("a week after it has ended", () => {
  const leftAt = async (at: number, ids: string[]): Promise<string[]> => {
    const db = createDatabase<IdentityTables>(t.pool).withSchema(IDENTITY_SCHEMA);
    const families = new Families({ ...t, db, random: systemRandom, keyRing, clock: new VirtualClock(at) });
    while (await families.prune());
    const { rows } = await t.pool.query<{ id: string }>("select id from identity.family where id = any ($1)", [ids]);
    return rows.map(({ id }) => id);
  };
  const familyOf = ({ accessToken }: SignedIn): string => String(decodePart(accessToken, 1)["fam"]);

  it("a sign-in is forgotten, be it that its user signed out or that nobody used it", async () => {
    const signedOut = await t.client.register();
    const used = await t.client.login(signedOut.email, PASSWORD);
    const ids = [familyOf(signedOut), familyOf(used)];
    await t.client.post("/auth/logout", { refreshToken: signedOut.refreshToken });
    const now = t.clock.now();
    expect(await leftAt(now + FAMILIES_KEPT_MS - 60_000, ids)).toHaveLength(2);
    expect(await leftAt(now + FAMILIES_KEPT_MS + 1, ids)).toEqual([familyOf(used)]);
    const refused = await t.client.post("/auth/refresh", { refreshToken: signedOut.refreshToken });
    expect(refused.statusCode).toBe(401);
    const expiresAt = now + t.config.refreshTokenTtlMs;
    expect(await leftAt(expiresAt + FAMILIES_KEPT_MS - 60_000, ids)).toEqual([familyOf(used)]);
    expect(await leftAt(expiresAt + FAMILIES_KEPT_MS + 1, ids)).toEqual([]);
  });

  it("it is found without a look at those that have not", async () => {
    const { user } = await t.client.register();
    await t.pool.query(
      `insert into identity.family (id, user_id, rotated_at, expires_at, tokens_until)
       select 'fam_many' || n, $1, $2, $2, $2 from generate_series(1, 20000) as n`,
      [user.id, new Date(t.clock.now() + FAMILIES_KEPT_MS)],
    );
    await t.pool.query("analyze identity.family");
    const { db, asked } = watchedDatabase<IdentityTables>(t.pool);
    await new Families({ ...t, db: db.withSchema(IDENTITY_SCHEMA), random: systemRandom, keyRing }).prune();
    const statement = asked.find(({ sql }) => sql.includes("identity.family"));
    if (statement === undefined) throw new Error("no sign-ins were looked for");
    expect(await rowsRead(t.pool, "family", statement)).toBeLessThan(10);
    await t.pool.query("delete from identity.family where id like 'fam\\_many%'");
  });
});

it("revocations of tokens that have ended are forgotten, so many at a time", async () => {
  const db = createDatabase<IdentityTables>(t.pool).withSchema(IDENTITY_SCHEMA);
  const families = new Families({ ...t, db, random: systemRandom, keyRing });
  await families.prune(); // Of what the tests before have left.
  await t.pool.query(
    "insert into identity.revocation select 'old' || n, $1::timestamptz from generate_series(1, $2::int) as n",
    [new Date(t.clock.now() - 1), PRUNE_ROWS_MAX + 1],
  );
  const old = async () => (await t.pool.query("select from identity.revocation where family like 'old%'")).rowCount;
  expect(await families.prune()).toBe(true);
  expect(await old()).toBe(1);
  expect(await families.prune()).toBe(false);
  expect(await old()).toBe(0);
});
