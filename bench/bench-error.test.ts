import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it, vi } from "vitest";
import { portOf } from "../platform/testing/port-of.ts";
import { BenchError, explain } from "./bench-error.ts";
import { WebSocketClient } from "./load/web-socket.ts";
import { PEERS, requireInstalled } from "./peers/index.ts";
import { choosePeers } from "./runner/peers.ts";

const ROOT = new URL("../", import.meta.url);

/** An address of another machine: nothing can be bound to it here (RFC 5737). */
const NOT_OURS = "192.0.2.1";

it("ports that are used up are told in one sentence", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = portOf(server);
  const nothing = (): void => undefined;
  const opened = WebSocketClient.open({ port, path: "/", from: NOT_OURS, onMessage: nothing, onClose: nothing });
  await expect(opened).rejects.toThrow(/^This machine has no more free ports for the load: .*\.$/);
  server.close();
});

/** Each has 200 connections to the server at the port. */
const LOADS = {
  "of WebSockets": `
    import { WebSocketClient } from "./bench/load/web-socket.ts";
    const nothing = () => undefined;
    const load = (port) => {
      const open = () => WebSocketClient.open({ port, path: "/", onMessage: nothing, onClose: nothing });
      return Promise.all(Array.from({ length: 200 }, open));
    };`,
  "of requests": `
    import { HttpLoad } from "./bench/load/http-load.ts";
    const load = async (port) => {
      const http = new HttpLoad();
      http.open({ url: "http://127.0.0.1:" + port, connections: 200, requests: [{ method: "GET", path: "/", expects: 200 }] });
      http.begin();
      await http.end();
      http.take();
    };`,
  "of JSON": `
    import { ask } from "./bench/load/json-http.ts";
    const load = (port) => Promise.all(Array.from({ length: 200 }, () => ask("GET", "http://127.0.0.1:" + port)));`,
};

it.each(Object.entries(LOADS))("file descriptors that a load %s has used up are told in one sentence", (_, load) => {
  const program = `${load}
    import { createServer } from "node:net";
    const server = createServer().listen(0, "127.0.0.1", async () => {
      await load(server.address().port).catch((error) => console.log(error.message));
      process.exit();
    });`;
  const node = [process.execPath, "--import", "./tools/typescript.mjs", "--input-type=module", "--eval", program];
  const said = execFileSync("/bin/sh", ["-c", 'ulimit -n 100; exec "$@"', "sh", ...node], {
    cwd: ROOT,
    encoding: "utf8",
    timeout: 5e4,
    killSignal: "SIGKILL",
  });
  expect(said).toMatch(/^The bench has no more file descriptors: .*\.\n$/);
});

it("what is not of the machine stays as it was thrown", () => {
  const error = new TypeError("a mistake");
  expect(explain(error)).toBe(error);
});

it("a peer that is not installed is told in one sentence, with the way out", () => {
  const elsewhere = new URL("file:///nowhere/");
  expect(() => choosePeers(["ws-naive"], elsewhere)).toThrow(BenchError);
  expect(() => choosePeers(["ws-naive"], elsewhere)).toThrow(/is not installed: npm ci --prefix bench\/peers$/);
  const { peers, notes } = choosePeers(undefined, elsewhere);
  expect(peers).toEqual([]);
  expect(notes.join()).toMatch(/^Left out: postgres-for-update/);
});

it("a peer of which only some packages are installed is not", async () => {
  const root = await mkdtemp(join(tmpdir(), "usher-bench-test-"));
  try {
    await mkdir(join(root, "bench/peers/node_modules/ws"), { recursive: true });
    expect(() => choosePeers(["ws-naive"], pathToFileURL(`${root}/`))).toThrow(/is not installed/);
    await mkdir(join(root, "bench/peers/node_modules/bufferutil"));
    expect(choosePeers(["ws-naive"], pathToFileURL(`${root}/`)).peers).toEqual(["ws-naive"]);
  } finally {
    await rm(root, { recursive: true });
  }
});

it("a peer whose redis-server is missing is told in one sentence", ({ skip }) => {
  const { "redis-always": redis } = PEERS;
  try {
    if (redis !== undefined) requireInstalled(redis, ROOT);
  } catch {
    skip("npm ci --prefix bench/peers was not run");
  }
  vi.stubEnv("PATH", "/nowhere");
  try {
    expect(() => choosePeers(["redis-always"], ROOT)).toThrow(/^redis-server is not on the PATH: .*\.$/);
  } finally {
    vi.unstubAllEnvs();
  }
});
