import { beforeEach, describe, expect, it, vi } from "vitest";
import { LIMITS } from "../limits.ts";
import { SHOWTIME, useHarness } from "../testing/harness.ts";
import { Bucket, Meters, rateOf } from "./index.ts";

/** No time goes by but where a test says so, and nobody earns another command while the machine hesitates. */
function useStandingHarness(config: Parameters<typeof useHarness>[0]): ReturnType<typeof useHarness> {
  const current = useHarness(config);
  beforeEach(() => current.edge.clock.standStill());
  return current;
}

describe("a bucket", () => {
  it("lets two seconds' worth through at once, then its rate", () => {
    const rate = rateOf(10);
    const bucket = new Bucket();
    let taken = 0;
    for (; bucket.waitMs(rate, 1000) === 0; taken++) bucket.take(rate, 1000);
    expect(taken).toBe(20);
    expect(bucket.waitMs(rate, 1000)).toBe(100);
    expect(bucket.waitMs(rate, 1100)).toBe(0);
    expect(bucket.isFull(2999)).toBe(false);
    expect(bucket.isFull(3000)).toBe(true);
  });
});

describe("meters", () => {
  it("forget who has no connection, but not before the bucket is full again", () => {
    const meters = new Meters<string, object>({ commandsPerSecond: 1, connectionsMax: 10 });
    const [one, two] = [{}, {}];
    const meter = meters.enter("a", one);
    expect(meters.enter("a", two)).toBe(meter);
    meter.take(0);
    meter.leave(one);
    meters.sweep(5000);
    expect(meters.size).toBe(1);
    meter.leave(two);
    meters.sweep(999);
    expect(meters.size).toBe(1);
    meters.sweep(1000);
    expect(meters.size).toBe(0);
  });

  it("make room for newcomers once between two sweeps, however many come past the bound", () => {
    const meters = new Meters<string, object>({ commandsPerSecond: 1, connectionsMax: 10 });
    const sweep = vi.spyOn(meters, "sweep");
    const gone = {};
    meters.enter("gone", gone).take(0);
    meters.get("gone")?.leave(gone);
    for (let at = 1; at < LIMITS.metersMax + 1000; at++) meters.enter(`user-${at}`, {});
    expect(meters.get("gone")).toBeUndefined();
    expect(sweep).toHaveBeenCalledTimes(1);
    meters.sweep(0);
    meters.enter("another", {});
    expect(sweep).toHaveBeenCalledTimes(3);
  });
});

describe("a connection past its rate", () => {
  // Two at once.
  const current = useStandingHarness({ commandsPerSecond: 1 });

  it("is told how long to wait, with the rid, and is heard again after that", async () => {
    const client = await current.edge.connect();
    for (let at = 0; at < 3; at++) client.say({ op: "extend", rid: `r${at}`, holdId: "h.1" });
    await client.until(() => client.inbox.length === 4);
    const refused = await client.next("error", ({ code }) => code === "RATE_LIMITED");
    expect(refused.rid).toBe("r2");
    expect(refused.retryInMs).toBeGreaterThan(0);
    expect(refused.retryInMs).toBeLessThanOrEqual(1_000);
    current.edge.clock.leap(1_000);
    client.say({ op: "extend", rid: "later", holdId: "h.1" });
    expect(await client.next("error", ({ rid }) => rid === "later")).toMatchObject({ code: "UNAUTHORIZED" });
  });

  it("shares the rate with the user's other connections, not with other users", async () => {
    const [one, two, bob] = [
      await current.edge.signedIn(),
      await current.edge.signedIn(),
      await current.edge.signedIn("json", "bob"),
    ];
    for (let at = 0; at < 2; at++) {
      one.say({ op: "hold", rid: `a${at}`, showtime: SHOWTIME, seats: [at] });
      two.say({ op: "hold", rid: `b${at}`, showtime: SHOWTIME, seats: [at + 20] });
    }
    bob.say({ op: "hold", rid: "c", showtime: SHOWTIME, seats: [50] });
    await bob.next("held");
    for (const client of [one, two]) await client.until(() => client.inbox.length === 3);
    const held = [...one.inbox, ...two.inbox].filter(({ op }) => op === "held");
    expect(held.length).toBe(2);
  });

  it("shares it also for what was sent right behind the token", async () => {
    const token = await current.edge.token({ user: "eve" });
    const clients = await Promise.all(Array.from({ length: 5 }, () => current.edge.connect()));
    for (const [at, client] of clients.entries()) {
      client.say({ op: "auth", token });
      client.say({ op: "hold", rid: `r${at}`, showtime: SHOWTIME, seats: [at + 60] });
    }
    const answers = await Promise.all(
      clients.map(async (client) => {
        await client.until(() => client.inbox.length === 3);
        const last = client.inbox.at(-1);
        return last !== undefined && "code" in last ? last.code : last?.op;
      }),
    );
    expect(answers.filter((answer) => answer === "held")).toHaveLength(2);
    expect(answers.filter((answer) => answer === "RATE_LIMITED")).toHaveLength(3);
  });
});

describe("a connection that goes on past its rate", () => {
  const current = useStandingHarness({ commandsPerSecond: 10 });
  const BURST = 20;

  it("is refused for a while, though it has all its answers read, and then closed", async () => {
    const [hasty, flood] = [await current.edge.connect(), await current.edge.connect()];
    const send = (client: typeof hasty, count: number): void => {
      for (let at = 0; at < count; at++) client.say({ op: "extend", rid: `r${at}`, holdId: "h.1" });
    };
    send(hasty, 2 * BURST);
    await hasty.until(() => hasty.inbox.length === 1 + 2 * BURST);
    send(flood, 10 * BURST);
    expect(await current.edge.metrics.metrics()).toContain('usher_edge_closed_total{code="4003"} 0');
    expect(await flood.closed).toMatchObject({ code: 4003 });
    expect(await current.edge.metrics.metrics()).toContain('usher_edge_closed_total{code="4003"} 1');
    expect(flood.inbox.length).toBeLessThan(10 * BURST);
    current.edge.clock.leap(10_000);
    hasty.say({ op: "extend", rid: "later", holdId: "h.1" });
    expect(await hasty.next("error", ({ rid }) => rid === "later")).toMatchObject({ code: "UNAUTHORIZED" });
  });
});

describe("a connection that sends forged tokens", () => {
  const current = useStandingHarness({ commandsPerSecond: 10 });
  const shared = useStandingHarness({ addressCommandsPerSecond: 1 });
  const BURST = 20;

  it("is past its rate before many were verified, also those that waited already, and may sign in later", async () => {
    const verify = vi.spyOn(current.edge.verifier, "verify");
    const client = await current.edge.connect();
    for (let at = 0; at < BURST; at++) client.say({ op: "auth", token: `forged-${at}` });
    await client.until(() => client.inbox.length === 1 + BURST);
    expect(verify.mock.calls.length).toBeLessThan(BURST / 4);
    await client.next("error", ({ code }) => code === "RATE_LIMITED");
    current.edge.clock.leap(10_000);
    await client.signIn(await current.edge.token());
  });

  it("takes from its address too, but no more than that has at the most", async () => {
    const [forger, other] = [await shared.edge.connect(), await shared.edge.connect()];
    const ask = async (rid: string) => {
      other.say({ op: "extend", rid, holdId: "h.1" });
      return other.next("error");
    };
    forger.say({ op: "auth", token: "forged" });
    expect(await forger.next("error")).toMatchObject({ code: "UNAUTHORIZED" });
    const refused = await ask("r1");
    expect(refused.code).toBe("RATE_LIMITED");
    expect(refused.retryInMs).toBeLessThanOrEqual(2_000);
    shared.edge.clock.leap(2_000);
    expect(await ask("r2")).toMatchObject({ code: "UNAUTHORIZED" });
  });
});

describe("a connection that asks for a hall that it watches", () => {
  const current = useStandingHarness({ commandsPerSecond: 10 });

  it("again and again is past its rate before it was sent the hall many times", async () => {
    const client = await current.edge.viewer();
    for (let time = 0; time < 15; time++) client.say({ op: "watch", showtime: SHOWTIME });
    await client.until(() => client.inbox.length === 1 + 15);
    expect(client.inbox.filter(({ op }) => op === "snapshot").length).toBeLessThan(5);
  });

  it("from where it is pays no more than for other messages", async () => {
    const client = await current.edge.viewer();
    for (let time = 0; time < 15; time++) client.say({ op: "watch", showtime: SHOWTIME, epoch: 1, seq: 0 });
    await client.until(() => client.inbox.length === 1 + 15);
    expect(client.inbox.filter(({ op }) => op === "delta")).toHaveLength(15);
  });
});

describe("viewers of one address who come back at once", () => {
  const current = useStandingHarness({ addressCommandsPerSecond: 10 });

  it("pay for one message to sign in, and for one to watch", async () => {
    const token = await current.edge.token();
    const clients = await Promise.all(Array.from({ length: 10 }, () => current.edge.connect()));
    for (const client of clients) {
      client.say({ op: "auth", token });
      client.say({ op: "watch", showtime: SHOWTIME });
    }
    await Promise.all(clients.map((client) => client.next("snapshot")));
    for (const client of clients) expect(client.inbox.map(({ op }) => op)).toEqual(["welcome", "authed"]);
  });
});

describe("a connection that unwatches what it does not watch", () => {
  const current = useStandingHarness({ commandsPerSecond: 10 });

  it("is closed past its rate like any other", async () => {
    const client = await current.edge.connect();
    for (let at = 0; at < 200; at++) client.say({ op: "unwatch", showtime: SHOWTIME });
    expect(await client.closed).toMatchObject({ code: 4003 });
  });
});

describe("an address past its rate", () => {
  const current = useStandingHarness({ addressCommandsPerSecond: 1 });

  it("gets no more by opening connections", async () => {
    const clients = await Promise.all(Array.from({ length: 5 }, () => current.edge.connect()));
    for (const client of clients) client.say({ op: "extend", rid: "r", holdId: "h.1" });
    for (const client of clients) await client.until(() => client.inbox.length === 2);
    const codes = clients.flatMap(({ inbox }) =>
      inbox.flatMap((message) => (message.op === "error" ? [message.code] : [])),
    );
    expect(codes.filter((code) => code === "RATE_LIMITED")).toHaveLength(3);
  });
});

describe("an edge with all the connections it can bear", () => {
  const current = useStandingHarness({ connectionsMax: 2 });

  it("sends the next one away to come again, and serves those it has", async () => {
    const first = await current.edge.connect();
    const second = await current.edge.connect();
    const third = await current.edge.connect();
    expect(await third.closed).toMatchObject({ code: 4002 });
    expect(await current.edge.metrics.metrics()).toContain('usher_edge_closed_total{code="4002"} 1');
    expect(await current.edge.metric("usher_edge_connections_max")).toBe(2);
    first.ws.close();
    await first.closed;
    await (await current.edge.connect()).next("welcome");
    second.say({ op: "watch", showtime: SHOWTIME });
    await second.next("snapshot");
  });
});
