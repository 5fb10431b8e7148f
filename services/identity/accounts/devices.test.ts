import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Device, DeviceCreated, Page, User } from "../../../proto/rest/index.ts";
import { FAMILIES_OF_DEVICE_MAX } from "../limits.ts";
import { bearer, testIdentity, type TestIdentity } from "../testing.ts";

let t: TestIdentity;
let admin: Record<string, string>;

beforeAll(async () => {
  t = await testIdentity();
  admin = await t.client.admin();
});
afterAll(() => t.close());

const signIn = (device: DeviceCreated) =>
  t.client.post("/auth/device", { deviceId: device.deviceId, secret: device.secret });

async function everyDevice(limit: number): Promise<Device[]> {
  const all: Device[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const url: string = `/devices?limit=${limit}${cursor === "" ? "" : `&cursor=${cursor}`}`;
    const page: Page<Device> = (await t.client.get(url, admin)).json();
    expect(page.items.length).toBeLessThanOrEqual(limit);
    all.push(...page.items);
    cursor = page.nextCursor;
  }
  return all;
}

describe("a device", () => {
  it.each(["kiosk", "boxoffice", "gate"] as const)("signs in as %s, as often as it likes", async (role) => {
    const device = await t.client.device(role);
    for (let time = 0; time < 3; time++) {
      const response = await signIn(device);
      expect(response.statusCode).toBe(200);
      const { accessToken } = response.json<{ accessToken: string }>();
      expect((await t.client.me(accessToken)).json()).toMatchObject({ id: device.deviceId, role, name: "Foyer" });
    }
  });

  it("gets a new secret, and the old one ends at once with all that it had opened", async () => {
    const device = await t.client.device();
    const rotated = await t.client.post(`/devices/${device.deviceId}/secret`, undefined, admin);
    expect(rotated.statusCode).toBe(200);
    const fresh = rotated.json<DeviceCreated>();
    expect(fresh.deviceId).toBe(device.deviceId);
    expect(fresh.secret).not.toBe(device.secret);
    expect((await signIn(device)).statusCode).toBe(401);
    expect((await t.client.me(device.accessToken)).statusCode).toBe(401);
    expect((await signIn(fresh)).statusCode).toBe(200);
  });

  it("is removed, and can do nothing from then on", async () => {
    const device = await t.client.device("gate");
    expect((await t.client.delete(`/devices/${device.deviceId}`, undefined, admin)).statusCode).toBe(204);
    expect((await signIn(device)).statusCode).toBe(401);
    expect((await t.client.me(device.accessToken)).statusCode).toBe(401);
    expect((await t.client.post(`/devices/${device.deviceId}/secret`, undefined, admin)).statusCode).toBe(404);
    expect((await t.client.delete(`/devices/${device.deviceId}`, undefined, admin)).statusCode).toBe(404);
    expect(JSON.stringify(await everyDevice(100))).not.toContain(device.deviceId);
    // As a process of an earlier version does that is asked for another secret just then.
    await t.pool.query("update identity.device set secret_hash = '\\x01' where user_id = $1", [device.deviceId]);
    expect(JSON.stringify(await everyDevice(100))).not.toContain(device.deviceId);
  });

  it.each([
    ["/devices", { name: "Till 2", role: "boxoffice" }],
    ["/devices", { role: "gate" }],
    ["/users", { name: "Till 3", role: "kiosk" }],
  ] as const)("that is removed at %s stays in the books as %j, for administrators", async (path, body) => {
    const { deviceId } = (await t.client.post("/devices", body, admin)).json<DeviceCreated>();
    const before = (await t.client.get(`/users/${deviceId}`, admin)).json<User>();
    expect(before.deletedAt).toBeUndefined();
    await t.client.delete(`${path}/${deviceId}`, undefined, admin);
    const husk = (await t.client.get(`/users/${deviceId}`, admin)).json<User>();
    expect(husk).toEqual({ ...before, deletedAt: expect.stringMatching(/^\d{4}-.*Z$/) });
    expect(husk).toMatchObject(body);
    const { rows } = await t.pool.query(
      `select secret_hash from identity.device where user_id = $1
       union all select decode(id, 'escape') from identity.family where user_id = $1`,
      [deviceId],
    );
    expect(rows).toEqual([{ secret_hash: null }]);
    const { accessToken } = await t.client.register();
    expect((await t.client.get(`/users/${deviceId}`, bearer(accessToken))).statusCode).toBe(404);
    expect((await t.client.get("/users?limit=100", admin)).body).not.toContain(deviceId);
    expect((await t.client.delete(`${path}/${deviceId}`, undefined, admin)).statusCode).toBe(404);
  });

  it("is listed with when it was last seen, in pages, and never with its secret", async () => {
    const { deviceId } = (await t.client.post("/devices", { name: "New" }, admin)).json<DeviceCreated>();
    for (let more = 0; more < 4; more++) await t.client.device();
    const [few, many] = [await everyDevice(2), await everyDevice(100)];
    expect(few).toEqual(many);
    expect(new Set(many.map((device) => device.deviceId)).size).toBe(many.length);
    expect(many.find((device) => device.deviceId === deviceId)).toMatchObject({ role: "kiosk", lastSeenAt: null });
    expect(many.at(-1)?.lastSeenAt).toMatch(/^\d{4}-.*Z$/);
    expect(JSON.stringify(many)).not.toMatch(/secret/i);
  });

  it.each([
    "x",
    '"x"',
    "{}",
    '{"at":"yes","id":"1"}',
    '{"at":1e300,"id":"1"}',
    '{"at":-1,"id":"1"}',
    '{"at":1,"id":"\\u0000"}',
  ])("list refuses the cursor %s", async (place) => {
    const cursor = Buffer.from(place).toString("base64url");
    expect((await t.client.get(`/devices?cursor=${cursor}`, admin)).statusCode).toBe(400);
  });

  it("that is a person is not found", async () => {
    const { user, accessToken } = await t.client.person("gate");
    expect((await t.client.delete(`/devices/${user.id}`, undefined, admin)).statusCode).toBe(404);
    expect((await t.client.post(`/devices/${user.id}/secret`, undefined, admin)).statusCode).toBe(404);
    expect((await t.client.me(accessToken)).statusCode).toBe(200);
  });

  it("cannot change or delete its own account", async () => {
    const { accessToken } = await t.client.device("boxoffice");
    expect((await t.client.put("/auth/me", { name: "Mine" }, bearer(accessToken))).statusCode).toBe(403);
    expect((await t.client.delete("/auth/me", {}, bearer(accessToken))).statusCode).toBe(403);
  });

  it("that signs in while it is removed, or its secret changed, is never left with a good token", async () => {
    for (const end of ["remove", "rotate"] as const) {
      const device = await t.client.device();
      const signIns = Array.from({ length: 20 }, () => signIn(device));
      const ended =
        end === "remove"
          ? t.client.delete(`/devices/${device.deviceId}`, undefined, admin)
          : t.client.post(`/devices/${device.deviceId}/secret`, undefined, admin);
      const answers = await Promise.all(signIns);
      expect((await ended).statusCode).toBeLessThan(300);
      for (const answer of answers) {
        expect([200, 401]).toContain(answer.statusCode);
        if (answer.statusCode !== 200) continue;
        expect((await t.client.me(answer.json<{ accessToken: string }>().accessToken)).statusCode).toBe(401);
      }
    }
  });
});

// Last, for it makes the administrator's token old.
it("a device has so many good tokens and no more", async () => {
  const device = await t.client.device();
  await t.pool.query(
    `insert into identity.family (id, user_id, rotated_at, expires_at, tokens_until)
     select id || n, user_id, rotated_at, expires_at, tokens_until from identity.family, generate_series(1, $2::int) n
     where user_id = $1`,
    [device.deviceId, FAMILIES_OF_DEVICE_MAX - 1],
  );
  const refused = await signIn(device);
  expect(refused.json()).toMatchObject({ status: 429, code: "RATE_LIMITED", retryInMs: expect.any(Number) });
  expect((await signIn({ ...device, secret: "x".repeat(43) })).statusCode).toBe(401);
  expect((await t.client.me(device.accessToken)).statusCode).toBe(200);

  t.clock.goForward(refused.json<{ retryInMs: number }>().retryInMs);
  expect((await signIn(device)).statusCode).toBe(200);
  const { rows } = await t.pool.query("select from identity.family where user_id = $1", [device.deviceId]);
  expect(rows.length).toBe(FAMILIES_OF_DEVICE_MAX);
});
