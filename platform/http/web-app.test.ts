import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { portOf } from "../testing/port-of.ts";
import { etagOf, isFresh } from "./answers/etag.ts";
import { testServer, type TestServer } from "./testing.ts";

let root: string;
let server: TestServer;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "usher-web-"));
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, "index.html"), "<h1>Usher</h1>");
  writeFileSync(join(root, "main.js"), "export {};");
  writeFileSync(join(root, "..", "usher-secret.txt"), "secret");
  server = await testServer({ webRoot: root, webSocket: () => ({ port: 1, url: "wss://live.example.com/v1" }) });
  server.app.get("/layout", async (request, reply) => {
    if (isFresh(request, reply, etagOf("layout"))) return reply.code(304).send();
    return { seats: [] };
  });
});
afterAll(async () => {
  await server.close();
  rmSync(root, { recursive: true, force: true });
  rmSync(join(root, "..", "usher-secret.txt"), { force: true });
});

it("serves the built page, whose files a browser asks after each time", async () => {
  const page = await server.app.inject({ url: "/" });
  expect([page.statusCode, page.body, page.headers["cache-control"]]).toEqual([200, "<h1>Usher</h1>", "no-cache"]);
  const script = await server.app.inject({ url: "/main.js" });
  expect(script.headers).toMatchObject({
    "content-type": expect.stringContaining("javascript"),
    etag: expect.any(String),
  });
  expect(script.headers["cache-control"]).toBe("no-cache");
});

it.each([
  "/missing.js",
  "/..%2fusher-secret.txt",
  "/%2e%2e/usher-secret.txt",
  "/icons/../../usher-secret.txt",
  "/.env",
])("has nothing at %s", async (url) => {
  const response = await server.app.inject({ url });
  expect(response.statusCode).toBeGreaterThanOrEqual(400);
  expect(response.statusCode).toBeLessThan(500);
  expect(response.headers["content-type"]).toBe("application/problem+json");
});

it.each([
  ["range", "bytes=999999999-"],
  ["if-match", '"other"'],
  ["if-unmodified-since", "Thu, 01 Jan 1970 00:00:00 GMT"],
])("refuses as the client's a condition that no file meets: %s", async (name, value) => {
  for (const url of ["/", "/main.js", "/docs/static/swagger-ui-bundle.js"]) {
    const response = await server.app.inject({ url, headers: { [name]: value } });
    expect([url, response.statusCode, response.json()]).toMatchObject([url, 400, { code: "BAD_MESSAGE" }]);
    expect(response.headers["content-type"]).toBe("application/problem+json");
  }
});

it.runIf(existsSync("/proc/self/fd"))("closes every file of who asked for many at once and hung up", async () => {
  const file = join(root, "long.js");
  writeFileSync(file, " ".repeat(2 ** 20)); // Sockets take some of them: most wait.
  await server.app.listen({ host: "127.0.0.1", port: 0 });
  const openNow = (): number =>
    readdirSync("/proc/self/fd").filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === file;
      } catch {
        return false; // It has been closed meanwhile.
      }
    }).length;
  const socket = connect(portOf(server.app.server), "127.0.0.1");
  socket.write("GET /long.js HTTP/1.1\r\nHost: usher\r\n\r\n".repeat(30));
  await expect.poll(openNow).toBeGreaterThan(10);
  socket.destroy();
  await expect.poll(openNow).toBe(0);
});

it("names a WebSocket that lives elsewhere", async () => {
  const { body } = await server.app.inject({ url: "/config.json" });
  expect(JSON.parse(body)).toEqual({ wsPort: 1, webSocketUrl: "wss://live.example.com/v1" });
});

it("without a built page, leads to the description", async () => {
  const bare = await testServer({ webRoot: join(root, "nowhere") });
  const response = await bare.app.inject({ url: "/" });
  expect([response.statusCode, response.headers["location"]]).toEqual([302, "/docs"]);
  await bare.close();
});

it("sends nothing again to those who have this version", async () => {
  const first = await server.app.inject({ url: "/layout" });
  const etag = first.headers["etag"] ?? "";
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, "*"]) {
    const again = await server.app.inject({ url: "/layout", headers: { "if-none-match": known } });
    expect([again.statusCode, again.body, again.headers["etag"]]).toEqual([304, "", etag]);
  }
  expect((await server.app.inject({ url: "/layout", headers: { "if-none-match": '"other"' } })).statusCode).toBe(200);
});
