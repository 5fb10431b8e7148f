import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Role, ROLES } from "../../proto/index.ts";
import type { ProblemBody } from "../../proto/rest/index.ts";
import { bearer, testIdentity, type TestIdentity } from "./testing.ts";

type Asker = Role | "stranger";
const ASKERS: readonly Asker[] = ["stranger", ...ROLES];

/** Who may call; the others are strangers (401) or of the wrong role (403). What is not found or not valid was let in. */
const RIGHTS: readonly (readonly ["GET" | "POST" | "PUT" | "DELETE", string, readonly Asker[]])[] = [
  ["POST", "/auth/login", ASKERS],
  ["POST", "/auth/guest", ASKERS],
  ["POST", "/auth/device", ASKERS],
  ["POST", "/auth/refresh", ASKERS],
  ["GET", "/auth/me", ["guest", "customer", "kiosk", "boxoffice", "gate", "admin"]],
  ["PUT", "/auth/me", ["guest", "customer", "boxoffice", "gate", "admin"]],
  ["POST", "/auth/password", ["customer", "boxoffice", "gate", "admin"]],
  ["GET", "/users", ["admin"]],
  ["PUT", "/users/usr_nobody", ["admin"]],
  ["DELETE", "/users/usr_nobody", ["admin"]],
  ["GET", "/devices", ["admin"]],
  ["POST", "/devices", ["admin"]],
  ["POST", "/devices/usr_nobody/secret", ["admin"]],
  ["DELETE", "/devices/usr_nobody", ["admin"]],
];

const BODIES: Readonly<Record<string, unknown>> = {
  "/auth/login": { email: "root@example.com", password: "a long password" },
  "/auth/password": { current: "correct horse", new: "correct horse" },
  "/auth/device": { deviceId: "x", secret: "x" },
  "/auth/refresh": { refreshToken: "x" },
  "/users/usr_nobody": { role: "gate" },
};

let t: TestIdentity;
const tokens = new Map<Asker, string>();
const ids = new Map<Asker, string>();

beforeAll(async () => {
  t = await testIdentity();
  const guest = await t.client.guest();
  tokens.set("guest", guest.accessToken);
  ids.set("guest", guest.user.id);
  for (const role of ["customer", "boxoffice", "gate", "admin"] as const) {
    const { accessToken, user } = await t.client.person(role);
    tokens.set(role, accessToken);
    ids.set(role, user.id);
  }
  const kiosk = await t.client.device("kiosk");
  tokens.set("kiosk", kiosk.accessToken);
  ids.set("kiosk", kiosk.deviceId);
});
afterAll(() => t.close());

const headersOf = (asker: Asker) => {
  const token = tokens.get(asker);
  return token === undefined ? {} : bearer(token);
};

describe.each(RIGHTS)("%s %s", (method, url, allowed) => {
  it.each(ASKERS)("as %s", async (asker) => {
    const answer = await t.client.ask(
      method,
      url,
      method === "GET" ? undefined : (BODIES[url] ?? {}),
      headersOf(asker),
    );
    const code = answer.statusCode < 300 ? undefined : answer.json<ProblemBody>().code;
    if (allowed.includes(asker)) expect(["FORBIDDEN", "INTERNAL"]).not.toContain(code);
    else expect(code).toBe(asker === "stranger" ? "UNAUTHORIZED" : "FORBIDDEN");
  });
});

describe("GET /users/:id", () => {
  it.each(ASKERS)("as %s shows oneself, and others to administrators alone", async (asker) => {
    for (const [of, id] of ids) {
      const { statusCode } = await t.client.get(`/users/${id}`, headersOf(asker));
      const known = asker === "admin" || asker === of ? 200 : 404;
      expect(statusCode, of).toBe(asker === "stranger" ? 401 : known);
    }
  });
});

it("POST /auth/register with a bearer is for guests alone", async () => {
  for (const asker of ASKERS) {
    const account = { email: t.client.uniqueEmail(), password: "correct horse" };
    const { statusCode } = await t.client.post("/auth/register", account, headersOf(asker));
    expect(statusCode, asker).toBe(asker === "stranger" || asker === "guest" ? 201 : 403);
  }
});
