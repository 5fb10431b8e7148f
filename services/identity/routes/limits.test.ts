import { afterAll, beforeAll, expect, it } from "vitest";
import {
  DEVICES_OF_ADDRESS,
  GUESTS_OF_ADDRESS,
  LOGINS_OF_ADDRESS,
  LOGOUTS_OF_ADDRESS,
  REGISTRATIONS_OF_ADDRESS,
} from "../limits.ts";
import { TestClient, testIdentity, type TestIdentity } from "../testing.ts";

let t: TestIdentity;

beforeAll(async () => {
  t = await testIdentity();
});
afterAll(() => t.close());

it.each([
  ["POST", "/auth/register", REGISTRATIONS_OF_ADDRESS],
  ["POST", "/auth/guest", GUESTS_OF_ADDRESS],
  ["POST", "/auth/device", DEVICES_OF_ADDRESS],
  ["POST", "/auth/login", LOGINS_OF_ADDRESS],
  ["PUT", "/auth/me", LOGINS_OF_ADDRESS],
  ["POST", "/auth/logout", LOGOUTS_OF_ADDRESS],
  ["POST", "/auth/password", LOGOUTS_OF_ADDRESS],
  ["DELETE", "/auth/me", LOGOUTS_OF_ADDRESS],
] as const)("%s %s is limited by address", async (method, url, { max, windowMs }) => {
  let count = max - 1;
  const windows: number[] = [];
  const add = async (_key: string, windowMs: number) => {
    windows.push(windowMs);
    return { count: ++count, leftMs: 1_000 };
  };
  const app = await t.serve(t.verifier, { add });
  const client = new TestClient(app);
  expect((await client.ask(method, url)).statusCode).not.toBe(429);
  expect((await client.ask(method, url)).statusCode).toBe(429);
  expect(windows).toEqual([windowMs, windowMs]);
  await app.close();
});
