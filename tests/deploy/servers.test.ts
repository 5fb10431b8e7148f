/** The configurations of the servers that both forms share: `usher cluster` and the containers. */
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type RequestOptions } from "node:http";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { generate } from "selfsigned";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { NatsBus } from "../../platform/bus/index.ts";
import { type NatsServer, startNatsServer } from "../../platform/bus/testing.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { Problem } from "../../platform/http/index.ts";
import { testServer } from "../../platform/http/testing.ts";
import { createLogger } from "../../platform/log/index.ts";
import { portOf } from "../../platform/testing/port-of.ts";
import { commandsTo } from "../../proto/index.ts";
import { freePort } from "../support/usher-process.ts";
import { ROOT } from "./compose-file.ts";
import { Program } from "./programs.ts";

const directory = mkdtempSync(join(tmpdir(), "usher-servers-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("HAProxy", () => {
  const certificate = join(directory, "certificate.pem");
  const env = {
    USHER_HTTP_BIND: "127.0.0.1:1",
    USHER_WS_BIND: "127.0.0.1:2",
    USHER_TLS_BIND: "127.0.0.1:3",
    USHER_TLS_CERT: certificate,
    USHER_STATS_SOCKET: join(directory, "haproxy.sock"),
  };
  const check = (backends: string) =>
    Program.run({
      name: "haproxy",
      env,
      command: ["haproxy", "-c", "-f", join(ROOT, "deploy/haproxy/haproxy.cfg"), "-f", backends],
    });

  beforeAll(async () => {
    const script = join(ROOT, "deploy/haproxy/certificate.mjs");
    for (let time = 0; time < 2; time++) {
      const command = [process.execPath, script, certificate, "localhost", "127.0.0.1"];
      expect(await Program.run({ name: "certificate", command, env: {} })).toEqual({ code: 0, output: "" });
    }
  });

  it("takes its configuration with the servers of the containers, without a warning", async () => {
    const { code, output } = await check(join(ROOT, "deploy/haproxy/backends.cfg"));
    expect([code, output]).toEqual([0, expect.not.stringMatching(/warning|alert/i)]);
  });

  it("takes it with servers of one machine, as `usher cluster` writes them", async () => {
    const backends = join(directory, "backends.cfg");
    const server = "127.0.0.1:8080 check inter 500ms fall 2 rise 1";
    writeFileSync(
      backends,
      `backend services from to-services\n  server services-1 ${server} on-marked-down shutdown-sessions\n` +
        `backend unready from to-unready\n  server services-1 ${server}\n` +
        `backend edges from to-edges\n  server edge-1 ${server}\n`,
    );
    const { code, output } = await check(backends);
    expect([code, output]).toEqual([0, expect.not.stringMatching(/warning|alert/i)]);
  });

  it("has no name twice, which HAProxy warns of since 3.2 and refuses from 3.3 on", () => {
    const files = ["haproxy.cfg", "backends.cfg"].map((file) =>
      readFileSync(join(ROOT, "deploy/haproxy", file), "utf8"),
    );
    const names = [...files.join("\n").matchAll(/^(?:defaults|frontend|backend) (\S+)/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(8);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  /** HAProxy with these servers, until the test ends. @returns what asks it, and what it has said */
  async function begin(backends: string, ready: RegExp) {
    const at = (name: string): string => join(directory, `${name}.sock`);
    const binds = { USHER_HTTP_BIND: at("http"), USHER_WS_BIND: at("ws"), USHER_TLS_BIND: at("tls") };
    const haproxy = await Program.start({
      name: "haproxy",
      env: { ...env, ...binds },
      ready,
      command: ["haproxy", "-db", "-f", join(ROOT, "deploy/haproxy/haproxy.cfg"), "-f", backends],
    });
    onTestFinished(async () => void (await haproxy.stop()));
    const ask = async (options: RequestOptions): Promise<IncomingMessage> => {
      const asked = request({ socketPath: at("http"), path: "/", agent: false, ...options });
      const [response] = (await once(asked.end(), "response")) as [IncomingMessage];
      return response;
    };
    return { ask, said: () => haproxy.output };
  }

  it("keeps metrics, and what a balancer asks, to this machine, however they are spelled", async () => {
    const served: (string | undefined)[] = [];
    const server = createServer(({ url }, response) => {
      if (!url?.startsWith("/health/")) served.push(url); // Which HAProxy asks by itself.
      response.end();
    });
    onTestFinished(() => server.close().closeAllConnections());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const line = `  server services-1 127.0.0.1:${portOf(server)} check inter 50ms fall 999 rise 1\n`;
    const backends = join(directory, "metrics.cfg");
    writeFileSync(
      backends,
      `backend services from to-services\n${line}backend unready from to-unready\n${line}backend edges from to-edges\n  server none 127.0.0.1:1 check\n`,
    );
    // A socket in the file system has no address, so who comes over it is not taken for this machine.
    const { ask } = await begin(backends, /Server edges\/none is DOWN/);
    const others = ["/", "/api/v1/metrics"];
    for (const path of ["/metrics", "/metrics?a=b", "/%6Detrics", "/metrics/", "/health/serving", ...others]) {
      const response = await ask({ path });
      response.resume();
      expect([path, response.statusCode]).toEqual([path, others.includes(path) ? 200 : 404]);
    }
    expect(served).toEqual(others);
  });

  it("asks nobody again for what may have been done, but where that does no harm", async () => {
    let taken = 0;
    const server = createServer(({ url }, response) => {
      if (url?.startsWith("/health/")) return response.end();
      taken++; // And dies before it answers.
      return response.destroy();
    });
    onTestFinished(() => server.close().closeAllConnections());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const line = `  server services-1 127.0.0.1:${portOf(server)} check inter 50ms fall 999 rise 1\n`;
    const backends = join(directory, "dying.cfg");
    writeFileSync(
      backends,
      `backend services from to-services\n${line}backend unready from to-unready\n${line}backend edges from to-edges\n  server none 127.0.0.1:1 check\n`,
    );
    const { ask } = await begin(backends, /Server edges\/none is DOWN/);
    const takenBy = async (options: RequestOptions): Promise<number> => {
      taken = 0;
      const response = await ask(options);
      response.resume();
      expect(response.statusCode).toBe(502);
      return taken;
    };
    expect(await takenBy({ method: "POST" })).toBe(1);
    expect(await takenBy({ method: "DELETE" })).toBe(1);
    expect(await takenBy({ method: "GET" })).toBe(3);
    expect(await takenBy({ method: "POST", headers: { "idempotency-key": "k" } })).toBe(3);
  });

  it("says in problem+json that nobody answers, as Usher itself does", async () => {
    const gone = createServer((_, response) => response.destroy());
    onTestFinished(() => gone.close().closeAllConnections());
    await once(gone.listen(0, "127.0.0.1"), "listening");
    const line = (port: number): string => `  server services-1 127.0.0.1:${port} check inter 50ms fall 1 rise 1\n`;
    const backends = join(directory, "gone.cfg");
    writeFileSync(
      backends,
      `backend services from to-services\n${line(portOf(gone))}backend unready from to-unready\n${line(1)}backend edges from to-edges\n`,
    );
    const { ask } = await begin(backends, /backend 'unready' has no server available/);
    const response = await ask({ path: "/api/v1/movies" });
    const requestId = response.headers["x-request-id"];
    expect(response).toMatchObject({
      statusCode: 503,
      headers: { "content-type": "application/problem+json", "retry-after": "1", "cache-control": "no-store" },
    });
    expect(requestId).toMatch(/^[-0-9a-f]{36}$/);
    const problem = new Problem("UNAVAILABLE", "Usher cannot be reached just now; try again.");
    expect(JSON.parse(await text(response))).toEqual(problem.body(String(requestId)));
  });

  it("asks services that live while none is ready, and those that are ready as soon as one is", async () => {
    const started = async (name: string, isReady: () => boolean): Promise<string> => {
      const server = createServer(({ url }, response) => {
        response.statusCode = url !== "/health/serving" || isReady() ? 200 : 503;
        response.end(name);
      });
      onTestFinished(() => server.close().closeAllConnections());
      await once(server.listen(0, "127.0.0.1"), "listening");
      return `127.0.0.1:${portOf(server)} check inter 50ms fall 2 rise 1`;
    };
    let isReady = false;
    const servers = [await started("never ready", () => false), await started("ready later", () => isReady)];
    const lines = servers.map((server, at) => `  server services-${at} ${server}`).join("\n");
    const backends = join(directory, "unready.cfg");
    writeFileSync(
      backends,
      `backend services from to-services\n${lines}\nbackend unready from to-unready\n${lines}\nbackend edges from to-edges\n`,
    );
    const { ask } = await begin(backends, /backend 'services' has no server available/);
    const asked = async (): Promise<string> => text(await ask({}));
    await expect
      .poll(async () => new Set([await asked(), await asked()]))
      .toEqual(new Set(["never ready", "ready later"]));
    isReady = true;
    await expect
      .poll(async () => new Set([await asked(), await asked(), await asked()]))
      .toEqual(new Set(["ready later"]));
  });

  it("leaves a services process that stops what it has under way, and gives what is new to the others", async () => {
    const started = async (name: string) => {
      const server = await testServer();
      let answer: (() => void) | undefined;
      server.app.get("/name", async () => name);
      server.app.post("/slow", () => new Promise((resolve) => (answer = () => resolve(name))));
      await server.app.listen({ port: 0, host: "127.0.0.1" });
      let closed: Promise<void> | undefined;
      const close = (): Promise<void> => (closed ??= server.close());
      onTestFinished(close);
      const port = portOf(server.app.server);
      return { name, port, close, isBusy: () => answer !== undefined, answer: () => answer?.() };
    };
    const servers = [await started("one"), await started("two")] as const;
    const lines = (options: string): string =>
      servers
        .map(({ name, port }) => `  server ${name} 127.0.0.1:${port} check inter 50ms fall 2 rise 1${options}\n`)
        .join("");
    const backends = join(directory, "stopping.cfg");
    writeFileSync(
      backends,
      `backend services from to-services\n${lines(" on-marked-down shutdown-sessions")}backend unready from to-unready\n${lines("")}backend edges from to-edges\n  server none 127.0.0.1:1 check\n`,
    );
    const { ask, said } = await begin(backends, /Server edges\/none is DOWN/);
    const slow = ask({ method: "POST", path: "/slow" }).then(async (response) => [
      response.statusCode,
      await text(response),
    ]);
    await expect.poll(() => servers.some(({ isBusy }) => isBusy())).toBe(true);
    const [busy, other] = servers[0].isBusy() ? servers : [servers[1], servers[0]];
    const closed = busy.close();
    await expect.poll(said).toMatch(new RegExp(`Server services/${busy.name} is (stopping|DOWN)`));
    for (let time = 0; time < 5; time++) expect(await text(await ask({ path: "/name" }))).toBe(other.name);
    busy.answer();
    expect(await slow).toEqual([200, busy.name]);
    await closed;
    for (let time = 0; time < 5; time++) expect(await text(await ask({ path: "/name" }))).toBe(other.name);
  });
});

describe("the certificate of the containers", () => {
  const file = join(directory, "made.pem");
  const make = (name: string) => {
    const command = [process.execPath, join(ROOT, "deploy/haproxy/certificate.mjs"), file, name];
    return Program.run({ name: "certificate", command, env: {} });
  };
  const made = (): X509Certificate => new X509Certificate(readFileSync(file));
  const days = (count: number): Date => new Date(Date.now() + count * 86_400_000);
  const writeOne = async (organisation: string, notAfterDate: Date): Promise<string> => {
    const subject = [
      { name: "commonName", value: "tickets.example" },
      { name: "organizationName", value: organisation },
    ];
    const altNames = [{ type: 2 as const, value: "tickets.example" }];
    const extensions = [{ name: "subjectAltName" as const, altNames }];
    const { cert, private: key } = await generate(subject, { notAfterDate, extensions });
    writeFileSync(file, `${cert}\n${key}\n`);
    return made().fingerprint256;
  };

  it("is made anew for another name, an address among them, and not for the same", async () => {
    const fingerprints: string[] = [];
    for (const name of ["localhost", "localhost", "::1", "::1"]) {
      expect(await make(name)).toEqual({ code: 0, output: "" });
      fingerprints.push(made().fingerprint256);
    }
    expect(fingerprints[1]).toBe(fingerprints[0]);
    expect(fingerprints[2]).not.toBe(fingerprints[0]);
    expect(made().checkIP("::1")).toBeDefined();
    expect(fingerprints[3]).toBe(fingerprints[2]);
  });

  it.each([
    ["is made anew before it ends", "Usher self-signed", 29, true],
    ["is left alone while it is good", "Usher self-signed", 31, false],
    ["is left alone when it is another's, whatever it says", "Example Ltd", 1, false],
  ])("%s", async (_, organisation, left, isAnew) => {
    const before = await writeOne(organisation, days(left));
    expect(await make("tickets.example")).toMatchObject({ code: 0 });
    expect(made().fingerprint256 !== before).toBe(isAnew);
    if (isAnew) expect(Date.parse(made().validTo)).toBeGreaterThan(days(300).getTime());
  });
});

describe("NATS", () => {
  const PASSWORDS = {
    NATS_ENGINE_PASSWORD: "engine-password",
    NATS_EDGE_PASSWORD: "edge-password",
    NATS_SERVICES_PASSWORD: "services-password",
    NATS_OPERATOR_PASSWORD: "operator-password",
  };
  const USERS = ["engine", "edge", "services", "operator"] as const;
  type User = (typeof USERS)[number];
  const config = join(ROOT, "deploy/nats/nats.conf");
  let server: NatsServer;

  beforeAll(async () => {
    Object.assign(process.env, PASSWORDS);
    server = await startNatsServer({ config });
    for (const name of Object.keys(PASSWORDS)) delete process.env[name];
  });
  afterAll(() => server.stop());

  it("takes its configuration, and none without a password of each role", async () => {
    const command = ["nats-server", "-t", "-c", config];
    const run = (env: Record<string, string>) => Program.run({ name: "nats-server", command, env });
    expect(await run(PASSWORDS)).toMatchObject({ code: 0, output: expect.stringContaining("is valid") });
    for (const name of Object.keys(PASSWORDS)) {
      const { [name as keyof typeof PASSWORDS]: _, ...others } = PASSWORDS;
      expect([name, (await run(others)).code]).toEqual([name, 1]);
    }
  });

  it("lets in no server that does not know the routes' password: the users' permissions would not hold for it", async () => {
    const port = await freePort();
    const several = await Program.start({
      name: "nats-server",
      command: [
        "nats-server",
        "--config",
        join(ROOT, "deploy/nats/cluster.conf"),
        "--name",
        "nats-1",
        "--addr",
        "127.0.0.1",
        "--port",
        "-1",
        "--store_dir",
        join(directory, "nats"),
      ],
      env: {
        ...PASSWORDS,
        NATS_ROUTE_LISTEN: `127.0.0.1:${port}`,
        NATS_ROUTE_PASSWORD: "route-password",
        NATS_ROUTES: `["nats://routes:route-password@127.0.0.1:${port}"]`,
      },
      ready: /Listening for route connections/,
    });
    onTestFinished(() => several.stop().then(() => undefined));
    const answerTo = async (pass: string): Promise<string> => {
      const socket = createConnection({ host: "127.0.0.1", port });
      onTestFinished(() => void socket.destroy());
      const hello = { name: "stranger", cluster: "usher", user: "routes", pass };
      socket.write(`CONNECT ${JSON.stringify(hello)}\r\nPING\r\n`);
      let said = "";
      for await (const chunk of socket) {
        said += String(chunk);
        if (/-ERR|PONG/.test(said)) break;
      }
      return said;
    };
    expect(await answerTo("guessed")).toContain("Authorization Violation");
    expect(await answerTo("route-password")).toContain("PONG");
  });

  const connected = async (user: User, pass = `${user}-password`): Promise<NatsConnection> => {
    const connection = await connect({
      servers: server.url,
      user,
      pass,
      inboxPrefix: `_INBOX.${user}`,
      reconnect: false,
    });
    onTestFinished(() => connection.close());
    return connection;
  };

  /** What the server has against it; its word comes before the answer to a ping that is sent after. */
  const refusal = async (user: User, verb: "publish" | "subscribe", subject: string): Promise<string | undefined> => {
    const connection = await connected(user);
    const errors: string[] = [];
    void (async () => {
      for await (const status of connection.status()) {
        if (status.type === "error") errors.push(status.error.message);
      }
    })();
    if (verb === "publish") connection.publish(subject, "x");
    else connection.subscribe(subject, { callback: () => undefined });
    await connection.flush();
    await connection.close();
    return errors[0];
  };

  it.each(USERS)("lets nobody in as %s with another's password, or with none", async (user) => {
    for (const other of USERS.filter((each) => each !== user)) {
      await expect(connected(user, `${other}-password`)).rejects.toThrow(/authorization/i);
    }
    await expect(connect({ servers: server.url, reconnect: false })).rejects.toThrow(/authorization/i);
  });

  it.each<[User, "publish" | "subscribe", string]>([
    ["engine", "publish", "showtime.s1.delta"],
    ["engine", "publish", "engine.notices"],
    ["engine", "publish", "engine.members"],
    ["engine", "publish", "engine.handovers"],
    ["engine", "publish", "engine.served"],
    ["engine", "publish", "_INBOX.edge.1-a.0"],
    ["engine", "publish", "_INBOX.services.1-a.0"],
    ["engine", "subscribe", "engine.cmd.63"],
    ["engine", "subscribe", "engine.sales.0"],
    ["edge", "publish", "engine.cmd.0"],
    ["edge", "publish", "identity.keys"],
    ["edge", "subscribe", "showtime.s1.delta"],
    ["edge", "subscribe", "engine.notices"],
    ["edge", "subscribe", "engine.served"],
    ["edge", "subscribe", "notifications.booking"],
    ["edge", "subscribe", "_INBOX.edge.1-a.*"],
    ["services", "publish", "engine.sales.0"],
    ["services", "publish", "booking.confirmed"],
    ["services", "publish", "$JS.API.INFO"],
    ["services", "subscribe", "payments.authorize"],
    ["services", "subscribe", "engine.served"],
    ["operator", "subscribe", "engine.members"],
  ])("lets %s %s %s", async (user, verb, subject) => {
    expect(await refusal(user, verb, subject)).toBeUndefined();
  });

  it("does not have an engine say for an edge, in its answer, what the edge may not", async () => {
    const [engine, edge] = [await connected("engine"), await connected("edge")];
    const log = createLogger({ name: "test", level: "silent" });
    const bus = new NatsBus({ connection: engine, inboxPrefix: "_INBOX.engine", clock: systemClock, log });
    let asked = 0;
    bus.serve(commandsTo(0), (_question, answer) => {
      asked++;
      answer({ replies: [] });
    });
    await engine.flush();
    const heard: string[] = [];
    edge.subscribe("showtime.*.delta", { callback: (_error, { subject }) => void heard.push(subject) });
    const question = commandsTo(0).question.encode({ requests: [] });
    edge.publish(commandsTo(0).name, question, { reply: "showtime.s1.delta" });
    await edge.request(commandsTo(0).name, question, { timeout: 5_000 });
    expect([asked, heard]).toEqual([1, []]);
  });

  it.each<[User, "publish" | "subscribe", string]>([
    // An edge can neither sell nor free what was sold, nor speak as anybody else.
    ["edge", "publish", "engine.sales.0"],
    ["edge", "publish", "showtime.s1.delta"],
    ["edge", "publish", "engine.notices"],
    ["edge", "publish", "engine.members"],
    ["edge", "publish", "engine.handovers"],
    ["edge", "publish", "engine.served"],
    ["edge", "publish", "bookings.booking"],
    ["edge", "publish", "booking.confirmed"],
    ["edge", "publish", "payments.changed"],
    ["edge", "publish", "identity.revoked"],
    ["edge", "publish", "identity.keys-changed"],
    ["edge", "publish", "notifications.booking"],
    ["edge", "publish", "$JS.API.STREAM.DELETE.USHER_EVENTS"],
    ["edge", "publish", "_INBOX.edge.1-a.0"],
    ["edge", "publish", "_INBOX.services.1-a.0"],
    ["edge", "subscribe", "engine.sales.*"],
    ["edge", "subscribe", "engine.cmd.*"],
    ["edge", "subscribe", "engine.members"],
    ["edge", "subscribe", "booking.*"],
    ["edge", "subscribe", "bookings.>"],
    ["edge", "subscribe", "_INBOX.services.>"],
    ["edge", "subscribe", "_INBOX.>"],
    ["edge", "subscribe", ">"],
    ["engine", "publish", "booking.confirmed"],
    ["engine", "publish", "engine.sales.0"],
    ["engine", "publish", "$JS.API.STREAM.DELETE.USHER_EVENTS"],
    ["engine", "subscribe", "booking.*"],
    ["engine", "subscribe", "_INBOX.services.>"],
    ["services", "publish", "showtime.s1.delta"],
    ["services", "publish", "engine.members"],
    ["services", "publish", "engine.served"],
    ["services", "subscribe", "engine.sales.*"],
    ["services", "subscribe", "_INBOX.edge.>"],
    ["operator", "publish", "engine.members"],
    ["operator", "publish", "engine.sales.0"],
    ["operator", "subscribe", "engine.sales.*"],
  ])("does not let %s %s %s", async (user, verb, subject) => {
    expect(await refusal(user, verb, subject)).toMatch(/permissions violation/i);
  });
});
