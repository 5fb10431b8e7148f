/** What alerts and dashboards ask of Prometheus, as far as that can be held against the code without one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { VirtualClock } from "../../platform/clock/index.ts";
import { createOpsServer } from "../../platform/http/index.ts";
import { createLogger } from "../../platform/log/index.ts";
import { createMetrics } from "../../platform/metrics/index.ts";
import { ROOT } from "./compose-file.ts";
import { metricsNamedIn } from "./metrics-named.ts";

const read = (file: string): unknown => parse(readFileSync(join(ROOT, "deploy", file), "utf8"));

function alert(name: string): string {
  const { groups } = read("prometheus/alerts.yml") as { groups: { rules: { alert: string; expr: string }[] }[] };
  return groups.flatMap(({ rules }) => rules).find((rule) => rule.alert === name)?.expr ?? "";
}

function panel(dashboard: string, title: string): string {
  const { panels } = read(`grafana/dashboards/${dashboard}`) as {
    panels: { title: string; targets?: { expr: string }[] }[];
  };
  return panels.find((each) => each.title === title)?.targets?.[0]?.expr ?? "";
}

it("viewers who fall behind are held against all viewers, for a frame dropped is counted for each and one published once", () => {
  const named = [...metricsNamedIn(JSON.stringify({ expr: alert("ViewersFallBehind") }))];
  expect(named).toEqual(["usher_edge_frames_dropped_total", "usher_edge_connections"]);
});

it("whatever a process cannot go on without pages when it is away", () => {
  expect(alert("DependencyAway")).toBe('usher_dependency_up{check!="redis"} == 0');
});

it("buyers who are turned away are held against all, and one or two wake nobody", () => {
  const of = (selector: string): string => `sum(rate(usher_edge_command_seconds_count${selector}[1m]))`;
  const away = of('{outcome="unavailable"}');
  expect(alert("BuyersTurnedAway")).toBe(`${away} / ${of("")} > 0.05 and ${away} > 0.2`);
});

it("a few slow holds, and one or two requests that fail, wake nobody in a quiet house", () => {
  expect(alert("HoldsSlow")).toMatch(
    /> 1 and sum\(rate\(usher_edge_command_seconds_count\{outcome="answered"\}\[2m\]\)\) > 0\.2$/,
  );
  const [share = "", floor] = alert("RequestsFail").split(" > 0.01 and ");
  expect(floor).toBe(`${share.slice(0, share.indexOf(" / "))} > 0.01`);
});

it.runIf(process.platform === "linux")(
  "a process that is about to run out of files says so before it can take no connection",
  async () => {
    const fresh = createMetrics("test");
    const named = [...metricsNamedIn(JSON.stringify({ expr: alert("FilesRunOut") }))];
    expect(named).toEqual(["process_open_fds", "process_max_fds"]);
    for (const name of named) expect(await fresh.metrics()).toMatch(new RegExp(`^${name}\\{.*\\} [1-9]`, "m"));
  },
);

it("a mutation that fails with status 200 is a request that fails", () => {
  const named = [...metricsNamedIn(JSON.stringify({ expr: alert("RequestsFail") }))];
  expect(named).toContain("usher_graphql_results_total");
});

it("rates have four scrapes to go by, as often as the files and the guide ask for them", () => {
  const scrapeSeconds = 15;
  const { global } = read("prometheus/prometheus.yml") as { global: { scrape_interval: string } };
  expect(Number.parseInt(global.scrape_interval, 10)).toBeLessThanOrEqual(scrapeSeconds);
  expect(readFileSync(join(ROOT, "deploy/kubernetes/README.md"), "utf8")).toContain(`every ${scrapeSeconds} seconds`);
  const alerts = readFileSync(join(ROOT, "deploy/prometheus/alerts.yml"), "utf8");
  const minutes = [...alerts.matchAll(/(?:rate|increase)\(.*?\[(\d+)m\]\)/g)].map(([, length]) => Number(length));
  expect(minutes.length).toBeGreaterThan(5);
  expect(Math.min(...minutes) * 60).toBeGreaterThanOrEqual(4 * scrapeSeconds);
});

it("the panel of refunds counts money that went back, and no reservations that were let go", () => {
  expect(panel("sales.json", "Refunds, last hour")).toContain('type="payment.refund"');
});

it("the panel Webhooks counts what gateways send, and not what an admin does to integrators' webhooks", () => {
  const [, routes] = /route=~"([^"]*)"/.exec(panel("saga.json", "Webhooks")) ?? [];
  expect("/api/v1/payments/webhooks/:method").toMatch(new RegExp(`^${routes}$`));
  expect("/api/v1/webhooks/:id").not.toMatch(new RegExp(`^${routes}$`));
});

it.each([
  ["the alert RequestsFail", () => alert("RequestsFail")],
  ["the panel REST answers", () => panel("sales.json", "REST answers")],
])("probes and scrapes are no requests to %s", async (_, expressionOf) => {
  const server = createOpsServer({
    clock: new VirtualClock(),
    log: createLogger({ level: "silent", name: "test" }),
    metrics: createMetrics("test"),
    checks: [],
  });
  const probes = new Set<string>();
  server.addHook("onRoute", ({ url }) => void probes.add(url));
  await server.ready();
  expect([...probes]).toContain("/metrics");
  const selectors = [...expressionOf().matchAll(/usher_http_request_seconds_count(\{[^}]*\})?/g)];
  expect(selectors.length).toBeGreaterThan(0);
  for (const [selector] of selectors) {
    const leftOut = new RegExp(`^(${/route!~"([^"]*)"/.exec(selector)?.[1]})$`);
    for (const route of probes) expect(route, selector).toMatch(leftOut);
    for (const route of ["/api/v1/showtimes/:id/holds", "/graphql", "none"]) expect(route).not.toMatch(leftOut);
  }
  await server.close();
});
