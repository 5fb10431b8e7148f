import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server, type Socket, connect } from "node:net";
import { PassThrough } from "node:stream";
import { Redis } from "ioredis";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type Clock, systemClock, VirtualClock } from "../clock/index.ts";
import { systemRandom } from "../random/index.ts";
import { portOf } from "../testing/port-of.ts";
import {
  connectRedis,
  RedisAway,
  RedisChangeMark,
  type RedisConnection,
  RedisUnusable,
  RedisUsageBoard,
  RedisWindowCounts,
} from "./index.ts";
import { REDIS_ANSWER_TIMEOUT_MS } from "./limits.ts";
import { type RedisServer, startRedisServer } from "./testing.ts";

const opened: { close(): unknown }[] = [];
let words = "";

/** @param clock stands still but where a test lets time go by: a machine that hesitates is no Redis that hangs */
async function open(url: string, clock: Clock = new VirtualClock()): Promise<RedisConnection> {
  const lines = new PassThrough().on("data", (line: Buffer) => (words += line.toString()));
  const log = pino({ level: "trace" }, lines);
  const connection = await connectRedis(url, { clock, random: () => 0, log, name: "usher-test" });
  opened.push(connection);
  return connection;
}

/** What the operator reads. */
const whyNot = (url: string): Promise<string> =>
  open(url).then(
    () => "it connected",
    (error: unknown) => (error instanceof RedisUnusable ? error.message : `not explained: ${String(error)}`),
  );

const soon = { timeout: 15_000, interval: 20 };
const answersAgain = (connection: RedisConnection) =>
  vi.waitFor(() => connection.ask((redis) => redis.ping()), soon).then((answer) => expect(answer).toBe("PONG"));

let server: RedisServer;
beforeAll(async () => {
  server = await startRedisServer();
});
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
  words = "";
});
afterAll(() => server.stop());

describe("at the start, one sentence says what is wrong", () => {
  it("where the password is missing or wrong, and never shows it", async () => {
    const locked = await startRedisServer({ args: ["--requirepass", "open sesame"] });
    opened.push({ close: () => locked.stop() });
    const { host } = new URL(locked.url);
    expect(await whyNot(locked.url)).toMatch(/wants a password; put it into REDIS_URL\.$/);
    expect(await whyNot(`redis://:close%20sesame@${host}`)).toMatch(/refuses the user or the password; correct them/);
    expect(await whyNot(`redis://:close%zz@${host}`)).toMatch(/^REDIS_URL: .*URI malformed/);
    expect(await whyNot(`redis://:open%20sesame@${host}`)).toBe("it connected");
    expect(words).not.toContain("sesame");
  });

  it.each([
    ["what is asked at the start", "-info"],
    ["scripts", "-eval"],
    ["what scripts do", "-incr"],
    ["what scripts do now and then", "-hdel"],
    ["the mark", "-get"],
    ["the keys", "resetkeys ~other:*"],
  ])("where the user may not use %s", async (_, rule) => {
    const redis = new Redis(server.url);
    opened.push({ close: () => redis.disconnect() });
    const { host } = new URL(server.url);
    const url = `redis://usher:sesame@${host}`;
    await redis.call("ACL", "SETUSER", "usher", "reset", "on", ">sesame", "~usher:*", "+@all");
    expect(await whyNot(url)).toBe("it connected");
    await redis.call("ACL", "SETUSER", "usher", ...rule.split(" "));
    expect(await whyNot(url)).toMatch(/does not permit the user what Usher needs \(.*\); grant it\.$/);
  });

  it("where the user lacks any one of the rights that the guide names, and no others are needed", async () => {
    const guide = readFileSync(new URL("../../docs/guides/operating.md", import.meta.url), "utf8");
    const [, named = ""] = /Redis [^|]* a user who may use (.*?) on the keys/.exec(guide) ?? [];
    const commands = [...named.matchAll(/`([A-Z]+)`/g)].map(([, command = ""]) => command);
    expect(commands.length).toBeGreaterThan(5);
    const redis = new Redis(server.url);
    opened.push({ close: () => redis.disconnect() });
    const url = `redis://usher:sesame@${new URL(server.url).host}`;
    const may = (granted: readonly string[]) =>
      redis.call("ACL", "SETUSER", "usher", "reset", "on", ">sesame", "~usher:*", ...granted.map((each) => `+${each}`));
    await may(commands);
    expect(await whyNot(url)).toBe("it connected");
    for (const lacking of commands) {
      await may(commands.filter((each) => each !== lacking));
      expect(await whyNot(url), lacking).toMatch(/does not permit the user what Usher needs/);
    }
  });

  it("where the database does not exist", async () => {
    expect(await whyNot(`${server.url}/99`)).toMatch(/DB index is out of range/);
  });

  it.each([
    ["is too old", "redis_version:6.0.16\r\n", /is version 6\.0\.16; Usher needs 6\.2 or newer\.$/],
    ["is no Redis", "hello\r\n", /does not speak as Redis does/],
  ])("where the server %s", async (_what, info, expected) => {
    const url = await listening(
      createServer((socket) => {
        socket
          .on("error", () => undefined)
          .on("data", (data) => {
            for (const command of data.toString().match(/\b(info|client)\b/gi) ?? [])
              socket.write(command.toLowerCase() === "info" ? `$${info.length}\r\n${info}\r\n` : "+OK\r\n");
          });
      }),
    );
    expect(await whyNot(url)).toMatch(expected);
  });

  it("where something else answers", async () => {
    const url = await listening(
      createServer((socket) => socket.on("error", () => undefined).end("HTTP/1.1 400 Bad\r\n\r\n")),
    );
    expect(await whyNot(url)).toMatch(/^REDIS_URL: no Redis answers at .*; start one, or correct REDIS_URL\.$/);
  });
});

describe("a connection", () => {
  it("refuses at once while Redis is gone, and works again when it is back", async () => {
    const mortal = await startRedisServer();
    opened.push({ close: () => mortal.stop() });
    const connection = await open(mortal.url);
    const counts = new RedisWindowCounts(connection, "things");
    expect(await counts.add("a", 60_000)).toMatchObject({ count: 1 });
    await mortal.kill();
    await vi.waitFor(() => expect(connection.isUsable).toBe(false), soon);
    await expect(counts.add("a", 60_000)).rejects.toThrow(RedisAway);
    await mortal.start();
    await answersAgain(connection);
    expect(await counts.add("a", 60_000)).toMatchObject({ count: 1 });
    const told = words.split("\n").filter((line) => /"level":(30|40|50)/.test(line));
    expect(told.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      "Redis is away: this process limits by itself",
      "Redis is back: limits are shared again",
    ]);
  });

  it("says that Redis is back also where nobody asks it anything", async () => {
    const mortal = await startRedisServer();
    opened.push({ close: () => mortal.stop() });
    const connection = await open(mortal.url);
    await mortal.kill();
    await vi.waitFor(() => expect(connection.isUsable).toBe(false), soon);
    await mortal.start();
    await vi.waitFor(() => expect(words).toContain("Redis is back: limits are shared again"), soon);
  });

  it("is begun where nobody is there, says so, and joins Redis when it comes", async () => {
    const late = await startRedisServer();
    opened.push({ close: () => late.stop() });
    await late.kill();
    const connection = await open(late.url);
    const { host } = new URL(late.url);
    expect(connection.isUsable).toBe(false);
    await expect(connection.ask((redis) => redis.ping())).rejects.toThrow(RedisAway);
    const [warning] = words.split("\n").filter((line) => line.includes('"level":40'));
    expect(JSON.parse(warning ?? "{}")).toMatchObject({
      msg: "Redis is away: this process limits by itself",
      reason: `REDIS_URL: no Redis answers at ${host} (connect ECONNREFUSED ${host}); start one, or correct REDIS_URL.`,
    });
    await late.start();
    await answersAgain(connection);
    expect(words).toContain("Redis is back: limits are shared again");
  });

  it("is begun where a server takes connections and answers nothing, and joins it when it goes on", async () => {
    const hanging = await startRedisServer();
    opened.push({ close: () => hanging.stop() });
    hanging.pause();
    const connection = await open(hanging.url);
    expect(connection.isUsable).toBe(false);
    expect(words).toMatch(/"reason":"REDIS_URL: no Redis answers at [^"]* \(Command timed out\)/);
    hanging.goOn();
    await answersAgain(connection);
  });

  it("is begun where a server falls silent in the middle of its trial, and joins it when it speaks again", async () => {
    const tap = await tapOf(server.url);
    let answered = 0;
    tap.answers = (data) => (data.includes("redis_version") && answered++ > 0 ? undefined : data); // It is ready, and says no more.
    const connection = await open(tap.url);
    expect(connection.isUsable).toBe(false);
    tap.answers = (data) => data;
    await answersAgain(connection);
  });

  it("does not use what came late and may not be used, until it may", async () => {
    const late = await startRedisServer({ args: "--user default on nopass ~* &* +@all -eval".split(" ") });
    opened.push({ close: () => late.stop() });
    await late.kill();
    const connection = await open(late.url);
    await late.start();
    const redis = new Redis(late.url);
    opened.push({ close: () => redis.disconnect() });
    await vi.waitFor(() => expect(words).toContain("NOPERM"), soon);
    expect(connection.isUsable).toBe(false);
    await redis.call("ACL", "SETUSER", "default", "+eval");
    await answersAgain(connection);
  });

  it("does not use another database of what came late than the one it was given", async () => {
    const late = await startRedisServer();
    opened.push({ close: () => late.stop() });
    await late.kill();
    const connection = await open(`${late.url}/99`);
    await late.start();
    const refusals = () => words.split("\n").filter((line) => line.includes("DB index is out of range"));
    await vi.waitFor(() => expect(refusals().length).toBeGreaterThan(1), soon); // It has tried one connection, then another.
    expect(connection.isUsable).toBe(false);
  });

  it("lets nobody wait for a server that hangs, but for those who found out", async () => {
    const slow = await startRedisServer();
    opened.push({ close: () => slow.stop() });
    const clock = new VirtualClock();
    const connection = await open(slow.url, clock);
    const counts = new RedisWindowCounts(connection, "things");
    await counts.add("a", 60_000);
    slow.pause();
    const asked = Promise.allSettled([counts.add("a", 60_000), counts.add("a", 60_000)]);
    await clock.advance(REDIS_ANSWER_TIMEOUT_MS);
    expect(connection.isUsable).toBe(false);
    expect((await asked).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    let isAsked = false;
    await expect(connection.ask(async () => (isAsked = true))).rejects.toThrow(RedisAway);
    expect(isAsked).toBe(false);
    slow.goOn();
    await answersAgain(connection);
    // Both were counted once by the server, whose answer nobody waited for, or by the connection's end not at all.
    const { count } = await counts.add("a", 60_000);
    expect(count).toBeGreaterThanOrEqual(2);
    expect(count).toBeLessThanOrEqual(4);
  });

  it("does not take its own business for Redis being away", async () => {
    const counts = new RedisWindowCounts(await open(server.url, systemClock), "busy");
    const asked = counts.add("a", 60_000);
    // Nothing of this process goes on, for so long that also a Redis that hesitates has answered.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15 * REDIS_ANSWER_TIMEOUT_MS);
    expect(await asked).toMatchObject({ count: 1 });
  });

  it("never sends a command again whose answer was lost", async () => {
    const tap = await tapOf(server.url);
    const clock = new VirtualClock();
    const connection = await open(tap.url, clock);
    const counts = new RedisWindowCounts(connection, "once");
    await counts.add("a", 60_000);
    let isAnswered = false;
    tap.answers = () => void (isAnswered = true); // The server hears, we do not.
    const lost = expect(counts.add("a", 60_000)).rejects.toThrow(RedisAway);
    await vi.waitFor(() => expect(isAnswered).toBe(true), soon);
    await clock.advance(REDIS_ANSWER_TIMEOUT_MS);
    await lost;
    tap.answers = (data) => data;
    await answersAgain(connection);
    expect(await counts.add("a", 60_000)).toMatchObject({ count: 3 });
  });

  it("takes garbage for Redis being away, whatever it is", async () => {
    const tap = await tapOf(server.url);
    const connection = await open(tap.url);
    const counts = new RedisWindowCounts(connection, "garbage");
    const board = new RedisUsageBoard(connection, "me");
    for (const garbage of [
      "HTTP/1.1 500 Oops\r\n\r\n",
      "+PONG\r\n",
      "*2\r\n:-1\r\n$1\r\nx\r\n",
      "*1\r\n:1\r\n",
      "-ERR no\r\n",
      "\0\0",
    ]) {
      await answersAgain(connection);
      tap.answers = () => Buffer.from(garbage);
      await expect(counts.add("a", 60_000), garbage).rejects.toThrow(RedisAway);
      tap.answers = (data) => data;
      await answersAgain(connection);
      tap.answers = () => Buffer.from(garbage);
      await expect(board.exchange([{ name: "a", amount: 1 }], 1_000), garbage).rejects.toThrow(RedisAway);
      tap.answers = (data) => data;
    }
  }, 60_000);
});

describe("counts in a window", () => {
  it("are those of all processes, and begin again when it is over", async () => {
    const [one, two] = [
      new RedisWindowCounts(await open(server.url), "x"),
      new RedisWindowCounts(await open(server.url), "x"),
    ];
    expect(await one.add("a", 60_000)).toMatchObject({ count: 1, leftMs: 60_000 });
    expect(await two.add("a", 60_000)).toMatchObject({ count: 2 });
    expect(await two.add("b", 50)).toMatchObject({ count: 1 });
    await vi.waitFor(async () => expect(await one.add("b", 50)).toMatchObject({ count: 1 }), {
      interval: 60,
      timeout: 5_000,
    });
  });

  it("come to an end even where a stranger's key had none", async () => {
    const connection = await open(server.url);
    await connection.ask((redis) => redis.set("usher:x:stranger", "41"));
    expect(await new RedisWindowCounts(connection, "x").add("stranger", 60_000)).toEqual({ count: 42, leftMs: 60_000 });
  });
});

describe("a usage board", () => {
  const said = (amount: number) => [{ name: "address 10.0.0.1", amount }];

  it("tells each process what the others use, until it is too old", async () => {
    const [a, b, c] = await Promise.all(
      ["a", "b", "c"].map(async (id) => new RedisUsageBoard(await open(server.url), id)),
    );
    expect(await a!.exchange(said(10), 60_000)).toEqual([{ amount: 0, processes: 0 }]);
    expect(await b!.exchange([{ name: "other", amount: 7 }, ...said(20)], 60_000)).toEqual([
      { amount: 0, processes: 0 },
      { amount: 10, processes: 1 },
    ]);
    expect(await c!.exchange(said(5), 60_000)).toEqual([{ amount: 30, processes: 2 }]);
    expect(await a!.exchange(said(11), 60_000)).toEqual([{ amount: 25, processes: 2 }]);
    await c!.exchange(said(5), 100);
    await vi.waitFor(
      async () => expect(await a!.exchange(said(11), 60_000)).toEqual([{ amount: 20, processes: 1 }]),
      soon,
    );
    expect(await b!.exchange(said(20), 60_000)).toEqual([{ amount: 11, processes: 1 }]);
  });

  it("throws out what no process can have said", async () => {
    const redis = new Redis(server.url);
    opened.push({ close: () => redis.disconnect() });
    const ends = Date.now() + 10_000;
    const nonsense = [
      "",
      "x",
      "1",
      "1e300 2",
      `-5 ${ends}`,
      `${"9".repeat(40)} ${ends}`,
      "5 99999999999999",
      `5 1`,
      `7 ${ends}`,
    ];
    await redis.hset("usher:usage:poisoned", Object.fromEntries(nonsense.map((text, at) => [`p${at}`, text])));
    const board = new RedisUsageBoard(await open(server.url), "me");
    expect(await board.exchange([{ name: "poisoned", amount: 1 }], 1_000)).toEqual([{ amount: 7, processes: 1 }]);
    expect(await redis.hlen("usher:usage:poisoned")).toBe(2);
  });
});

describe("a mark of changes", () => {
  it("is another after each change, for all processes", async () => {
    const [one, two] = await Promise.all(
      [1, 2].map(async () => new RedisChangeMark({ redis: await open(server.url), random: systemRandom, name: "m" })),
    );
    const seen = [await two!.read()];
    for (let change = 0; change < 3; change++) {
      await one!.renew();
      seen.push(await two!.read());
    }
    expect(seen[0]).toBeNull();
    expect(new Set(seen).size).toBe(4);
    expect(await one!.read()).toBe(seen.at(-1));
  });
});

async function listening(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  opened.push({
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  });
  return `redis://127.0.0.1:${portOf(server)}`;
}

/** A way to the server on which a test may change the answers. */
async function tapOf(url: string): Promise<{ url: string; answers(data: Buffer): Buffer | undefined }> {
  const tap = { url: "", answers: (data: Buffer): Buffer | undefined => data };
  const { hostname, port } = new URL(url);
  tap.url = await listening(
    createServer((socket) => {
      const behind = connect(Number(port), hostname);
      socket.on("error", () => undefined).on("close", () => behind.destroy());
      behind.on("error", () => undefined).on("close", () => socket.destroy());
      socket.on("data", (data) => behind.write(data));
      behind.on("data", (data) => {
        const answer = tap.answers(data);
        if (answer !== undefined) socket.write(answer);
      });
    }),
  );
  return tap;
}
