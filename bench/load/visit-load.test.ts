import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { mergeHistograms } from "./recorder.ts";
import { VisitLoad } from "./visit-load.ts";

it("a visit without an answer counts among the latencies, and not as done", async () => {
  const waiting: ServerResponse[] = [];
  let isSilent = true;
  const server = createServer((_request, response) => {
    if (isSilent) waiting.push(response);
    else response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  const load = new VisitLoad();
  load.open({ url: `http://127.0.0.1:${port}/`, perSecond: 100 });
  const begun = performance.now();
  load.begin();
  try {
    while (waiting.length < 5) await new Promise((resolve) => void setTimeout(resolve, 5));
    const silence = performance.now() - begun;
    const { count, histograms } = load.take();
    const latencies = mergeHistograms([histograms["latency"] ?? ""]);
    expect(count).toBe(0);
    expect(latencies.totalCount).toBeGreaterThanOrEqual(5);
    expect(latencies.getValueAtPercentile(99.9) / 1_000).toBeGreaterThan(silence / 2);
  } finally {
    isSilent = false;
    for (const response of waiting) response.end("{}");
    await load.end();
    server.closeAllConnections();
    server.close();
  }
  expect(load.take().count).toBeGreaterThanOrEqual(5);
});
