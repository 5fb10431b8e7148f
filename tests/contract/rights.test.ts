/** Every call as each role and as a stranger. The table is complete: a call that the document has and the table lacks fails. */
import { beforeAll, describe, expect, it } from "vitest";
import type { Role } from "../../proto/index.ts";
import { boxOffice } from "../support/box-office.ts";
import { problem, Purchases, ROLES } from "../support/purchases.ts";

const office = boxOffice();
const purchases = new Purchases(office);

const ANYONE = "anyone";
const SIGNED_IN: readonly Role[] = ROLES;
const BUYERS: readonly Role[] = ["customer", "guest", "kiosk", "boxoffice", "admin"];
const ADMIN: readonly Role[] = ["admin"];
const GATE: readonly Role[] = ["gate", "admin"];

const TABLE: Readonly<Record<string, readonly Role[] | typeof ANYONE>> = {
  "GET /health/live": ANYONE,
  "GET /health/ready": ANYONE,
  "GET /config.json": ANYONE,
  "GET /.well-known/jwks.json": ANYONE,
  "GET /.well-known/ticket-keys.json": ANYONE,

  "POST /api/v1/auth/register": ANYONE,
  "POST /api/v1/auth/login": ANYONE,
  "POST /api/v1/auth/guest": ANYONE,
  "POST /api/v1/auth/refresh": ANYONE,
  "POST /api/v1/auth/logout": ANYONE,
  "POST /api/v1/auth/device": ANYONE,
  "GET /api/v1/auth/me": SIGNED_IN,
  "PUT /api/v1/auth/me": SIGNED_IN,
  "DELETE /api/v1/auth/me": SIGNED_IN,
  "POST /api/v1/auth/password": SIGNED_IN,
  "GET /api/v1/users": ADMIN,
  "GET /api/v1/users/{id}": SIGNED_IN,
  "PUT /api/v1/users/{id}": ADMIN,
  "DELETE /api/v1/users/{id}": ADMIN,
  "POST /api/v1/devices": ADMIN,
  "GET /api/v1/devices": ADMIN,
  "POST /api/v1/devices/{id}/secret": ADMIN,
  "DELETE /api/v1/devices/{id}": ADMIN,

  "GET /api/v1/movies": ANYONE,
  "GET /api/v1/movies/{id}": ANYONE,
  "GET /api/v1/movies/{id}/poster.svg": ANYONE,
  "GET /api/v1/movies/{id}/showtimes": ANYONE,
  "POST /api/v1/movies": ADMIN,
  "PUT /api/v1/movies/{id}": ADMIN,
  "DELETE /api/v1/movies/{id}": ADMIN,
  "GET /api/v1/cinemas": ANYONE,
  "GET /api/v1/cinemas/{id}": ANYONE,
  "POST /api/v1/cinemas": ADMIN,
  "PUT /api/v1/cinemas/{id}": ADMIN,
  "DELETE /api/v1/cinemas/{id}": ADMIN,
  "GET /api/v1/halls/{id}": ANYONE,
  "POST /api/v1/halls": ADMIN,
  "PUT /api/v1/halls/{id}": ADMIN,
  "DELETE /api/v1/halls/{id}": ADMIN,
  "GET /api/v1/showtimes": ANYONE,
  "GET /api/v1/showtimes/{id}": ANYONE,
  "GET /api/v1/showtimes/{id}/layout": ANYONE,
  "GET /api/v1/showtimes/{id}/seats": ANYONE,
  "POST /api/v1/showtimes": ADMIN,
  "PUT /api/v1/showtimes/{id}": ADMIN,
  "DELETE /api/v1/showtimes/{id}": ADMIN,

  "POST /api/v1/showtimes/{id}/holds": BUYERS,
  "GET /api/v1/holds/{id}": BUYERS,
  "POST /api/v1/holds/{id}/extend": BUYERS,
  "DELETE /api/v1/holds/{id}": BUYERS,
  "POST /api/v1/bookings": BUYERS,
  "GET /api/v1/bookings": BUYERS,
  "GET /api/v1/bookings/{id}": BUYERS,
  "POST /api/v1/bookings/{id}/payments": BUYERS,
  "POST /api/v1/bookings/{id}/cancel": BUYERS,
  // Strangers may look at the schema: see graphql.test.ts.
  "POST /graphql": ANYONE,

  "GET /api/v1/bookings/{id}/tickets": SIGNED_IN,
  "GET /api/v1/bookings/{id}/tickets.pdf": SIGNED_IN,
  "GET /api/v1/tickets/{id}.pdf": SIGNED_IN,
  "GET /api/v1/tickets/{id}.svg": SIGNED_IN,
  "POST /api/v1/tickets/{id}/reissue": SIGNED_IN,
  "POST /api/v1/tickets/check-in": GATE,

  // The gateway's signature says who it is.
  "POST /api/v1/payments/webhooks/mock": ANYONE,
  "POST /api/v1/payments/webhooks/stripe": ANYONE,
  "GET /api/v1/payments/reconciliation": ADMIN,

  "POST /api/v1/webhooks": ADMIN,
  "GET /api/v1/webhooks": ADMIN,
  "GET /api/v1/webhooks/{id}": ADMIN,
  "PUT /api/v1/webhooks/{id}": ADMIN,
  "DELETE /api/v1/webhooks/{id}": ADMIN,
  "POST /api/v1/webhooks/{id}/secret": ADMIN,
  "POST /api/v1/webhooks/{id}/test": ADMIN,
  "GET /api/v1/webhooks/{id}/deliveries": ADMIN,
  "POST /api/v1/webhooks/{id}/deliveries/{delivery}/retry": ADMIN,
};

const tokens = new Map<Role, string>();
beforeAll(async () => {
  for (const role of ROLES) tokens.set(role, (await purchases.person(role)).token);
});

/** With an id of nothing, and a body that no call takes: who may comes before what is asked. */
const ask = (call: string, token?: string) => {
  const [method = "", path = ""] = call.split(" ");
  const body = method === "GET" || method === "DELETE" ? undefined : { "no such field": 1 };
  return office.rest.call(method, path.replaceAll(/\{\w+\}/g, "none"), { ...(token !== undefined && { token }), body });
};

it("the table has every documented call, and no other", async () => {
  const { body } = await office.rest.get<{ paths: Record<string, object> }>("/openapi.json");
  const documented = Object.entries(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(Object.keys(TABLE).sort()).toEqual(documented.filter((call) => call !== "GET /metrics").sort());
});

describe.each(Object.entries(TABLE))("%s", (call, allowed) => {
  it(`is for ${allowed === ANYONE ? ANYONE : allowed.join(", ")}`, async () => {
    const stranger = await ask(call);
    if (allowed === ANYONE) {
      expect([call, stranger.status]).not.toEqual([call, expect.toBeOneOf([401, 403])]);
      return;
    }
    expect(stranger).toMatchObject(problem(401, "UNAUTHORIZED"));
    expect(await ask(call, "not.a.token")).toMatchObject(problem(401, "UNAUTHORIZED"));
    for (const role of ROLES) {
      // It would do what it says.
      if (call === "DELETE /api/v1/auth/me") continue;
      const answer = await ask(call, tokens.get(role));
      if (allowed.includes(role)) expect([role, answer.status]).not.toEqual([role, expect.toBeOneOf([401, 403])]);
      else expect([role, answer]).toMatchObject([role, problem(403, "FORBIDDEN")]);
    }
  });
});

it("roles are not to be had by asking: neither at registering nor later", async () => {
  const { token, userId } = await purchases.customer();
  for (const [method, path, body] of [
    ["POST", "auth/register", { email: "root@example.com", password: "correct horse battery", role: "admin" }],
    ["PUT", "auth/me", { role: "admin" }],
    ["PUT", `users/${userId}`, { role: "admin" }],
  ] as const) {
    const { status } = await office.rest.call(method, path, { ...(path !== "auth/register" && { token }), body });
    expect([path, status]).toEqual([path, expect.toBeOneOf([400, 403])]);
  }
  expect(await office.rest.get("auth/me", { token })).toMatchObject({ body: { role: "customer" } });
});

it("a device that is removed, or has a new secret, is out", async () => {
  const { token } = await purchases.admin();
  const { body: device } = await office.rest.post("devices", { token, body: { role: "gate", name: "Gate 1" } });
  const signIn = (body: object) => office.rest.post("auth/device", { body });
  const { body } = await signIn(device);
  const rotated = await office.rest.post(`devices/${String(device["deviceId"])}/secret`, { token });
  expect(rotated).toMatchObject({ status: 200, body: { deviceId: device["deviceId"] } });
  expect(await signIn(device)).toMatchObject(problem(401, "UNAUTHORIZED"));
  expect((await signIn(rotated.body)).status).toBe(200);
  const old = String(body["accessToken"]);
  await expect.poll(async () => (await office.rest.get("auth/me", { token: old })).status).toBe(401);
  expect((await office.rest.call("DELETE", `devices/${String(device["deviceId"])}`, { token })).status).toBe(204);
  expect(await signIn(rotated.body)).toMatchObject(problem(401, "UNAUTHORIZED"));
});
