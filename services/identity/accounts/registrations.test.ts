import { afterAll, beforeAll, expect, it } from "vitest";
import { createDatabase } from "../../../platform/postgres/index.ts";
import { systemRandom } from "../../../platform/random/index.ts";
import { testServer } from "../../../platform/http/testing.ts";
import { TooManyWaiting } from "../../../platform/turns/index.ts";
import {
  LOGOUTS_OF_ADDRESS,
  REGISTRATIONS_AT_ONCE,
  REGISTRATIONS_OF_ADDRESS,
  REGISTRATIONS_WAITING_MAX,
} from "../limits.ts";
import { Families } from "../sign-ins/families.ts";
import { Passwords } from "../sign-ins/passwords.ts";
import { IDENTITY_SCHEMA, type IdentityTables } from "../tables.ts";
import { PASSWORD, testIdentity, type TestIdentity } from "../testing.ts";
import { Accounts } from "./accounts.ts";

let t: TestIdentity;

beforeAll(async () => {
  t = await testIdentity();
});
afterAll(() => t.close());

/** Hashes nothing until it is told that it never will. */
class StandingPasswords extends Passwords {
  readonly waiting: (() => void)[] = [];
  override hash(): Promise<string> {
    return new Promise((_resolve, reject) => this.waiting.push(() => reject(new Error("never"))));
  }
}

it("however many register, a login finds hardly any of them before it", async () => {
  const db = createDatabase<IdentityTables>(t.pool).withSchema(IDENTITY_SCHEMA);
  const keyRing = () => {
    throw new Error("nothing is signed here");
  };
  const families = new Families({ ...t, db, random: systemRandom, keyRing });
  const passwords = new StandingPasswords();
  const accounts = new Accounts({ db, passwords, families, clock: t.clock, random: systemRandom });
  const served = REGISTRATIONS_AT_ONCE + REGISTRATIONS_WAITING_MAX;
  let busy = 0;
  const registered = Array.from({ length: served + 40 }, () =>
    accounts
      .register({ email: t.client.uniqueEmail(), password: PASSWORD }, "customer", null)
      .catch((error: unknown) => (busy += error instanceof TooManyWaiting ? 1 : 0)),
  );
  await expect.poll(() => busy, { timeout: 30_000 }).toBe(40);
  expect(passwords.waiting).toHaveLength(REGISTRATIONS_AT_ONCE);
  for (let ended = 0; ended < served;) {
    const waiting = passwords.waiting.splice(0);
    for (const end of waiting) end();
    ended += waiting.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(registered);
});

it.each([
  ["POST", "register", REGISTRATIONS_OF_ADDRESS, 400],
  ["POST", "logout", LOGOUTS_OF_ADDRESS, 401],
  ["DELETE", "me", LOGOUTS_OF_ADDRESS, 401],
] as const)("%ss of an address at /auth/%s are counted apart, over a minute", async (method, url, { max }, status) => {
  let before = max - 1;
  const server = await testServer({
    sharedCounts: {
      add: async (key, windowMs) => ({ count: key.startsWith(`${method} `) ? ++before : 1, leftMs: windowMs }),
    },
  });
  await server.app.register(t.identity.routes, { prefix: "/api/v1" });
  const ask = async (method: "POST" | "DELETE", url: string) =>
    server.app.inject({ method, url: `/api/v1/auth/${url}`, payload: {} });
  expect((await ask(method, url)).statusCode).toBe(status);
  const refused = await ask(method, url);
  expect([refused.statusCode, refused.headers["retry-after"]]).toEqual([429, "60"]);
  expect((await ask("POST", "login")).statusCode).toBe(400);
  await server.close();
});
