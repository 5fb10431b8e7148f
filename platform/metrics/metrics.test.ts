import { expect, it } from "vitest";
import { createMetrics, logLineCounter, sampledCounter, sampledGauge } from "./metrics.ts";

it("a registry tells of the process and of what is sampled, at the time of the scrape", async () => {
  const registry = createMetrics("edge");
  let connections = 1;
  let messages = 10;
  sampledGauge({ registry, name: "usher_connections", help: "Open now.", read: () => connections });
  sampledCounter({ registry, name: "usher_messages_total", help: "Taken so far.", read: () => messages });
  await registry.metrics();
  connections = 3;
  messages = 12;
  const text = await registry.metrics();
  expect(text).toContain('usher_connections{role="edge"} 3');
  expect(text).toContain('usher_messages_total{role="edge"} 12');
  expect(text).toContain("nodejs_eventloop_lag_seconds");
});

it("a registry that is not of the process has what is sampled alone", async () => {
  const registry = createMetrics("edge", { ofProcess: false });
  sampledGauge({ registry, name: "usher_connections", help: "Open now.", read: () => 1 });
  const text = await registry.metrics();
  expect(text.match(/^# TYPE \S+/gm)).toEqual(["# TYPE usher_connections"]);
});

it("warnings and errors are counted from 0 on, and what all is well with is not", async () => {
  const registry = createMetrics("engine", { ofProcess: false });
  const count = logLineCounter(registry);
  for (const level of ["info", "error", "debug", "error"]) count(level);
  const lines = (await registry.metrics()).match(/^usher_log_lines_total.*$/gm);
  expect(lines).toEqual([
    'usher_log_lines_total{level="warn",role="engine"} 0',
    'usher_log_lines_total{level="error",role="engine"} 2',
    'usher_log_lines_total{level="fatal",role="engine"} 0',
  ]);
});
