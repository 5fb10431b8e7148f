import { pino } from "pino";
import { expect, it } from "vitest";
import { VirtualClock } from "../../clock/index.ts";
import { createLogger } from "../../log/index.ts";
import { createMetrics } from "../../metrics/index.ts";
import { HEALTH_CHECK_SLOW_MS, HEALTH_CHECK_TIMEOUT_MS, HEALTH_LOOK_EVERY_MS } from "../limits.ts";
import { createOpsServer } from "../ops-server.ts";

it("a dependency that can be done without is named, and keeps nobody from being ready", async () => {
  const server = createOpsServer({
    clock: new VirtualClock(),
    log: createLogger({ level: "silent", name: "test" }),
    metrics: createMetrics("test"),
    checks: [
      { name: "postgres", check: () => Promise.resolve() },
      { name: "redis", isDispensable: true, check: () => Promise.reject(new Error("gone")) },
    ],
  });
  const response = await server.inject("/health/ready");
  expect(response.json()).toEqual({ status: "ready", checks: { postgres: { state: "up" }, redis: { state: "down" } } });
  expect(response.statusCode).toBe(200);
  await server.close();
});

it("a dependency that is slow is as it was, and down once it has been silent for long", async () => {
  const clock = new VirtualClock();
  let answer = (): Promise<void> => Promise.resolve();
  const server = createOpsServer({
    clock,
    log: createLogger({ level: "silent", name: "test" }),
    metrics: createMetrics("test"),
    checks: [{ name: "postgres", check: () => answer() }],
  });
  const status = async (): Promise<number> => {
    let code = 0;
    void server.inject("/health/ready").then((response) => (code = response.statusCode));
    for (let turn = 0; turn < 5 && code === 0; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (turn === 3) await clock.advance(HEALTH_CHECK_SLOW_MS);
    }
    await expect.poll(() => code).toBeGreaterThan(0);
    return code;
  };
  expect(await status()).toBe(200);
  let asked = 0;
  answer = () => new Promise(() => void asked++);
  expect(await status()).toBe(200);
  expect(await status()).toBe(200);
  expect(asked).toBe(1);
  await clock.advance(HEALTH_CHECK_TIMEOUT_MS);
  expect(await status()).toBe(503);
  answer = () => Promise.resolve();
  await clock.advance(HEALTH_CHECK_TIMEOUT_MS); // The one that hangs is given up.
  expect(await status()).toBe(200);
  answer = () => Promise.reject(new Error("gone"));
  expect(await status()).toBe(503);
  answer = () => new Promise(() => undefined);
  expect(await status()).toBe(503);
  await server.close();
});

it("the log says once that a dependency is down, and once that it is up again", async () => {
  const lines: { msg: string; check: string }[] = [];
  let isUp = true;
  const server = createOpsServer({
    clock: new VirtualClock(),
    metrics: createMetrics("test"),
    log: pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    checks: [{ name: "postgres", check: () => (isUp ? Promise.resolve() : Promise.reject(new Error("gone"))) }],
  });
  for (isUp of [true, false, false, false, true, true, false]) await server.inject("/health/ready");
  const [down, up] = ["a dependency is down", "a dependency is up again"];
  expect(lines.filter(({ check }) => check === "postgres").map(({ msg }) => msg)).toEqual([down, up, down]);
  await server.close();
});

it("the metrics tell of each dependency as it was found last, by itself, and a scrape neither asks nor waits", async () => {
  const [clock, metrics] = [new VirtualClock(), createMetrics("test", { ofProcess: false })];
  let [asked, isUp] = [0, true];
  let hangs = Promise.resolve();
  const server = createOpsServer({
    clock,
    metrics,
    log: createLogger({ level: "silent", name: "test" }),
    checks: [
      { name: "postgres", check: () => (asked++, isUp ? Promise.resolve() : Promise.reject(new Error("gone"))) },
      { name: "nats", check: () => hangs },
    ],
  });
  const told = async () => (await server.inject("/metrics")).body.match(/(?<=^usher_dependency_up\{check=).*$/gm);
  await server.listen({ port: 0, host: "127.0.0.1" });
  expect([await told(), asked]).toEqual([null, 0]);
  await clock.advance(HEALTH_LOOK_EVERY_MS);
  expect([await told(), asked]).toEqual([['"postgres",role="test"} 1', '"nats",role="test"} 1'], 1]);
  isUp = false;
  hangs = new Promise(() => undefined);
  await clock.advance(HEALTH_LOOK_EVERY_MS + HEALTH_CHECK_SLOW_MS);
  expect([await told(), asked]).toEqual([['"postgres",role="test"} 0', '"nats",role="test"} 1'], 2]);
  await clock.advance(HEALTH_CHECK_TIMEOUT_MS);
  expect(await told()).toEqual(['"postgres",role="test"} 0', '"nats",role="test"} 0']);
  await server.close();
  const before = asked;
  await clock.advance(10 * HEALTH_LOOK_EVERY_MS);
  expect(asked).toBe(before);
});

it("metrics are rendered once for all who ask meanwhile", async () => {
  const [clock, metrics] = [new VirtualClock(), createMetrics("test")];
  let rendered = 0;
  const render = metrics.metrics.bind(metrics);
  metrics.metrics = () => (rendered++, render());
  const server = createOpsServer({ clock, metrics, log: createLogger({ level: "silent", name: "test" }), checks: [] });
  const ask = async () => expect((await server.inject("/metrics")).body).toMatch(/^# TYPE /m);
  await Promise.all([ask(), ask(), ask()]);
  expect(rendered).toBe(1);
  await ask();
  expect(rendered).toBe(2);
  await server.close();
});
