import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { PageLoad } from "./page-load.ts";
import { mergeHistograms } from "./recorder.ts";

const PER_SECOND = 200;

/** A load on a server that answers so. */
async function loadOn(listener: RequestListener): Promise<PageLoad> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // It listens on TCP.
  const load = new PageLoad();
  load.open({ url: `http://127.0.0.1:${port}`, connections: 1, perSecond: PER_SECOND, paths: ["/movies"] });
  onTestFinished(() => {
    load.close();
    server.closeAllConnections();
    server.close();
  });
  return load;
}

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise((resolve) => void setTimeout(resolve, 5));
};

it("a page that a server's stall kept from being sent counts from when it was meant to begin", async () => {
  const waiting: ServerResponse[] = [];
  let isSilent = true;
  const load = await loadOn((_request, response) => void (isSilent ? waiting.push(response) : response.end("{}")));
  const begun = performance.now();
  load.begin();
  // One is at the server, on the one connection; all others were meant to be.
  await until(() => waiting.length > 0 && performance.now() - begun > 200);
  const unanswered = load.take();
  const silence = performance.now() - begun;
  const expected = (silence * PER_SECOND) / 1_000;
  const underWay = mergeHistograms([unanswered.histograms["latency"] ?? ""]);
  expect(unanswered.count).toBe(0);
  expect(underWay.totalCount).toBeGreaterThan(expected / 2);
  isSilent = false;
  for (const response of waiting) response.end("{}");
  await load.end();
  const latencies = mergeHistograms([load.take().histograms["latency"] ?? ""]);
  // They were meant to begin evenly all through the silence, so half of them waited for half of it.
  expect(latencies.getValueAtPercentile(50) / 1_000).toBeGreaterThan(silence / 4);
});

it("an answer of another status fails the load", async () => {
  let requests = 0;
  const load = await loadOn((_request, response) => void response.writeHead(++requests % 2 === 0 ? 503 : 200).end());
  load.begin();
  await until(() => hasFailed(load));
  await expect(load.end()).rejects.toThrow("was answered with 503 and not 200.");
});

it("a server that leaves requests unanswered fails the load, and does not keep it waiting", async () => {
  let requests = 0;
  const load = await loadOn(() => void requests++);
  load.begin();
  await until(() => requests > 0);
  await expect(load.end(50)).rejects.toThrow("The server left requests unanswered.");
});

function hasFailed(load: PageLoad): boolean {
  try {
    load.take();
    return false;
  } catch {
    return true;
  }
}
