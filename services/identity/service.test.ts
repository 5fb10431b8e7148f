import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pino } from "pino";
import { BusTokenVerifier } from "../../platform/auth/index.ts";
import { InProcessBus } from "../../platform/bus/index.ts";
import { systemRandom as random } from "../../platform/random/index.ts";
import type { Page, User } from "../../proto/rest/index.ts";
import type { FirstAdmin } from "./accounts/first-admin.ts";
import { createIdentityService, type IdentityOptions } from "./service.ts";
import { bearer, PASSWORD, testIdentity, type TestIdentity } from "./testing.ts";

const log = pino({ level: "silent" });
let t: TestIdentity;

beforeAll(async () => {
  t = await testIdentity();
});
afterAll(() => t.close());

it("the first start makes one administrator, generated when none is configured, and the second none", async () => {
  const { pool, bus, stream, clock, config, announceAdmin } = t;
  const again = createIdentityService({ pool, bus, stream, clock, config, random, log, announceAdmin });
  await again.start();
  await again.stop();
  expect(t.announced).toEqual([{ email: "root@example.com", password: "a long password", generated: false }]);
});

it("a generated password is told before there is an administrator, so that no start which fails makes one that nobody knows", async () => {
  const own = await testIdentity();
  const { pool, bus, stream, clock } = own;
  const { dataDir, accessTokenTtlMs, guestTokenTtlMs, refreshTokenTtlMs } = own.config;
  const config = { dataDir, accessTokenTtlMs, guestTokenTtlMs, refreshTokenTtlMs };
  const start = async (announceAdmin: IdentityOptions["announceAdmin"]): Promise<void> => {
    const identity = createIdentityService({ pool, bus, stream, clock, config, random, log, announceAdmin });
    await identity.start();
    await identity.stop();
  };
  try {
    await pool.query(`update identity."user" set role = 'customer'`);
    const fails = (): never => {
      throw new Error("nobody was told");
    };
    await expect(start(fails)).rejects.toThrow("nobody was told");
    const told: FirstAdmin[] = [];
    await start((admin) => void told.push(admin));
    expect(told).toEqual([{ email: "admin@usher.local", password: expect.any(String) as unknown, generated: true }]);
    const [{ email, password }] = told as [FirstAdmin]; // As above.
    expect((await own.client.login(email, password)).user.role).toBe("admin");
  } finally {
    await own.close();
  }
});

it("a configured password that lets no administrator in is told of at the start, without showing it", async () => {
  const { pool, bus, stream, clock, announceAdmin } = t;
  const toldWith = async (config: IdentityOptions["config"]): Promise<string[]> => {
    const told: string[] = [];
    const log = pino({}, { write: (line: string) => void told.push(line) });
    const again = createIdentityService({ pool, bus, stream, clock, config, random, log, announceAdmin });
    await again.start();
    await again.stop();
    return told;
  };
  const { dataDir, accessTokenTtlMs, guestTokenTtlMs, refreshTokenTtlMs } = t.config;
  expect(await toldWith({ dataDir, accessTokenTtlMs, guestTokenTtlMs, refreshTokenTtlMs })).toEqual([]);
  expect(await toldWith(t.config)).toEqual([]);
  expect(await toldWith({ ...t.config, adminEmail: "Root@Example.com" })).toEqual([]);

  const customer = await t.client.register();
  for (const [adminEmail, adminPassword] of [
    ["root@example.com", "another password"],
    ["nobody@example.com", "a long password"],
    [customer.email, PASSWORD],
  ] as const) {
    const told = await toldWith({ ...t.config, adminEmail, adminPassword });
    expect(told).toEqual([expect.stringContaining("USHER_ADMIN_PASSWORD is not the password of USHER_ADMIN_EMAIL")]);
    expect(told[0]).not.toContain(adminPassword);
  }
});

it("whoever lost the administrator's password gets in as docs/guides/operating.md says", async () => {
  const guide = readFileSync(new URL("../../docs/guides/operating.md", import.meta.url), "utf8");
  const [, statement = ""] = /^```sql\n(.+)\n```$/m.exec(guide) ?? [];
  const own = await testIdentity();
  try {
    const { email } = await own.client.register("you@example.com");
    await own.pool.query(statement);
    const admin = bearer((await own.client.login(email, PASSWORD)).accessToken);
    const emailsOf = async (): Promise<(string | undefined)[]> =>
      (await own.client.get("/users?role=admin", admin)).json<Page<User>>().items.map((user) => user.email);
    const [lost] = (await own.client.get("/users?email=root@example.com", admin)).json<Page<User>>().items;
    expect(await emailsOf()).toEqual(["root@example.com", email]);
    expect((await own.client.put(`/users/${lost?.id}`, { role: "customer" }, admin)).statusCode).toBe(200);
    expect(await emailsOf()).toEqual([email]);
  } finally {
    await own.close();
  }
});

describe("the description", () => {
  interface Operation {
    readonly operationId?: string;
    readonly summary?: string;
    readonly tags?: string[];
    readonly requestBody?: { readonly content: Record<string, { readonly example?: unknown }> };
    readonly responses: Record<string, object>;
  }
  interface Document {
    readonly paths: Record<string, Record<string, Operation>>;
  }
  const operationsOf = async () => {
    const { paths } = (await t.app.inject({ url: "/openapi.json" })).json<Document>();
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
    );
  };

  it("covers every route, with operation ids that are unique", async () => {
    const operations = await operationsOf();
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(ids).not.toContain(undefined);
    expect(new Set(ids).size).toBe(ids.length);
    const identity = [
      "register",
      "login",
      "refresh",
      "logout",
      "signInAsGuest",
      "signInDevice",
      "getMe",
      "changeMe",
      "changePassword",
      "deleteMe",
      "listUsers",
      "getUser",
      "changeUser",
      "deleteUser",
      "createDevice",
      "listDevices",
      "rotateDeviceSecret",
      "deleteDevice",
      "getKeySet",
    ];
    expect(ids).toEqual(expect.arrayContaining(identity));
    for (const { operation } of operations) {
      expect(operation.tags?.length).toBeGreaterThan(0);
      expect(operation.summary).toMatch(/\w/);
    }
  });

  it("has an example of every body that its own route takes for one", async () => {
    const examples = (await operationsOf()).flatMap(({ path, method, operation }) => {
      const content = operation.requestBody?.content["application/json"];
      return content === undefined ? [] : [{ path, method, example: content.example }];
    });
    expect(examples.length).toBeGreaterThan(10);
    const admin = await t.client.admin();
    for (const { path, method, example } of examples) {
      expect(example, path).toBeDefined();
      const url = path.replace("{id}", "usr_nobody");
      const headers = { "content-type": "application/json", ...(path.endsWith("register") ? {} : admin) };
      const answer = await t.app.inject({ method: method as "POST", url, headers, payload: JSON.stringify(example) });
      expect(answer.statusCode, `${path} ${answer.body}`).not.toBe(400);
    }
  });

  it("names the refusals of each route", async () => {
    const operations = await operationsOf();
    const statusesOf = (id: string) =>
      Object.keys(operations.find(({ operation }) => operation.operationId === id)?.operation.responses ?? {});
    expect(statusesOf("register")).toEqual(expect.arrayContaining(["201", "400", "403", "409", "429", "503"]));
    expect(statusesOf("login")).toEqual(expect.arrayContaining(["200", "400", "401", "429", "503"]));
    expect(statusesOf("deleteUser")).toEqual(expect.arrayContaining(["204", "401", "403", "404", "409"]));
  });
});

it("a process in which identity is not there refuses tokens as UNAVAILABLE until it comes", async () => {
  const { accessToken } = await t.client.guest();
  const lone = new InProcessBus({ clock: t.clock, log });
  const verifier = new BusTokenVerifier({ bus: lone, clock: t.clock, log });
  await verifier.start();
  const app = await t.serve(verifier);
  const ask = () => app.inject({ url: "/api/v1/auth/me", headers: bearer(accessToken) });
  try {
    const early = await ask();
    expect(early.statusCode).toBe(503);
    expect(early.json()).toMatchObject({ code: "UNAVAILABLE", retryInMs: 1_000 });
    expect(early.headers["retry-after"]).toBe("1");
    const { pool, stream, clock, config, announceAdmin } = t;
    const late = createIdentityService({ pool, stream, clock, config, log, bus: lone, random, announceAdmin });
    await late.start();
    expect((await ask()).statusCode).toBe(200);
    await late.stop();
    expect((await ask()).statusCode).toBe(200);
  } finally {
    await app.close();
    verifier.stop();
    await lone.close();
  }
});
