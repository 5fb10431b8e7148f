import { connect } from "node:net";
import { pino } from "pino";
import { expect, it } from "vitest";
import { VirtualClock } from "../../clock/index.ts";
import { createMetrics } from "../../metrics/index.ts";
import { PROBLEM_TYPE, type ProblemBody } from "../../../proto/rest/index.ts";
import { HANDLER_LOOK_EVERY_MS, HANDLER_TIMEOUT_MS } from "../limits.ts";
import { portOf } from "../../testing/port-of.ts";
import { testServer } from "../testing.ts";

it("answers for a handler that takes too long, and lets one that does not answer for itself", async () => {
  const clock = new VirtualClock();
  const metrics = createMetrics("test");
  const told: Record<string, unknown>[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void told.push(JSON.parse(line)) });
  const server = await testServer({ clock, metrics, log });
  try {
    let finish = () => {};
    let started = 0;
    const begun = new Promise<void>((resolve) => {
      server.app.get("/slow", async () => {
        if (++started === 2) resolve();
        return new Promise((answer) => (finish = () => answer({ late: true })));
      });
    });
    const first = server.app.inject({ url: "/slow" });
    const second = clock.advance(HANDLER_LOOK_EVERY_MS).then(() => server.app.inject({ url: "/slow" }));
    await begun;
    await clock.advance(HANDLER_TIMEOUT_MS - 1);
    const late = await first;
    expect([late.statusCode, late.json()]).toEqual([503, expect.objectContaining({ code: "UNAVAILABLE" })]);
    expect(late.headers).toMatchObject({ "content-type": PROBLEM_TYPE, "retry-after": "1", connection: "close" });
    expect(late.headers["x-request-id"]).toBe(late.json<ProblemBody>().requestId);
    expect(told).toMatchObject([{ code: "UNAVAILABLE", route: "/slow", reason: expect.stringContaining("too long") }]);
    expect(late.headers["x-content-type-options"]).toBe("nosniff");
    expect(await metrics.metrics()).toMatch(/usher_http_request_seconds_count{.*route="\/slow".*status="503".*} 1/);
    finish();
    expect((await second).json()).toEqual({ late: true });
  } finally {
    await server.close();
  }
});

it("leaves one that does not send its body to Node, whose limit is for those: it was never asked", async () => {
  const clock = new VirtualClock();
  const metrics = createMetrics("test");
  const server = await testServer({ clock, metrics });
  try {
    server.app.post("/echo", async ({ body }) => body);
    const arrived = new Promise<void>((resolve) => server.app.addHook("onRequest", async () => resolve()));
    await server.app.listen({ port: 0, host: "127.0.0.1" });
    const socket = connect(portOf(server.app.server), "127.0.0.1");
    const said: string[] = [];
    socket.on("data", (bytes) => void said.push(String(bytes)));
    socket.write("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n");
    await arrived;
    await clock.advance(HANDLER_TIMEOUT_MS + HANDLER_LOOK_EVERY_MS);
    expect(await metrics.metrics()).toMatch(/^usher_http_failures_total\{.*\} 0$/m);
    socket.write("{}");
    await expect.poll(() => said.join("")).toContain("200 OK");
    socket.destroy();
  } finally {
    await server.close();
  }
});
