import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Endpoint, plainCodec, type Topic } from "../../proto/index.ts";
import { systemClock } from "../clock/index.ts";
import { createLogger, type Logger } from "../log/index.ts";
import { ConnectionLost, NoResponders, RequestTimeout } from "./bus.ts";
import { busContract } from "./testing-contract.ts";
import { NatsBus } from "./nats-bus.ts";
import { connectNats, NatsUnusable } from "./nats-connection.ts";
import { serving } from "./serving.ts";
import { type NatsServer, startNatsServer } from "./testing.ts";

const log = createLogger({ name: "test", level: "silent" });
const inboxPrefix = "_INBOX.test";
const ECHO: Endpoint<number, number> = { name: "echo", question: plainCodec(), answer: plainCodec() };
const NUMBERS: Topic<number> = { name: "numbers", codec: plainCodec() };

let server: NatsServer;
beforeAll(async () => {
  server = await startNatsServer();
});
afterAll(() => server.stop());

const connected = async (url = server.url, to: Logger = log): Promise<NatsBus> =>
  new NatsBus({
    connection: await connectNats(url, { name: "test", inboxPrefix }),
    inboxPrefix,
    clock: systemClock,
    log: to,
  });

busContract("NATS bus", () => connected(), { encodes: true });

describe("NATS bus", () => {
  it("speaks between connections", async () => {
    const [one, other] = [await connected(), await connected()];
    one.serve(ECHO, (number, answer) => answer(number + 1));
    await expect.poll(() => other.request(ECHO, 1, { timeoutMs: 5_000 }).catch(() => 0)).toBe(2);
    await Promise.all([one.close(), other.close()]);
  });

  it("says of what was open when the connection broke that nobody knows, fails at once while it is away, and comes back", async () => {
    const own = await startNatsServer();
    onTestFinished(() => own.stop());
    const [bus, other] = [await connected(own.url), await connected(own.url)];
    const asked = new Promise<void>((resolve) =>
      other.serve(ECHO, (number, answer) => (number < 0 ? resolve() : answer(number))),
    );
    await expect.poll(() => bus.request(ECHO, 1, { timeoutMs: 1_000 }).catch(() => 0)).toBe(1);
    const received: number[] = [];
    other.subscribe(NUMBERS, (number) => received.push(number));
    let gaps = 0;
    bus.onGap(() => gaps++);
    const open = bus.request(ECHO, -1, { timeoutMs: 60_000 });
    const failed = expect(open).rejects.toThrow(ConnectionLost);
    await asked;
    expect(bus.isConnected).toBe(true);
    await own.kill();
    await failed;
    expect(bus.isConnected).toBe(false);
    await expect(bus.request(ECHO, 2, { timeoutMs: 60_000 })).rejects.toThrow(NoResponders);
    bus.publish(NUMBERS, 1); // Dropped: whoever reads a numbered stream sees the gap.
    await own.start();
    await expect.poll(() => bus.request(ECHO, 3, { timeoutMs: 1_000 }).catch(() => 0), { timeout: 20_000 }).toBe(3);
    expect([gaps, bus.isConnected]).toEqual([1, true]);
    bus.publish(NUMBERS, 2);
    await expect.poll(() => received, { timeout: 20_000 }).toEqual([2]);
    await Promise.all([bus.close(), other.close()]);
  });

  it("takes no answer from who reads its inbox, but was not asked", async () => {
    const bus = await connected();
    const spy = await connectNats(server.url, { name: "spy", inboxPrefix });
    const seen: string[] = [];
    spy.subscribe(`${inboxPrefix}.>`, { callback: (_error, { subject }) => void seen.push(subject) });
    await spy.flush();
    bus.serve(ECHO, (number, answer) => answer(number));
    for (let asked = 0; asked < 3; asked++) await bus.request(ECHO, asked, { timeoutMs: 5_000 });
    await expect.poll(() => seen.length).toBe(3);
    const [inbox = "", number = ""] = seen.at(-1)?.split(/\.(?=\d+-\d+$)/) ?? [];
    const last = Number(number.split("-")[1]);
    const silent: Endpoint<number, number> = { ...ECHO, name: "silent" };
    const asked = new Promise<void>((resolve) => bus.serve(silent, () => resolve()));
    const open = expect(bus.request(silent, 1, { timeoutMs: 500 })).rejects.toThrow(RequestTimeout);
    await asked;
    for (let key = 0; key < 10; key++) {
      for (let ahead = -10; ahead <= 10; ahead++)
        spy.publish(`${inbox}.${key}-${last + ahead}`, plainCodec<number>().encode(7));
    }
    await open;
    await Promise.all([bus.close(), spy.close()]);
  });

  it("fails a request that is larger than the server takes, and goes on", async () => {
    const bus = await connected();
    const endpoint: Endpoint<Uint8Array, number> = { name: "large", question: plainCodec(), answer: plainCodec() };
    bus.serve(endpoint, (bytes, answer) => answer(bytes.length));
    await expect(bus.request(endpoint, new Uint8Array(2 ** 21), { timeoutMs: 5_000 })).rejects.toThrow(/payload/i);
    await expect(bus.request(endpoint, new Uint8Array(10), { timeoutMs: 5_000 })).resolves.toBe(10);
    await bus.close();
  });

  it("leaves whoever asks for more than the server takes to its time-out, and goes on", async () => {
    const bus = await connected();
    const endpoint: Endpoint<number, Uint8Array> = { name: "largest", question: plainCodec(), answer: plainCodec() };
    serving(bus, log, "answerers")(endpoint, async (length) => new Uint8Array(length));
    await expect(bus.request(endpoint, 2 ** 21, { timeoutMs: 20 })).rejects.toThrow(RequestTimeout);
    await expect(bus.request(endpoint, 10, { timeoutMs: 5_000 })).resolves.toHaveLength(10);
    await bus.close();
  });

  it.each([
    [1, true],
    [8, false],
  ])("of a server that takes messages of %i MB the log says that they are too small: %s", async (megabytes, isSaid) => {
    const directory = await mkdtemp(join(tmpdir(), "usher-nats-payload-"));
    const config = join(directory, "nats.conf");
    await writeFile(config, `max_payload: ${megabytes}MB`);
    const own = await startNatsServer({ config });
    onTestFinished(() => own.stop());
    const lines: string[] = [];
    const listening = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    const bus = await connected(own.url, listening);
    expect(lines.some((line) => line.includes("max_payload"))).toBe(isSaid);
    await bus.close();
    await rm(directory, { recursive: true });
  });

  describe("a user who may not do all", () => {
    let limited: NatsServer;
    let directory: string;
    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), "usher-nats-rights-"));
      const config = join(directory, "nats.conf");
      const permissions = '{ publish: ["echo"], subscribe: ["numbers", "_INBOX.test.>"] }';
      const users = `{ user: few, password: few, permissions: ${permissions} }, { user: all, password: all }`;
      await writeFile(config, `authorization { users: [${users}] }`);
      limited = await startNatsServer({ config });
    });
    afterAll(async () => {
      await limited.stop();
      await rm(directory, { recursive: true });
    });
    const asFew = (): Promise<NatsBus> => connected(limited.url.replace("//", "//few:few@"));

    it("is told at the start which subject it may not hear, and what to do, and is not well until that is closed", async () => {
      const bus = await asFew();
      bus.subscribe(NUMBERS, () => undefined);
      await bus.requirePermitted();
      const refused = bus.serve(ECHO, () => undefined, { queue: "echoes" });
      const sentence = /^NATS_URL: the server does not let this user subscribe to echo; allow it .*\.$/;
      await expect(bus.requirePermitted()).rejects.toThrow(NatsUnusable);
      expect(() => bus.requireConnected()).toThrow(sentence);
      refused.close();
      await bus.requirePermitted();
      await bus.close();
    });

    it("fails at once what it may not ask, as one that was never sent", async () => {
      const bus = await asFew();
      const asked = bus.request({ ...ECHO, name: "secrets" }, 1, { timeoutMs: 60_000 });
      await expect(asked).rejects.toThrow(NoResponders);
      await expect(asked).rejects.toThrow(/does not let this user publish to secrets; /);
      await bus.close();
    });

    it("is told once of answers that it may not give, though each is on a subject of its own", async () => {
      const lines: string[] = [];
      const listening = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
      const bus = await connected(limited.url.replace("//", "//few:few@"), listening);
      const asker = await connected(limited.url.replace("//", "//all:all@"));
      const endpoint = { ...ECHO, name: NUMBERS.name };
      let served = 0;
      bus.serve(endpoint, (number, answer) => {
        answer(number);
        served++;
      });
      await bus.requirePermitted();
      const asked = [1, 2, 3].map((number) => asker.request(endpoint, number, { timeoutMs: 200 }));
      for (const { reason } of (await Promise.allSettled(asked)) as PromiseRejectedResult[])
        expect(reason).toBeInstanceOf(RequestTimeout);
      await expect.poll(() => served).toBe(3);
      await bus.requirePermitted(); // By then the server has judged the answers, too.
      await expect.poll(() => lines.length).toBeGreaterThan(0);
      await Promise.all([bus.close(), asker.close()]);
      expect(lines).toEqual([expect.stringMatching(/an answer .*_INBOX.* publish to/)]);
    });

    it("may not even start without its inbox", async () => {
      const other = "_INBOX.other";
      const connection = await connectNats(limited.url.replace("//", "//few:few@"), {
        name: "test",
        inboxPrefix: other,
      });
      const bus = new NatsBus({ connection, inboxPrefix: other, clock: systemClock, log });
      await expect(bus.requirePermitted()).rejects.toThrow(/subscribe to _INBOX\.other\./);
      await bus.close();
    });
  });

  it("says in one sentence how a % in the password is written", async () => {
    const refused = connected("nats://user:100%secret@127.0.0.1:1");
    await expect(refused).rejects.toThrow(NatsUnusable);
    await expect(refused).rejects.toThrow(/^NATS_URL: a % in the user or the password has to be written as %25\.$/);
    await expect(connected("nats://user:100%25secret@127.0.0.1:1")).rejects.toThrow(/no NATS server answers/);
  });

  it("says in one sentence that no server is there", async () => {
    const refused = connected("nats://user:secret@127.0.0.1:1");
    await expect(refused).rejects.toThrow(NatsUnusable);
    await expect(refused).rejects.toThrow(/no NATS server answers at 127\.0\.0\.1:1 /);
    await expect(refused).rejects.not.toThrow(/secret/);
  });
});
