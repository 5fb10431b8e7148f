import pino from "pino";
import { describe, expect, it, vi } from "vitest";
import type { Principal } from "../../platform/auth/index.ts";
import { VirtualClock } from "../../platform/clock/index.ts";
import { holderId } from "../../proto/index.ts";
import { Counts } from "../counts.ts";
import { LIMITS } from "../limits.ts";
import type { Socket } from "../socket.ts";
import type { Client } from "../testing/client.ts";
import { SHOWTIME, useHarness } from "../testing/harness.ts";
import { Session } from "./session.ts";
import { SignIn } from "./sign-in.ts";

const current = useHarness();

const mayHold = async (client: Client, rid: string): Promise<boolean> => {
  client.say({ op: "hold", rid, showtime: SHOWTIME, seats: [Number(rid.slice(1))] });
  await client.until(() => client.inbox.some((message) => "rid" in message && message.rid === rid));
  return client.inbox.some((message) => message.op === "held" && message.rid === rid);
};

describe("a token's end", () => {
  it("is told a minute before, and is put off by another token on the same connection", async () => {
    const { clock } = current.edge;
    clock.standStill();
    const client = await current.edge.connect();
    await client.signIn(await current.edge.token({ livesMs: 900_000 }));
    clock.leap(838_000);
    expect(await mayHold(client, "r0")).toBe(true); // What was told before has arrived, too.
    expect(client.inbox.some(({ op }) => op === "reauth")).toBe(false);
    clock.leap(2_000);
    const { inMs } = await client.next("reauth");
    expect(inMs).toBeGreaterThan(30_000);
    expect(inMs).toBeLessThanOrEqual(60_000);
    await client.signIn(await current.edge.token({ livesMs: 900_000 }));
    clock.leap(100_000);
    expect(await mayHold(client, "r1")).toBe(true);
  });

  it("leaves the connection, which may only watch until another token comes", async () => {
    const { clock } = current.edge;
    const client = await current.edge.viewer();
    await client.signIn(await current.edge.token({ livesMs: 900_000 }));
    expect(await mayHold(client, "r1")).toBe(true);
    clock.leap(901_000);
    expect(await mayHold(client, "r2")).toBe(false);
    expect(await client.next("error")).toMatchObject({ rid: "r2", code: "UNAUTHORIZED" });
    current.edge.engine.change(SHOWTIME, new Map([[40, 2]]));
    await client.until(() => client.shown(SHOWTIME)[40] === "2");
    await client.signIn(await current.edge.token());
    expect(await mayHold(client, "r3")).toBe(true);
  });

  it("that is near is told at once", async () => {
    const client = await current.edge.connect();
    await client.signIn(await current.edge.token({ livesMs: 30_000 }));
    expect((await client.next("reauth")).inMs).toBeLessThanOrEqual(30_000);
    expect(await mayHold(client, "r1")).toBe(true);
  });

  it("is not told of a user that another took the place of", async () => {
    const client = await current.edge.connect();
    await client.signIn(await current.edge.token({ user: "ann", livesMs: 900_000 }));
    await client.signIn(await current.edge.token({ user: "bob", livesMs: 3_600_000 }));
    current.edge.clock.leap(1_000_000);
    expect(await mayHold(client, "r1")).toBe(true);
    expect(client.inbox.some(({ op }) => op === "reauth")).toBe(false);
    expect(current.edge.engine.asked.at(-1)).toMatchObject({ holder: "bob" });
  });
});

describe("a family that is signed out", () => {
  it("loses its connections, for good, and no other does", async () => {
    const ann = await current.edge.signedIn("json", "ann");
    const phone = await current.edge.signedIn("msgpack", "ann");
    const bob = await current.edge.signedIn("json", "bob");
    current.edge.revoke("family-of-ann");
    expect(await ann.closed).toMatchObject({ code: 4501 });
    expect(await phone.closed).toMatchObject({ code: 4501 });
    expect(await mayHold(bob, "r1")).toBe(true);
    const again = await current.edge.connect();
    again.say({ op: "auth", token: await current.edge.token({ user: "ann" }) });
    expect(await again.next("error")).toMatchObject({ code: "UNAUTHORIZED" });
  });
});

it("a token that cannot be verified just now is not called a bad one, and many share their line of the log", async () => {
  current.edge.clock.standStill(); // Lines share one for a second.
  const verify = current.edge.verifier.verify.bind(current.edge.verifier);
  current.edge.verifier.verify = () => Promise.reject(new Error("identity is away"));
  const warn = vi.spyOn(current.edge.log, "warn");
  const client = await current.edge.connect();
  for (let time = 0; time < 3; time++) {
    client.say({ op: "auth", token: "any" });
    expect(await client.next("error")).toMatchObject({ code: "UNAVAILABLE", retryInMs: LIMITS.comeBackMs });
  }
  expect(warn.mock.calls.map(([, line]) => line)).toEqual(["tokens could not be verified"]);
  current.edge.verifier.verify = verify;
  await client.signIn(await current.edge.token());
});

it("a session that is closed because it reads nothing keeps no timer", async () => {
  const clock = new VirtualClock();
  const principal: Principal = {
    userId: holderId("ann"),
    role: "customer",
    family: "family-of-ann",
    expiresAt: clock.now() + 900_000,
  };
  const signIn = new SignIn({
    verifier: { verify: async () => principal, onRevoked: () => ({ close() {} }) },
    clock,
    log: pino({ level: "silent" }),
    commandsPerSecond: 10,
    refused: () => undefined,
    settled: () => undefined,
  });
  const socket: Socket = {
    encoding: "json",
    address: "127.0.0.1",
    send: () => false,
    sendAll: () => false,
    backlog: () => 0,
    subscribe() {},
    unsubscribe() {},
    close() {
      session.isClosed = true; // Within the call, as with uWebSockets.js.
      signIn.end(session);
    },
  };
  const session = new Session(socket, new Counts());
  signIn.begin(session, "any");
  await clock.settle();
  expect(session).toMatchObject({ isClosed: true, reauthTimer: undefined });
});
