/** The configuration of NATS that both forms share: `usher cluster` and the containers. */
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { NatsBus } from "../../platform/bus/index.ts";
import { type NatsServer, startNatsServer } from "../../platform/bus/testing.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { commandsTo, EVENT_NAMES } from "../../proto/index.ts";
import { freePort } from "../support/usher-process.ts";
import { ROOT } from "./compose-file.ts";
import { Program } from "./programs.ts";

const directory = mkdtempSync(join(tmpdir(), "usher-nats-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

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

  /** One server of several, until the test ends. */
  async function oneOfSeveral(routePort: number, routes = [routePort], name = "nats-1"): Promise<string> {
    const port = await freePort();
    const several = await Program.start({
      name: "nats-server",
      command: [
        "nats-server",
        "--config",
        join(ROOT, "deploy/nats/cluster.conf"),
        "--name",
        name,
        "--addr",
        "127.0.0.1",
        "--port",
        String(port),
        "--store_dir",
        join(directory, name),
      ],
      env: {
        ...PASSWORDS,
        NATS_ROUTE_LISTEN: `127.0.0.1:${routePort}`,
        NATS_ROUTE_PASSWORD: "route-password",
        NATS_ROUTES: JSON.stringify(routes.map((each) => `nats://routes:route-password@127.0.0.1:${each}`)),
      },
      ready: /Listening for route connections/,
    });
    onTestFinished(() => several.stop().then(() => undefined));
    return `nats://127.0.0.1:${port}`;
  }

  it("names a client no server, each of which has addresses that no client reaches: NATS_URL has all of them", async () => {
    const routes = [await freePort(), await freePort()];
    const urls = await Promise.all(routes.map((port, at) => oneOfSeveral(port, routes, `nats-${at + 1}`)));
    const [one, other] = await Promise.all(
      urls.map((servers) =>
        connect({ servers, user: "engine", pass: "engine-password", inboxPrefix: "_INBOX.engine" }),
      ),
    );
    onTestFinished(async () => void (await Promise.all([one?.close(), other?.close()])));
    let heard = 0;
    one?.subscribe("engine.members", { callback: () => void heard++ });
    await expect
      .poll(() => {
        other?.publish("engine.members");
        return heard;
      })
      .toBeGreaterThan(0);
    expect([one?.info?.connect_urls, other?.info?.connect_urls]).toEqual([undefined, undefined]);
  });

  it("lets in no server that does not know the routes' password: the users' permissions would not hold for it", async () => {
    const port = await freePort();
    await oneOfSeveral(port);
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

  it("cuts off a client that hangs, so that it gets no share of what is asked, once it has got nothing for a while", async () => {
    const { hostname, port } = new URL(server.url);
    const socket = createConnection({ host: hostname, port: Number(port) });
    onTestFinished(() => void socket.destroy());
    const hello = { user: "services", pass: PASSWORDS.NATS_SERVICES_PASSWORD };
    socket.write(`CONNECT ${JSON.stringify(hello)}\r\nSUB catalog.quote catalog 1\r\nPING\r\n`);
    let said = "";
    for await (const chunk of socket) said += String(chunk);
    expect(said).toMatch(/PONG[^]*Stale Connection/);
  });

  it.each<[User, "publish" | "subscribe", string]>([
    ["engine", "publish", "showtime.s1.delta"],
    ["engine", "publish", "engine.notices"],
    ["engine", "publish", "engine.members"],
    ["engine", "publish", "engine.handovers"],
    ["engine", "publish", "engine.served"],
    ["engine", "subscribe", "engine.cmd.63"],
    ["engine", "subscribe", "engine.sales.0"],
    ["engine", "publish", "_INBOX.edge.1-a.0"],
    ["engine", "publish", "_INBOX.services.1-a.0"],
    ["edge", "publish", "engine.cmd.0"],
    ["edge", "publish", "identity.keys"],
    ["edge", "subscribe", "showtime.s1.delta"],
    ["edge", "subscribe", "engine.notices"],
    ["edge", "subscribe", "engine.served"],
    ["edge", "subscribe", "notifications.booking"],
    ["edge", "subscribe", "_INBOX.edge.1-a.*"],
    ["services", "publish", "engine.sales.0"],
    ["services", "publish", "_INBOX.edge.1-a.0"],
    ["services", "publish", "_INBOX.services.1-a.0"],
    ...EVENT_NAMES.map((name): [User, "publish", string] => ["services", "publish", name]),
    ["services", "publish", "$JS.API.INFO"],
    ["services", "subscribe", "payments.authorize"],
    ["services", "subscribe", "engine.served"],
    ["operator", "subscribe", "engine.members"],
  ])("lets %s %s %s", async (user, verb, subject) => {
    expect(await refusal(user, verb, subject)).toBeUndefined();
  });

  it("keeps no note of what an engine is asked: were many left unanswered, it would look through all of them at each", async () => {
    const [engine, edge] = [await connected("engine"), await connected("edge")];
    engine.subscribe("engine.cmd.0", {
      callback: (_error, question) => {
        question.respond("first");
        question.respond("second");
      },
    });
    await engine.flush();
    const heard: string[] = [];
    edge.subscribe("_INBOX.edge.own.*", { callback: (_error, message) => void heard.push(message.string()) });
    edge.publish("engine.cmd.0", "question", { reply: "_INBOX.edge.own.1" });
    await expect.poll(() => heard).toEqual(["first", "second"]);
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
    ["engine", "publish", "_INBOX.operator.1-a.0"],
    ["engine", "publish", "$JS.API.STREAM.DELETE.USHER_EVENTS"],
    ["engine", "subscribe", "booking.*"],
    ["engine", "subscribe", "_INBOX.services.>"],
    ["services", "publish", "showtime.s1.delta"],
    ["services", "publish", "engine.members"],
    ["services", "publish", "engine.served"],
    ["services", "publish", "_INBOX.operator.1-a.0"],
    ["services", "subscribe", "engine.sales.*"],
    ["services", "subscribe", "_INBOX.edge.>"],
    ["operator", "publish", "engine.members"],
    ["operator", "publish", "engine.sales.0"],
    ["operator", "subscribe", "engine.sales.*"],
  ])("does not let %s %s %s", async (user, verb, subject) => {
    expect(await refusal(user, verb, subject)).toMatch(/permissions violation/i);
  });
});
