import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemRandom } from "../../../platform/random/index.ts";
import type { ProblemBody } from "../../../proto/rest/index.ts";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { LOGINS_AT_ONCE, PRUNE_ROWS_MAX, WRONG_PASSWORDS_FREE, WRONG_PASSWORDS_KEPT_MS } from "../limits.ts";
import { IDENTITY_SCHEMA, type IdentityTables } from "../tables.ts";
import { bearer, PASSWORD, type TestClient, testIdentity, type TestIdentity } from "../testing.ts";
import { Throttle } from "./throttle.ts";

let t: TestIdentity;

beforeAll(async () => {
  t = await testIdentity();
  t.clock.standStill();
});
afterAll(() => t.close());
beforeEach(() => t.clock.goForward(WRONG_PASSWORDS_KEPT_MS + 1));

type Refusal = ProblemBody & { retryInMs?: number };

const wrong = (email: string, client: TestClient = t.client) =>
  client.post("/auth/login", { email, password: "wrong horse" });
const right = (email: string, client: TestClient = t.client) =>
  client.post("/auth/login", { email, password: PASSWORD });

async function wrongTimes(times: number, email: string, client: TestClient = t.client): Promise<number[]> {
  const statuses: number[] = [];
  for (let time = 0; time < times; time++) statuses.push((await wrong(email, client)).statusCode);
  return statuses;
}

const rows = async (): Promise<number> =>
  Number((await t.pool.query<{ count: string }>("select count(*) from identity.wrong_password")).rows[0]?.count);

describe("guessing one account's password from one address", () => {
  it("costs a wait after the fifth, twice as long after each further one, up to a minute", async () => {
    const { email } = await t.client.register();
    expect(await wrongTimes(WRONG_PASSWORDS_FREE.pair, email)).toEqual([401, 401, 401, 401, 401]);
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      const early = await right(email);
      expect(early.statusCode).toBe(429);
      const { code, retryInMs } = early.json<Refusal>();
      expect(code).toBe("RATE_LIMITED");
      expect(retryInMs).toBe(seconds * 1000);
      expect(early.headers["retry-after"]).toBe(String(seconds));
      t.clock.goForward(seconds * 1000);
      expect((await wrong(email)).statusCode).toBe(401);
    }
  });

  it("does not keep the owner out: tries within the wait do not make it longer, and the right one ends it all", async () => {
    const { email } = await t.client.register();
    await wrongTimes(WRONG_PASSWORDS_FREE.pair, email);
    expect(await wrongTimes(20, email)).toEqual(Array.from({ length: 20 }, () => 429));
    t.clock.goForward(1_000);
    expect((await right(email)).statusCode).toBe(200);
    expect((await wrong(email)).statusCode).toBe(401);
    expect((await right(email)).statusCode).toBe(200);
  });

  it("goes for an account that does not exist as for one that does", async () => {
    const { email } = await t.client.register();
    const answersFor = async (address: string) => {
      const answers: unknown[] = [];
      for (let time = 0; time < 8; time++) {
        const { statusCode, body } = await wrong(address);
        const { requestId: _, ...told } = JSON.parse(body) as Refusal; // As sent.
        answers.push({ statusCode, told });
      }
      return answers;
    };
    expect(await answersFor("nobody@example.com")).toEqual(await answersFor(email));
  });

  it("counts however the address is written", async () => {
    const { email } = await t.client.register();
    for (const spelling of [email, email.toUpperCase(), ` ${email}`, `${email} `, email]) await wrong(spelling);
    expect((await right(email)).statusCode).toBe(429);
  });

  it("is forgotten after a quarter of an hour", async () => {
    const { email } = await t.client.register();
    await wrongTimes(WRONG_PASSWORDS_FREE.pair, email);
    t.clock.goForward(WRONG_PASSWORDS_KEPT_MS + 1);
    expect(await wrongTimes(WRONG_PASSWORDS_FREE.pair, email)).toEqual([401, 401, 401, 401, 401]);
  });

  it("does not get through a thousand at once, nor fill the table", async () => {
    const { email } = await t.client.register();
    const before = await rows();
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => wrong(email)));
    const statuses = answers.map(({ statusCode }) => statusCode);
    expect(new Set(statuses)).toEqual(new Set([401, 429, 503]));
    const guesses = statuses.filter((status) => status === 401).length;
    expect(guesses).toBeLessThanOrEqual(WRONG_PASSWORDS_FREE.pair + LOGINS_AT_ONCE);
    expect((await rows()) - before).toBeLessThanOrEqual(3);
    t.clock.goForward(60_000);
    expect((await right(email)).statusCode).toBe(200);
  });

  it("is known to other processes", async () => {
    const { email } = await t.client.register();
    await wrongTimes(WRONG_PASSWORDS_FREE.pair, email);
    const other = await testIdentity({}, t);
    try {
      expect((await right(email, other.client)).statusCode).toBe(429);
    } finally {
      await other.close();
    }
  });

  it("costs as much where a signed-in user's password is asked for", async () => {
    const { accessToken } = await t.client.register();
    const change = (current: string) =>
      t.client.post("/auth/password", { current, new: "another horse" }, bearer(accessToken));
    for (let time = 0; time < WRONG_PASSWORDS_FREE.pair; time++) expect((await change("wrong")).statusCode).toBe(403);
    expect((await change(PASSWORD)).statusCode).toBe(429);
    const leave = await t.client.delete("/auth/me", { password: PASSWORD }, bearer(accessToken));
    expect(leave.statusCode).toBe(429);
    t.clock.goForward(1_000);
    expect((await change(PASSWORD)).statusCode).toBe(204);
  });
});

describe("guessing from everywhere, or everybody's", () => {
  it("one account from many addresses waits, but its owner, where the owner has signed in before, does not", async () => {
    const { email } = await t.client.register();
    for (let at = 0; at < WRONG_PASSWORDS_FREE.account; at++) await wrong(email, t.client.from(`10.0.0.${at}`));
    expect((await right(email, t.client.from("10.0.1.1"))).statusCode).toBe(429);
    expect((await right(email)).statusCode).toBe(200);
    t.clock.goForward(1_000);
    expect((await right(email, t.client.from("10.0.1.1"))).statusCode).toBe(200);
  });

  it("many accounts from one address waits there, but for owners who have signed in there, and nowhere else", async () => {
    const { email } = await t.client.register();
    const guesser = t.client.from("2001:db8:1:2::1");
    const neighbour = await guesser.register();
    const guesses = Array.from({ length: WRONG_PASSWORDS_FREE.address }, (_, at) =>
      wrong(`no${at}@example.com`, guesser),
    );
    for (const { statusCode } of await Promise.all(guesses)) expect(statusCode).toBe(401);
    expect((await wrong("next@example.com", guesser)).statusCode).toBe(429);
    expect((await wrong("next@example.com", t.client.from("2001:db8:1:2:ffff::9"))).statusCode).toBe(429);
    expect((await wrong("next@example.com", t.client.from("2001:db8:1:3::1"))).statusCode).toBe(401);
    expect((await right(email, guesser)).statusCode).toBe(429);
    expect((await right(email)).statusCode).toBe(200);
    expect((await right(neighbour.email, guesser)).statusCode).toBe(200);
  });

  it("leaves nothing in the table once it is forgotten, and never who or where", async () => {
    await wrong("someone@example.com", t.client.from("10.9.8.7"));
    const { rows: kept } = await t.pool.query("select * from identity.wrong_password");
    expect(JSON.stringify(kept)).not.toMatch(/someone|10\.9\.8/);
    const db = createDatabase<IdentityTables>(t.pool).withSchema(IDENTITY_SCHEMA);
    const throttle = new Throttle({ db, clock: t.clock, secret: () => systemRandom(32) });
    await throttle.prune();
    expect(await rows()).toBe(3); // All that was counted before this test is stale.
    t.clock.goForward(WRONG_PASSWORDS_KEPT_MS + 1);
    await throttle.prune();
    expect(await rows()).toBe(0);
  });

  it("is forgotten so many rows at a time", async () => {
    const db = createDatabase<IdentityTables>(t.pool).withSchema(IDENTITY_SCHEMA);
    const throttle = new Throttle({ db, clock: t.clock, secret: () => systemRandom(32) });
    while (await throttle.prune()); // What the tests before have left.
    await t.pool.query(
      `insert into identity.wrong_password
       select int4send(n), 0, to_timestamp(0), to_timestamp(0) from generate_series(1, $1::int) as n`,
      [PRUNE_ROWS_MAX + 1],
    );
    expect(await throttle.prune()).toBe(true);
    expect(await rows()).toBe(1);
    expect(await throttle.prune()).toBe(false);
    expect(await rows()).toBe(0);
  });
});

it("two hundred wrong passwords of two accounts from two addresses at once are counted without a deadlock", async () => {
  const emails = [(await t.client.register()).email, (await t.client.register()).email];
  const clients = [t.client.from("10.0.0.1"), t.client.from("10.0.0.2")];
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, at) => wrong(emails[at % 2] ?? "", clients[(at >> 1) % 2])),
  );
  for (const { statusCode } of answers) expect([401, 429]).toContain(statusCode);
});
