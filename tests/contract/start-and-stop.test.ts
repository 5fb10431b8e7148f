/** How the program starts, refuses to start, and stops. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Client } from "../../edge/testing/client.ts";
import { testDatabase, type TestDatabase } from "../../platform/postgres/testing.ts";
import { portOf } from "../../platform/testing/port-of.ts";
import { prepared } from "../../platform/testing/prepared.ts";
import { Rest } from "../support/rest.ts";
import {
  freePort,
  Launch,
  removeDirectory,
  temporaryDirectory,
  type Settings,
  usher,
  UsherProcess,
} from "../support/usher-process.ts";

let dataDir: string;
let database: TestDatabase;
beforeAll(async () => {
  dataDir = await temporaryDirectory();
  database = await testDatabase();
  await prepared();
});
afterAll(async () => {
  await database.drop();
  await removeDirectory(dataDir);
});

describe("a start that cannot be", () => {
  const refused = async (settings: Settings): Promise<string> => {
    const { code, stdout, stderr } = await usher(["all"], {
      DATA_DIR: `${dataDir}/refused`,
      HTTP_PORT: "0",
      WS_PORT: "0",
      DATABASE_URL: database.url,
      LOG_LEVEL: "fatal",
      ...settings,
    });
    expect(code).toBe(1);
    expect(stdout).not.toContain("ready");
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(/^[A-Z].*[.?]$/m);
    expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
    return stderr;
  };

  it.each(["HTTP_PORT", "WS_PORT", "MOCK_GATEWAY_PORT"])("says that the port of %s is taken", async (name) => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const port = portOf(taken);
    const sentence = await refused({ [name]: String(port) });
    expect(sentence).toContain(String(port));
    expect(sentence).toContain(name);
    taken.close();
  });

  it.each([
    ["HTTP_PORT", "eighty"],
    ["HOLD_TTL_SECONDS", "5m"],
    ["MOCK_GATEWAY_SECRET", "whsec_test_secret_0123456789"],
  ])("names %s when it is %s", async (name, value) => {
    expect(await refused({ [name]: value })).toContain(name);
  });

  it("names a setting that does not exist, and the one that was meant", async () => {
    const sentence = await refused({ USHER_ADMIN_EMIAL: "a@example.com" });
    expect(sentence).toContain("USHER_ADMIN_EMIAL");
    expect(sentence).toContain("USHER_ADMIN_EMAIL");
  });

  it("shows no secret", async () => {
    const stderr = await refused({ USHER_ADMIN_PASSWORD: "hunter2" });
    expect(stderr).toContain("USHER_ADMIN_PASSWORD");
    expect(stderr).not.toContain("hunter2");
  });

  it("says that the database is not reachable, without its password", async () => {
    const nobody = await freePort();
    const sentence = await refused({ DATABASE_URL: `postgres://usher:s3cretive@127.0.0.1:${nobody}/usher` });
    expect(sentence).toMatch(/DATABASE_URL|PostgreSQL|database/i);
    expect(sentence).not.toContain("s3cretive");
  });

  it("says that the database does not exist, or the password is wrong", async () => {
    const nowhere = new URL(database.url);
    nowhere.pathname = "/nowhere";
    expect(await refused({ DATABASE_URL: nowhere.href })).toContain("nowhere");
  });

  it("says that the database takes no writes, whether it is new or was used before", async () => {
    const own = await testDatabase();
    const nextWrites = async (way: "off" | "on"): Promise<void> => {
      const client = new pg.Client(own.url);
      await client.connect();
      await client.query("SET default_transaction_read_only = off");
      await client.query(
        `ALTER DATABASE "${new URL(own.url).pathname.slice(1)}" SET default_transaction_read_only = ${way}`,
      );
      await client.end();
    };
    await nextWrites("on");
    expect(await refused({ DATABASE_URL: own.url })).toContain("takes no writes");
    await nextWrites("off");
    expect(await usher(["migrate"], { DATABASE_URL: own.url })).toMatchObject({ code: 0 });
    await nextWrites("on");
    expect(await refused({ DATABASE_URL: own.url })).toContain("takes no writes");
    await own.drop();
  });

  it("says that no WebSocket library loads here, before it makes anything", async () => {
    const patch = `const load = process.dlopen; process.dlopen = (module, file, ...rest) => {
      if (file.includes("uws_")) throw new Error("on purpose");
      return load(module, file, ...rest);
    };`;
    const directory = `${dataDir}/no-library`;
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(patch)}`;
    expect(await refused({ NODE_OPTIONS, DATA_DIR: directory, DATABASE_URL: "" })).toContain("uWebSockets.js");
    expect(existsSync(directory)).toBe(false);
  });

  it("leaves nothing behind: no server of its own, no lock that hinders the next", async () => {
    const directory = `${dataDir}/half-started`;
    const nobody = await freePort();
    const settings = { DATA_DIR: directory, DATABASE_URL: "", NATS_URL: `nats://127.0.0.1:${nobody}` };
    expect(await refused(settings)).toContain("NATS");
    // It had got as far as a server of its own.
    expect(existsSync(`${directory}/postgres`)).toBe(true);
    expect(await commandLinesWith(directory)).toEqual([]);
    const next = await UsherProcess.start({ DATA_DIR: directory });
    expect((await new Rest(next.httpPort).get("/health/ready")).status).toBe(200);
    await next.end("SIGTERM");
  });
});

describe("a process", () => {
  /** As an operator sets them: the same ports every time. */
  const settingsOf = async (name: string): Promise<{ DATA_DIR: string; HTTP_PORT: string; WS_PORT: string }> => ({
    DATA_DIR: `${dataDir}/${name}`,
    HTTP_PORT: String(await freePort()),
    WS_PORT: String(await freePort()),
  });

  it("says goaway on SIGTERM, closes with a code that means reconnect, ends with 0, and finds everything again", async () => {
    const settings = await settingsOf("whole");
    const first = await UsherProcess.start(settings);
    const [, email, password] = /admin +(\S+) +password (\S+)/.exec(first.stdout) ?? [];
    const rest = new Rest(first.httpPort);
    const guest = await rest.guest();
    const [showtime] = await rest.showtimeIds();
    const clients = await Promise.all(
      (["json", "msgpack"] as const).map((encoding) => Client.connect(first.wsPort, encoding)),
    );
    const [client] = clients;
    if (client === undefined) throw new Error("nobody is connected");
    await client.signIn(guest.token);
    client.say({ op: "hold", rid: "r1", showtime, seats: [1, 2] });
    const held = await client.next("held");
    client.say({ op: "hold", rid: "r2", showtime, seats: [9] });
    const ended = first.end("SIGTERM");
    for (const each of clients) {
      expect((await each.next("goaway")).reconnectInMs).toBeGreaterThanOrEqual(0);
      const { code } = await each.closed;
      expect(code).toBeGreaterThanOrEqual(4_000);
      expect(code).toBeLessThan(4_500);
    }
    // What was under way has been answered, one way or the other.
    expect(client.inbox.some((message) => "rid" in message && message.rid === "r2")).toBe(true);
    expect((await ended).code).toBe(0);
    expect(await commandLinesWith(settings.DATA_DIR)).toEqual([]);

    const second = await UsherProcess.start(settings);
    expect(second.stdout).not.toContain("password");
    const found = await rest.get(`holds/${held.holdId}`, { token: guest.token });
    expect(found).toMatchObject({ status: 200, body: { seats: [1, 2] } });
    const back = await Client.connect(second.wsPort);
    await back.signIn(guest.token);
    back.say({ op: "hold", rid: "r1", showtime, seats: [1, 2] });
    expect(await back.next("held")).toEqual(held);
    const login = await rest.post("auth/login", { body: { email, password } });
    expect(login).toMatchObject({ status: 200, body: { user: { role: "admin" } } });
    back.ws.terminate();
    await second.end("SIGINT");
  });
});

describe("a process that runs", () => {
  const PUBLIC_WS_URL = "wss://tickets.example.com/v1";
  let running: UsherProcess;
  beforeAll(async () => {
    running = await UsherProcess.start({ DATA_DIR: `${dataDir}/running`, PUBLIC_WS_URL });
  });
  afterAll(() => running.end("SIGTERM"));

  it("tells its page the address that browsers reach its WebSocket by", async () => {
    const { body } = await new Rest(running.httpPort).get("/config.json");
    expect(body).toMatchObject({ webSocketUrl: PUBLIC_WS_URL });
  });

  it("has its data directory to itself: no other starts in it", async () => {
    const { code, stderr } = await usher(["all"], {
      DATA_DIR: `${dataDir}/running`,
      HTTP_PORT: "0",
      WS_PORT: "0",
      LOG_LEVEL: "fatal",
    });
    expect(code).toBe(1);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    const { status } = await new Rest(running.httpPort).get("/health/ready");
    expect(status).toBe(200);
  });
});

describe("a look that is ended", () => {
  const directory = (): string => `${dataDir}/looked-at`;
  beforeAll(async () => {
    const migrated = await usher(["migrate"], { DATA_DIR: directory(), LOG_LEVEL: "warn" });
    expect(migrated).toMatchObject({ code: 0, stderr: "" });
  });

  it.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const)("by %s takes the server with it that was started for it", async (signal, code) => {
    const look = new Launch(["events", "--follow"], { DATA_DIR: directory() });
    await look.said(/^No events\.$/m);
    expect(await commandLinesWith(directory())).not.toEqual([]);
    look.child.kill(signal);
    expect((await look.ended).code).toBe(code);
    await expect.poll(() => commandLinesWith(directory())).toEqual([]);
  });
});

describe("every role", () => {
  it.each(["all", "engine", "edge", "services", "migrate", "demo"])("explains itself: %s", async (role) => {
    const { code, stdout } = await usher([role, "--help"], {});
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: usher ${role}`);
  });

  it("that does not exist is refused", async () => {
    const { code, stderr } = await usher(["nobody"], {});
    expect(code).toBe(1);
    expect(stderr).toContain("nobody");
  });
});

/** Command lines of every process that names the directory: an embedded server does. */
async function commandLinesWith(directory: string): Promise<string[]> {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(processes.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.includes(directory));
}
