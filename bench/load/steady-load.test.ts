import { once } from "node:events";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { portOf } from "../../platform/testing/port-of.ts";
import { until } from "../../platform/testing/until.ts";
import { mergeHistograms } from "./recorder.ts";
import { SteadyLoad, type SteadyLoadOptions } from "./steady-load.ts";

const PER_SECOND = 200;

/** A load on a server that answers so. */
async function loadOn(listener: RequestListener, options: Partial<SteadyLoadOptions> = {}): Promise<SteadyLoad> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  const load = new SteadyLoad();
  load.open({
    url: `http://127.0.0.1:${portOf(server)}`,
    connections: 1,
    perSecond: PER_SECOND,
    requests: [{ method: "GET", path: "/movies", expects: 200 }],
    ...options,
  });
  onTestFinished(() => {
    load.close();
    server.closeAllConnections();
    server.close();
  });
  return load;
}

it("a page that a server's stall kept from being sent counts from when it was meant to begin", async () => {
  const waiting: ServerResponse[] = [];
  let isSilent = true;
  const load = await loadOn((_request, response) => void (isSilent ? waiting.push(response) : response.end("{}")));
  const begun = performance.now();
  load.begin();
  // One is at the server, on the one connection; all others were meant to be.
  await until(() => waiting.length > 0 && performance.now() - begun > 200, "a request, and time");
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

it("each client holds a seat of its own, releases that hold, and sends one request at a time", async () => {
  const asked = new Map<string, string[]>();
  const inFlight = new Set<string>();
  const load = await loadOn(
    (request, response) => {
      const { method, url, headers } = request;
      const who = headers.authorization ?? "";
      expect(inFlight).not.toContain(who);
      inFlight.add(who);
      void text(request).then((body) => {
        inFlight.delete(who);
        asked.set(who, [...(asked.get(who) ?? []), `${method} ${url} ${body}`]);
        if (method === "POST") response.writeHead(201).end(`{"holdId":"of-${body}"}`);
        else response.writeHead(204).end();
      });
    },
    {
      connections: 2,
      tokens: ["one", "other"],
      requests: [
        { method: "POST", path: "/holds", body: "{seat}", expects: 201 },
        { method: "DELETE", path: "/holds/{hold}", expects: 204 },
      ],
    },
  );
  load.begin();
  const hasTwo = (who: string): boolean => (asked.get(who)?.length ?? 0) >= 2;
  await until(() => hasTwo("Bearer one") && hasTwo("Bearer other"), "two requests of each");
  await load.end();
  expect(asked.get("Bearer one")?.slice(0, 2)).toEqual(["POST /holds 0", "DELETE /holds/of-0 "]);
  expect(asked.get("Bearer other")?.slice(0, 2)).toEqual(["POST /holds 1", "DELETE /holds/of-1 "]);
  // What the last round may have left held is not asked for again.
  asked.clear();
  load.begin();
  await until(() => asked.size === 2, "requests for both");
  await load.end();
  expect(asked.get("Bearer one")?.[0]).toBe("POST /holds 2");
});

it("an answer of another status fails the load", async () => {
  let requests = 0;
  const load = await loadOn((_request, response) => void response.writeHead(++requests % 2 === 0 ? 503 : 200).end());
  load.begin();
  await until(() => hasFailed(load), "a failure");
  await expect(load.end()).rejects.toThrow("GET /movies was answered with 503 and not 200");
});

it("a server that leaves requests unanswered fails the load, and does not keep it waiting", async () => {
  let requests = 0;
  const load = await loadOn(() => void requests++);
  load.begin();
  await until(() => requests > 0, "a request");
  await expect(load.end(50)).rejects.toThrow("The server left requests unanswered.");
});

function hasFailed(load: SteadyLoad): boolean {
  try {
    load.take();
    return false;
  } catch {
    return true;
  }
}
