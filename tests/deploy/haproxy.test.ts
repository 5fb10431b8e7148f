/** The configuration of HAProxy that both forms share: `usher cluster` and the containers. */
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type RequestOptions } from "node:http";
import { request as requestSecurely } from "node:https";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { Problem } from "../../platform/http/index.ts";
import { testServer } from "../../platform/http/testing.ts";
import { portOf } from "../../platform/testing/port-of.ts";
import { ROOT } from "./compose-file.ts";
import { Program } from "./programs.ts";

const directory = mkdtempSync(join(tmpdir(), "usher-haproxy-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("HAProxy", () => {
  const certificate = join(directory, "certificate.pem");
  const env = {
    USHER_HTTP_BIND: "127.0.0.1:1",
    USHER_WS_BIND: "127.0.0.1:2",
    USHER_TLS_BIND: "127.0.0.1:3",
    USHER_TLS_CERT: certificate,
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
        `backend unready-edges from to-unready-edges\nbackend edges from to-edges\n  server edge-1 ${server}\n`,
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
  async function begin(backends: string, ready: RegExp, config = join(ROOT, "deploy/haproxy/haproxy.cfg")) {
    const at = (name: string): string => join(directory, `${name}.sock`);
    const binds = { USHER_HTTP_BIND: at("http"), USHER_WS_BIND: at("ws"), USHER_TLS_BIND: at("tls") };
    const haproxy = await Program.start({
      name: "haproxy",
      env: { ...env, ...binds },
      ready,
      command: ["haproxy", "-db", "-f", config, "-f", backends],
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
      `backend services from to-services\n${line}backend unready from to-unready\n${line}backend unready-edges from to-unready-edges\nbackend edges from to-edges\n  server none 127.0.0.1:1 check\n`,
    );
    // A socket in the file system has no address, so who comes over it is not taken for this machine.
    const { ask } = await begin(backends, /Server edges\/none is DOWN/);
    const others = ["/", "/api/v1/metrics"];
    for (const path of ["/metrics", "/metrics?a=b", "/%6Detrics", "/metrics/", "/health/serving", ...others]) {
      const response = await ask({ path });
      const body = await text(response);
      expect([path, response.statusCode]).toEqual([path, others.includes(path) ? 200 : 404]);
      if (others.includes(path)) continue;
      const requestId = String(response.headers["x-request-id"]);
      expect(requestId).toMatch(/^[-0-9a-f]{36}$/);
      expect(response.headers["content-type"]).toBe("application/problem+json");
      const problem = new Problem("NOT_FOUND", "There is nothing at this address.");
      expect(JSON.parse(body)).toEqual(problem.body(requestId));
    }
    expect(served).toEqual(others);
  });

  it("has browsers keep to TLS only where it has the usual port: they would at every port of the host", async () => {
    const server = createServer((_, response) => void response.end());
    onTestFinished(() => server.close().closeAllConnections());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const line = `  server services-1 127.0.0.1:${portOf(server)} check inter 50ms fall 999 rise 1\n`;
    const backends = join(directory, "strict.cfg");
    writeFileSync(
      backends,
      `backend services from to-services\n${line}backend unready from to-unready\n${line}backend unready-edges from to-unready-edges\nbackend edges from to-edges\n  server none 127.0.0.1:1 check\n`,
    );
    await begin(backends, /Server edges\/none is DOWN/);
    const secure = { socketPath: join(directory, "tls.sock"), servername: "localhost", ca: readFileSync(certificate) };
    const strictAt = async (host: string): Promise<string | undefined> => {
      const asked = requestSecurely({ ...secure, headers: { host }, agent: false });
      const [response] = (await once(asked.end(), "response")) as [IncomingMessage]; // Of Node's types, any.
      response.resume();
      expect(response.statusCode).toBe(200);
      return response.headers["strict-transport-security"];
    };
    for (const host of ["a.example", "a.example:443", "[::1]"]) expect(await strictAt(host)).toBe("max-age=31536000");
    for (const host of ["a.example:8443", "[::1]:8443", "a.example:4430"]) expect(await strictAt(host)).toBeUndefined();
  });

  it("ends a WebSocket that its client has closed and its edge has not", async () => {
    const real = readFileSync(join(ROOT, "deploy/haproxy/haproxy.cfg"), "utf8");
    const config = join(directory, "sooner.cfg");
    writeFileSync(config, real.replaceAll(/(timeout (?:client|server)-fin) 30s/g, "$1 300ms"));
    const server = createServer((_, response) => void response.end());
    const upgraded = once(server, "upgrade") as Promise<[IncomingMessage, Socket]>; // Of Node's types, any.
    await once(server.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void server.close());
    const backends = join(directory, "half-closed.cfg");
    writeFileSync(
      backends,
      `backend services from to-services\n  server none 127.0.0.1:1 check\nbackend unready from to-unready\nbackend unready-edges from to-unready-edges\nbackend edges from to-edges\n` +
        `  server edge-1 127.0.0.1:${portOf(server)}\n`,
    );
    await begin(backends, /backend 'services' has no server available/, config);
    const client = connect({ path: join(directory, "ws.sock"), allowHalfOpen: true });
    onTestFinished(() => void client.destroy());
    // Key and answer are those of RFC 6455, section 1.3.
    client.write(
      "GET /v1 HTTP/1.1\r\nHost: edge\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    const [, edge] = await upgraded;
    onTestFinished(() => void edge.destroy());
    edge.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
    const [head] = (await once(client, "data")) as [Buffer]; // No encoding is set.
    expect(head.toString()).toMatch(/^HTTP\/1.1 101/);
    for (const socket of [client, edge]) socket.on("error", () => undefined).resume();
    const heard = once(edge, "end");
    client.end();
    await heard;
    await expect.poll(() => client.closed).toBe(true);
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
      `backend services from to-services\n${line}backend unready from to-unready\n${line}backend unready-edges from to-unready-edges\nbackend edges from to-edges\n  server none 127.0.0.1:1 check\n`,
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
      `backend services from to-services\n${line(portOf(gone))}backend unready from to-unready\n${line(1)}backend unready-edges from to-unready-edges\nbackend edges from to-edges\n`,
    );
    const { ask, said } = await begin(backends, /backend 'unready' has no server available/);
    await expect.poll(said).toMatch(/backend 'services' has no server available/);
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

  it.each([
    ["services", "unready", "http"],
    ["edges", "unready-edges", "ws"],
  ])(
    "asks %s that live while none is ready, and those that are ready as soon as one is",
    async (name, living, entry) => {
      const started = async (own: string, isReady: () => boolean): Promise<string> => {
        const server = createServer(({ url }, response) => {
          response.statusCode = url !== "/health/serving" || isReady() ? 200 : 503;
          response.end(own);
        });
        onTestFinished(() => server.close().closeAllConnections());
        await once(server.listen(0, "127.0.0.1"), "listening");
        return `127.0.0.1:${portOf(server)} check inter 50ms fall 2 rise 1`;
      };
      let isReady = false;
      const servers = [await started("never ready", () => false), await started("ready later", () => isReady)];
      const lines = servers.map((server, at) => `  server ${name}-${at} ${server}`).join("\n");
      const backends = join(directory, `${living}.cfg`);
      const backendOf = (each: string): string =>
        `backend ${each} from to-${each}\n${each === name || each === living ? lines : ""}\n`;
      writeFileSync(backends, ["services", "unready", "edges", "unready-edges"].map(backendOf).join(""));
      const { ask } = await begin(backends, new RegExp(`backend '${name}' has no server available`));
      const asked = async (): Promise<string> => text(await ask({ socketPath: join(directory, `${entry}.sock`) }));
      await expect
        .poll(async () => new Set([await asked(), await asked()]))
        .toEqual(new Set(["never ready", "ready later"]));
      isReady = true;
      await expect
        .poll(async () => new Set([await asked(), await asked(), await asked()]))
        .toEqual(new Set(["ready later"]));
    },
  );

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
      `backend services from to-services\n${lines(" on-marked-down shutdown-sessions")}backend unready from to-unready\n${lines("")}backend unready-edges from to-unready-edges\nbackend edges from to-edges\n  server none 127.0.0.1:1 check\n`,
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
