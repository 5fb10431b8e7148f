import { connect } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { VirtualClock } from "../../clock/index.ts";
import { portOf } from "../../testing/port-of.ts";
import { BALANCER_ASKS_WITHIN_MS, DRAINED_WITHIN_MS } from "../limits.ts";
import { testServer } from "../testing.ts";

/** A server that listens, with a slow handler that has a request of `asked`, until `go` lets it answer. */
async function busyServer(options: Parameters<typeof testServer>[0] = {}) {
  const server = await testServer(options);
  let go = (): void => undefined;
  const arrived = new Promise<void>((resolve) => {
    server.app.get("/slow", async () => {
      resolve();
      await new Promise<void>((done) => (go = done));
      return { fine: true };
    });
  });
  let stalling = false;
  server.app.post("/stalled", { onRequest: async () => void (stalling = true) }, async () => ({}));
  server.app.get("/stalling", async () => stalling);
  await server.app.listen({ port: 0, host: "127.0.0.1" });
  const port = portOf(server.app.server);
  const open = () => connect(port, "127.0.0.1");
  const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(10_000) });
  const asked = ask("/slow");
  await arrived;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= server.close());
  onTestFinished(async () => {
    go();
    await close();
  });
  return { open, ask, asked, close, go: () => go() };
}

it("a request that is under way at a stop is answered, and the port stays open for so long: others are served, too", async () => {
  const { ask, asked, close, go } = await busyServer();
  const closed = close();
  await expect.poll(async () => (await ask("/health/ready")).headers.get("connection")).toBe("close");
  expect((await ask("/config.json")).status).toBe(200);
  go();
  const answer = await asked;
  expect([answer.status, answer.headers.get("connection")]).toEqual([200, "close"]);
  expect(await answer.json()).toEqual({ fine: true });
  await closed;
  await expect(ask("/config.json")).rejects.toThrow("fetch failed");
});

it("who balances and asked of late is told before the port closes", async () => {
  const { ask, asked, close, go } = await busyServer({ clock: new VirtualClock() });
  expect((await ask("/health/serving")).status).toBe(200);
  go();
  await asked;
  const closed = close();
  await expect.poll(async () => (await ask("/health/serving")).status).toBe(404);
  expect((await ask("/health/ready")).status).toBe(200);
  expect((await ask("/health/serving")).status).toBe(404);
  await closed;
});

it("who balances and asks no more is not waited for", async () => {
  const clock = new VirtualClock();
  const { ask, asked, close, go } = await busyServer({ clock });
  await ask("/health/serving");
  go();
  await asked;
  let isClosed = false;
  const closed = close().then(() => (isClosed = true));
  await expect.poll(async () => (await ask("/health/ready")).headers.get("connection")).toBe("close");
  await clock.advance(BALANCER_ASKS_WITHIN_MS - 1);
  expect(isClosed).toBe(false);
  await clock.advance(1);
  await closed;
});

it("a request whose body never comes keeps the port open for so long only", async () => {
  const clock = new VirtualClock();
  const { open, ask, asked, close, go } = await busyServer({ clock });
  go();
  await asked;
  const stalled = open();
  onTestFinished(() => void stalled.destroy());
  stalled.write(
    "POST /stalled HTTP/1.1\r\nhost: usher\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
  );
  const isStalled = async () => (await ask("/stalling")).json();
  await expect.poll(isStalled).toBe(true);
  const closed = close();
  await expect.poll(async () => (await ask("/health/ready")).headers.get("connection")).toBe("close");
  await clock.advance(DRAINED_WITHIN_MS - 1);
  expect((await ask("/health/ready")).status).toBe(200);
  await clock.advance(1);
  await expect.poll(() => ask("/health/ready").then(String, String)).toContain("fetch failed");
  stalled.destroy();
  await closed;
});
