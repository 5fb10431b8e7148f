import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pino } from "pino";
import { systemRandom } from "../../platform/random/index.ts";
import type { SignedIn } from "../../proto/rest/index.ts";
import { createIdentityService } from "./service.ts";
import { bearer, testIdentity, type TestIdentity } from "./testing.ts";

let t: TestIdentity;

beforeAll(async () => {
  t = await testIdentity();
});
afterAll(() => t.close());

describe("users and devices", () => {
  it("a user sees itself, an administrator everybody, and others nobody", async () => {
    const ann = await t.client.register();
    const bob = await t.client.register();
    const admin = await t.client.login("root@example.com", "a long password");
    expect(admin.user.role).toBe("admin");
    expect((await t.client.get(`/users/${ann.user.id}`, bearer(ann.accessToken))).json()).toEqual(ann.user);
    expect((await t.client.get(`/users/${ann.user.id}`, bearer(admin.accessToken))).json()).toEqual(ann.user);
    expect((await t.client.get(`/users/${ann.user.id}`, bearer(bob.accessToken))).statusCode).toBe(404);
    expect((await t.client.get("/users/nobody", bearer(admin.accessToken))).statusCode).toBe(404);
    expect((await t.client.get(`/users/${ann.user.id}`)).statusCode).toBe(401);
  });

  it("a device signs in with the secret that the administrator got, in its role", async () => {
    const admin = await t.client.login("root@example.com", "a long password");
    for (const [body, role] of [
      [undefined, "kiosk"],
      [{ name: "Gate 3", role: "gate" }, "gate"],
    ] as const) {
      const created = await t.client.post("/devices", body, bearer(admin.accessToken));
      expect(created.statusCode).toBe(201);
      const { deviceId, secret } = created.json<{ deviceId: string; secret: string }>();
      const response = await t.client.post("/auth/device", { deviceId, secret });
      expect(response.statusCode).toBe(200);
      expect((await t.client.me(response.json<SignedIn>().accessToken)).json()).toMatchObject({ id: deviceId, role });
      expect((await t.client.post("/auth/device", { deviceId, secret: `${secret}x` })).statusCode).toBe(401);
      expect((await t.client.post("/auth/device", { deviceId: "x", secret })).statusCode).toBe(401);
    }
  });

  it("only an administrator adds devices, and none of role admin", async () => {
    const ann = await t.client.register();
    expect((await t.client.post("/devices", {}, bearer(ann.accessToken))).statusCode).toBe(403);
    expect((await t.client.post("/devices", {})).statusCode).toBe(401);
    const admin = await t.client.login("root@example.com", "a long password");
    expect((await t.client.post("/devices", { role: "admin" }, bearer(admin.accessToken))).statusCode).toBe(400);
  });
});

it("the first start makes one administrator, generated when none is configured, and the second none", async () => {
  expect(t.firstAdmin).toEqual({ email: "root@example.com", password: "a long password", generated: false });
  const { pool, bus, stream, clock, config } = t;
  const again = createIdentityService({
    pool,
    bus,
    stream,
    clock,
    config,
    random: systemRandom,
    log: pino({ level: "silent" }),
  });
  expect(await again.start()).toBeUndefined();
  await again.stop();
});

it("the description covers every route, with operation ids that are unique", async () => {
  type Operation = { operationId?: string; tags?: string[] };
  type Document = { paths: Record<string, Record<string, Operation>> };
  const document = (await t.app.inject({ url: "/openapi.json" })).json<Document>();
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  const ids = operations.map(({ operationId }) => operationId);
  expect(ids).not.toContain(undefined);
  expect(new Set(ids).size).toBe(ids.length);
  const identity = [
    "register",
    "login",
    "refresh",
    "logout",
    "signInAsGuest",
    "createDevice",
    "signInDevice",
    "getMe",
    "getUser",
    "getKeySet",
  ];
  expect(ids).toEqual(expect.arrayContaining(identity));
  for (const operation of operations) expect(operation.tags?.length).toBeGreaterThan(0);
});
