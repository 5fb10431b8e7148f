import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEdge, type Edge } from "../../edge/index.ts";
import { BoxOffice } from "../../edge/testing/box-office.ts";
import { Client } from "../../edge/testing/client.ts";
import { pino } from "pino";
import { FORGERIES, type Mint } from "../../platform/auth/testing.ts";
import { CLOSE_CODES, type ShowtimeId } from "../../proto/index.ts";
import type { SignedIn } from "../../proto/rest/index.ts";
import { bearer, mintOf, PASSWORD, testIdentity, type TestIdentity } from "./testing.ts";

const SHOWTIME = "premiere" as ShowtimeId; // The cast: it is one.

let t: TestIdentity;
let edge: Edge;
let port: number;
let mint: Mint;
const clients: Client[] = [];

beforeAll(async () => {
  t = await testIdentity();
  const { bus, clock, verifier } = t;
  const engine = new BoxOffice(bus);
  engine.open(SHOWTIME, 10);
  edge = createEdge({
    config: {
      host: "127.0.0.1",
      wsPort: 0,
      allowedOrigins: [],
      trustedProxies: [],
      commandsPerSecond: 1e3,
      addressCommandsPerSecond: 1e5,
      connectionsPerAddress: 1e3,
    },
    isOneOfMany: false,
    ownOrigins: () => [],
    bus,
    engine,
    verifier,
    clock,
    random: Math.random,
    log: pino({ level: "silent" }),
    metrics: new Registry(),
  });
  port = (await edge.start()).port;
  mint = await mintOf(t);
});
afterAll(async () => {
  for (const { ws } of clients) ws.terminate();
  await edge.stop();
  await t.close();
});

async function connect(token?: string): Promise<Client> {
  const client = await Client.connect(port);
  clients.push(client);
  if (token !== undefined) await client.signIn(token);
  return client;
}

/** Still there, and still answers. */
async function isOpen(client: Client): Promise<boolean> {
  client.send({ op: "watch", showtime: SHOWTIME });
  await client.next("snapshot");
  return client.closing === undefined;
}

const signedOut = (client: Client) =>
  expect(client.closed).resolves.toMatchObject({ code: CLOSE_CODES.SIGNED_OUT.code });

describe("a family's sockets close", () => {
  it("when it signs out, by refresh token or bearer, and no others", async () => {
    for (const by of [
      "refresh token",
      "bearer",
      "refresh token of a client that always sends something else",
    ] as const) {
      const { email, accessToken, refreshToken } = await t.client.register();
      const [one, two] = [await connect(accessToken), await connect(accessToken)];
      const other = await connect((await t.client.login(email, PASSWORD)).accessToken);
      if (by === "bearer") await t.client.post("/auth/logout", undefined, bearer(accessToken));
      else {
        const headers = by === "refresh token" ? {} : { authorization: "Basic YTpi" };
        expect((await t.client.post("/auth/logout", { refreshToken }, headers)).statusCode).toBe(204);
      }
      await signedOut(one);
      await signedOut(two);
      expect(await isOpen(other)).toBe(true);
    }
  });

  it("when a refresh token is used twice, those of the token's heirs too", async () => {
    const { accessToken, refreshToken } = await t.client.register();
    const first = await connect(accessToken);
    const heir = (await t.client.post("/auth/refresh", { refreshToken })).json<SignedIn>();
    const second = await connect(heir.accessToken);
    expect((await t.client.post("/auth/refresh", { refreshToken })).statusCode).toBe(401);
    await signedOut(first);
    await signedOut(second);
  });

  it("when the password is changed elsewhere, but not where it is changed", async () => {
    const { email, accessToken } = await t.client.register();
    const here = await connect(accessToken);
    const elsewhere = await connect((await t.client.login(email, PASSWORD)).accessToken);
    await t.client.post("/auth/password", { current: PASSWORD, new: "another horse" }, bearer(accessToken));
    await signedOut(elsewhere);
    expect(await isOpen(here)).toBe(true);
  });

  it("when the account is deleted, a guest's who became a customer too", async () => {
    const guest = await t.client.guest();
    const before = await connect(guest.accessToken);
    const account = { email: t.client.uniqueEmail(), password: PASSWORD };
    const { accessToken } = (
      await t.client.post("/auth/register", account, bearer(guest.accessToken))
    ).json<SignedIn>();
    const after = await connect(accessToken);
    expect(await isOpen(before)).toBe(true);
    await t.client.delete("/auth/me", { password: PASSWORD }, bearer(accessToken));
    await signedOut(before);
    await signedOut(after);
  });

  it("when an administrator deletes the user, or changes the role", async () => {
    const admin = await t.client.admin();
    const [gone, promoted] = [await t.client.register(), await t.client.register()];
    const [one, other] = [await connect(gone.accessToken), await connect(promoted.accessToken)];
    await t.client.delete(`/users/${gone.user.id}`, undefined, admin);
    await t.client.put(`/users/${promoted.user.id}`, { role: "gate" }, admin);
    await signedOut(one);
    await signedOut(other);
  });

  it("when the device's secret is changed, or the device removed", async () => {
    const admin = await t.client.admin();
    const [rotated, removed] = [await t.client.device(), await t.client.device("gate")];
    const [one, other] = [await connect(rotated.accessToken), await connect(removed.accessToken)];
    await t.client.post(`/devices/${rotated.deviceId}/secret`, undefined, admin);
    await t.client.delete(`/devices/${removed.deviceId}`, undefined, admin);
    await signedOut(one);
    await signedOut(other);
  });
});

it("a kiosk signs in again on its open socket, as often as it likes, and one removal closes it", async () => {
  const device = await t.client.device();
  const socket = await connect(device.accessToken);
  for (let time = 0; time < 3; time++) {
    const { accessToken } = (
      await t.client.post("/auth/device", { deviceId: device.deviceId, secret: device.secret })
    ).json<{ accessToken: string }>();
    expect(await socket.signIn(accessToken)).toMatchObject({ userId: device.deviceId, role: "kiosk" });
  }
  await t.client.delete(`/devices/${device.deviceId}`, undefined, await t.client.admin());
  await signedOut(socket);
});

describe("the edge refuses a token that is, or has", () => {
  it.each(FORGERIES)("%s", async (_what, forge) => {
    const client = await connect();
    client.say({ op: "auth", token: forge(mint) });
    const answer = await Promise.race([client.next("error"), client.next("authed"), client.closed]).catch(
      () => undefined,
    );
    expect(answer ?? client.closing).not.toMatchObject({ op: "authed" });
    expect(client.inbox.some(({ op }) => op === "authed")).toBe(false);
    client.ws.terminate();
  });
});
