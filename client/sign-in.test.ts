import { describe, expect, test } from "vitest";
import { holdIdOf, SEAT_STATUS } from "../proto/index.ts";
import { CLIENT_LIMITS } from "./limits.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { GOOD_TOKEN, PREMIERE } from "./testing/scripted-server.ts";
import { authedAs, createClient, eventOf, refusalOf, startServer } from "./testing/world.ts";

describe("signing in", () => {
  test("a token source is asked again after a refusal, before a token ends, and on a new connection", async () => {
    const server = await startServer();
    const reasons: string[] = [];
    const token = async (why: string): Promise<string> =>
      reasons.push(why) === 1 ? "stale" : `${GOOD_TOKEN}-${reasons.length}`;
    const client = createClient(server, { token });
    await client.connect();
    await eventOf(client, "authed");
    expect((await server.next("auth")).message.token).toBe("stale");
    const { link, message } = await server.next("auth");
    expect(message.token).toBe(`${GOOD_TOKEN}-2`);
    link.send({ op: "reauth", inMs: 60_000 });
    expect((await server.next("auth")).message.token).toBe(`${GOOD_TOKEN}-3`);
    link.cut();
    expect((await server.next("auth")).message.token).toBe(`${GOOD_TOKEN}-4`);
    expect(reasons).toEqual(["connecting", "refused", "ending", "connecting"]);
  });

  test("a token that the source keeps until its end is not sent again, and the next one is", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    let token = GOOD_TOKEN;
    const client = createClient(server, { clock, random: () => 0.5, token: () => token });
    await client.connect();
    const { link } = await server.next("auth");
    await client.hold(PREMIERE, [1]);
    clock.advance(1_000);
    link.send({ op: "reauth", inMs: 60_000 });
    for (const seat of [2, 3]) await client.hold(PREMIERE, [seat]);
    expect(server.received.filter(({ message }) => message.op === "auth")).toHaveLength(1);
    token = `${GOOD_TOKEN}-2`;
    clock.advance(250);
    expect((await server.next("auth")).message.token).toBe(token);
  });

  test("tokens that are about to end as soon as they are accepted are fetched after growing waits", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    let fetched = 0;
    const client = createClient(server, { clock, random: () => 0.5, token: () => `${GOOD_TOKEN}-${fetched++}` });
    for (let time = 0; time < 20; time++) {
      server.script("auth", (received) => {
        server.answer(received);
        received.link.send({ op: "reauth", inMs: 4_000 });
      });
    }
    await client.connect();
    for (const [index, waitMs] of [250, 500, 1_000, 2_000].entries()) {
      await server.next("auth");
      await client.hold(PREMIERE, [2 * index]);
      clock.advance(waitMs - 1);
      await client.hold(PREMIERE, [2 * index + 1]);
      expect(fetched).toBe(index + 1);
      clock.advance(1);
    }
  });

  test("a request that no token came for in time says why", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const token = (): string => {
      throw new Error("/auth/device: 401");
    };
    const client = createClient(server, { clock, random: () => 0.5, token });
    await client.connect();
    const refused = refusalOf(client.hold(PREMIERE, [1]));
    clock.advance(15_000);
    const { code, message, cause } = await refused;
    expect([code, message]).toEqual(["UNAVAILABLE", "no token came (/auth/device: 401); the request was never sent"]);
    expect(cause).toEqual(new Error("/auth/device: 401"));
  });

  test("while a token is good, that there is no other is blamed for nothing", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    let asked = (): void => {};
    const ending = new Promise<void>((resolve) => (asked = resolve));
    const token = (why: string): string => {
      if (why !== "ending") return GOOD_TOKEN;
      asked();
      throw new Error("/auth/device: 401");
    };
    const client = createClient(server, { clock, random: () => 0.5, token });
    await client.connect();
    await client.hold(PREMIERE, [1]);
    clock.advance(1_000); // A token that ends at once is another matter.
    (await server.next("auth")).link.send({ op: "reauth", inMs: 60_000 });
    await ending;
    await server.next("hold");
    server.script("hold", () => {});
    const unanswered = refusalOf(client.hold(PREMIERE, [2], { timeoutMs: 500 }));
    await server.next("hold");
    clock.advance(500);
    const { code, cause } = await unanswered;
    expect([code, cause]).toEqual(["UNAVAILABLE", undefined]);
    const waiting = eventOf(client, "state", (state) => state === "waiting");
    await server.stop();
    await waiting;
    const offline = refusalOf(client.hold(PREMIERE, [3], { timeoutMs: 10 }));
    clock.advance(10);
    expect((await offline).message).toBe("there was no connection in time; the request was never sent");
  });

  test("a source without another token is found out when its token has ended", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { clock, random: () => 0.5, token: () => GOOD_TOKEN });
    server.script("auth", (received) => {
      server.answer(received);
      received.link.send({ op: "reauth", inMs: 100 });
    });
    for (let time = 0; time < 2; time++) {
      server.script("auth", ({ link }) => link.send({ op: "error", code: "UNAUTHORIZED", message: "it has ended" }));
    }
    await client.connect();
    await client.hold(PREMIERE, [1]);
    const refused = eventOf(client, "signInRefused");
    clock.advance(250);
    expect(await refused).toMatchObject({ code: "UNAUTHORIZED" });
  });

  test("a request refused for a token that has ended is sent again with the next one", async () => {
    const server = await startServer();
    const client = createClient(server, { token: () => GOOD_TOKEN });
    await client.connect();
    await eventOf(client, "authed");
    for (const link of server.links) link.signedIn = false;
    expect((await client.hold(PREMIERE, [1])).seats).toEqual([1]);
  });

  test("an idle connection whose token ends while there is no other is signed in once there is one", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    let give: (token: string) => void = () => {};
    let asked: () => void = () => {};
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const token = (why: string): string | Promise<string> => {
      if (why === "connecting") return "old";
      asked();
      return new Promise((resolve) => (give = resolve));
    };
    const client = createClient(server, { clock, token });
    server.script("auth", ({ link }) => link.send(authedAs("alice")));
    await client.connect();
    await eventOf(client, "authed");
    const outcome = Promise.race([eventOf(client, "authed"), eventOf(client, "signInRefused")]);
    clock.advance(server.heartbeatMs);
    await isAsked;
    clock.advance(server.heartbeatMs);
    give(GOOD_TOKEN);
    expect(await outcome).toMatchObject({ userId: "alice" });
  });

  test("a sign-in is told where the last token had ended before, and not where it had not", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    let give: (token: string) => void = () => {};
    const token = (why: string): string | Promise<string> =>
      why === "connecting" ? GOOD_TOKEN : new Promise((resolve) => (give = resolve));
    const client = createClient(server, { clock, token });
    let told = 0;
    client.on("authed", () => told++);
    await client.connect();
    const { link } = await server.next("auth");
    for (const [seat, waitMs, expected] of [
      [1, 99, 1],
      [2, 100, 2],
      [3, 99, 2],
    ] as const) {
      link.send({ op: "reauth", inMs: 100 });
      await client.hold(PREMIERE, [seat]);
      clock.advance(waitMs);
      give(`${GOOD_TOKEN}-${seat}`);
      await server.next("auth");
      await client.hold(PREMIERE, [seat + 3]);
      expect(told).toBe(expected);
    }
  });

  test("a token that nobody accepts leaves a viewer", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    expect(await refusalOf(client.authenticate("bad"))).toMatchObject({ code: "UNAUTHORIZED" });
    expect(await refusalOf(client.hold(PREMIERE, [1]))).toMatchObject({ code: "UNAUTHORIZED" });
    expect((await client.watch(PREMIERE).ready).inStep).toBe(true);
    expect(await client.authenticate(GOOD_TOKEN)).toEqual({ userId: "alice", role: "guest" });
  });

  test("a token that is none is refused here", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    expect(await refusalOf(client.authenticate(""))).toMatchObject({ code: "UNAUTHORIZED" });
    const reasons: string[] = [];
    const none = async (why: string): Promise<string> => {
      reasons.push(why);
      return "";
    };
    expect(await refusalOf(client.authenticate(none))).toMatchObject({ code: "UNAUTHORIZED" });
    expect(reasons).toEqual(["connecting", "refused"]);
    await client.watch(PREMIERE).ready;
    expect([...server.links].map(({ badMessages }) => badMessages)).toEqual([0]);
  });

  test("a token that the server cannot read is refused for good, and no hall is", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    server.script("watch", () => {});
    const hall = client.watch(PREMIERE);
    const watch = await server.next("watch");
    server.script("auth", ({ link }) => link.send({ op: "error", code: "BAD_MESSAGE", message: "token is odd" }));
    expect(await refusalOf(client.authenticate("odd"))).toMatchObject({ code: "BAD_MESSAGE" });
    server.answer(watch);
    expect((await hall.ready).inStep).toBe(true);
  });

  test("a token that is refused twice because it was sent twice refuses no hall", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { clock });
    await client.connect();
    for (let time = 0; time < 2; time++) server.script("auth", () => {});
    const refused = refusalOf(client.authenticate("bad"));
    await server.next("auth");
    clock.advance(5_000);
    await server.next("auth");
    server.script("watch", () => {});
    const hall = client.watch(PREMIERE);
    const watch = await server.next("watch");
    const { link } = watch;
    for (let time = 0; time < 2; time++) link.send({ op: "error", code: "UNAUTHORIZED", message: "not a good token" });
    expect(await refused).toMatchObject({ code: "UNAUTHORIZED" });
    server.answer(watch);
    expect((await hall.ready).inStep).toBe(true);
  });

  test("a token that cannot be judged just now is sent again when the server says, also while a hall is asked for", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { clock });
    await client.connect();
    const hall = client.watch(PREMIERE);
    server.script("watch", () => {});
    server.script("auth", ({ link }) => {
      link.send({ op: "error", code: "UNAVAILABLE", message: "later", retryInMs: 1_000 });
      link.send({ op: "expired", holdId: holdIdOf(PREMIERE, 9) });
    });
    const notice = eventOf(client, "expired");
    const signedIn = client.authenticate(GOOD_TOKEN);
    await notice;
    clock.advance(1_000);
    expect(await signedIn).toMatchObject({ userId: "alice" });
    expect((await hall.ready).inStep).toBe(true);
  });

  test("when the next user is refused, nobody goes on as the one before", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    await client.authenticate(GOOD_TOKEN);
    let refusals = 0;
    client.on("signInRefused", () => refusals++);
    expect(await refusalOf(client.authenticate("bad"))).toMatchObject({ code: "UNAUTHORIZED" });
    expect(client.identity).toBeUndefined();
    expect(await refusalOf(client.hold(PREMIERE, [1]))).toMatchObject({ code: "UNAUTHORIZED" });
    expect(server.statuses[1]).toBe(SEAT_STATUS.free);
    expect(refusals).toBe(1);
    expect(await client.authenticate(GOOD_TOKEN)).toMatchObject({ userId: "alice" });
    expect(server.received.filter(({ message }) => message.op === "auth")).toHaveLength(3);
  });

  test("who signs in after a refusal, before there is another connection, is signed in on that", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const client = createClient(server, { clock });
    await client.connect();
    await client.authenticate(GOOD_TOKEN);
    await refusalOf(client.authenticate("bad"));
    expect(client.state).toBe("waiting");
    const signedIn = client.authenticate(GOOD_TOKEN);
    clock.advance(0);
    expect(await signedIn).toMatchObject({ userId: "alice" });
    expect((await client.hold(PREMIERE, [1])).seats).toEqual([1]);
  });

  const refusedToken = { op: "error", code: "UNAUTHORIZED", message: "not a good token" } as const;

  test("who signs in before the last token is answered is told of their own", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    server.script("auth", () => {});
    server.script("auth", ({ link }) => {
      link.send(authedAs("alice"));
      link.send(authedAs("bob"));
    });
    const told: string[] = [];
    client.on("authed", ({ userId }) => told.push(userId));
    const both = await Promise.all([client.authenticate("alice's"), client.authenticate("bob's")]);
    expect(both.map(({ userId }) => userId)).toEqual(["bob", "bob"]);
    expect(told).toEqual(["bob"]);
  });

  test("the refusal of the last token is not that of the next", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    server.script("auth", () => {});
    server.script("auth", ({ link }) => {
      link.send(refusedToken);
      link.send(authedAs("bob"));
    });
    const both = await Promise.all([client.authenticate("alice's"), client.authenticate("bob's")]);
    expect(both.map(({ userId }) => userId)).toEqual(["bob", "bob"]);
  });

  test("who is refused before the last token is answered is not signed in by it", async () => {
    const server = await startServer();
    const client = createClient(server);
    await client.connect();
    server.script("auth", () => {});
    server.script("auth", ({ link }) => {
      link.signedIn = true;
      link.send(authedAs("alice"));
      link.send(refusedToken);
    });
    const both = await Promise.all(["alice's", "bob's"].map((token) => refusalOf(client.authenticate(token))));
    expect(both.map(({ code }) => code)).toEqual(["UNAUTHORIZED", "UNAUTHORIZED"]);
    expect(client.identity).toBeUndefined();
    expect(await refusalOf(client.hold(PREMIERE, [1]))).toMatchObject({ code: "UNAUTHORIZED" });
  });

  test("a source that fails is asked again, and the requests wait for it", async () => {
    const server = await startServer();
    let asked = 0;
    const token = async (): Promise<string> => {
      if (asked++ === 0) throw new Error("offline");
      return GOOD_TOKEN;
    };
    const client = createClient(server, { token });
    await client.connect();
    expect((await client.hold(PREMIERE, [1])).seats).toEqual([1]);
  });

  test("a source that does not answer is asked again on the same connection, and what it answers to the first asking is dropped", async () => {
    const server = await startServer();
    const clock = new ManualClock();
    const answers: ((token: string) => void)[] = [];
    const token = (): Promise<string> => new Promise((resolve) => answers.push(resolve));
    const client = createClient(server, { clock, token });
    await client.connect();
    const held = client.hold(PREMIERE, [1]);
    clock.advance(CLIENT_LIMITS.tokenTimeoutMs);
    expect(answers).toHaveLength(2);
    answers[0]?.("too late");
    answers[1]?.(GOOD_TOKEN);
    expect((await held).seats).toEqual([1]);
    expect(server.links.size).toBe(1);
    expect(server.received.flatMap(({ message }) => (message.op === "auth" ? [message.token] : []))).toEqual([
      GOOD_TOKEN,
    ]);
  });

  test("a plain token that ends is told", async () => {
    const server = await startServer();
    const client = createClient(server, { token: GOOD_TOKEN });
    await client.connect();
    const ending = eventOf(client, "tokenEnding");
    (await server.next("auth")).link.send({ op: "reauth", inMs: 60_000 });
    expect(await ending).toEqual({ inMs: 60_000 });
  });
});
