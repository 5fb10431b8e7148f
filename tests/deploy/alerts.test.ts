/** What alerts and dashboards ask of Prometheus, as far as that can be held against the code without one. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { ROOT } from "./compose-file.ts";
import { metricsNamedIn } from "./metrics-named.ts";

const read = (file: string): unknown => parse(readFileSync(join(ROOT, "deploy", file), "utf8"));

function alert(name: string): string {
  const { groups } = read("prometheus/alerts.yml") as { groups: { rules: { alert: string; expr: string }[] }[] };
  return groups.flatMap(({ rules }) => rules).find((rule) => rule.alert === name)?.expr ?? "";
}

it("viewers who fall behind are held against all viewers, for a frame dropped is counted for each and one published once", () => {
  const named = [...metricsNamedIn(JSON.stringify({ expr: alert("ViewersFallBehind") }))];
  expect(named).toEqual(["usher_edge_frames_dropped_total", "usher_edge_connections"]);
});
