import { expect, it } from "vitest";
import { WebSocket } from "ws";
import { UsherClient } from "../../client/index.ts";
import { testDatabase } from "../../platform/postgres/testing.ts";
import { FaultProxy } from "./fault-proxy.ts";
import { ends, engine, launch, prepareRoles, role, settings, SLOW } from "./roles.ts";
import { PATIENCE_MS } from "./world.ts";

prepareRoles();

it("an edge that alone loses NATS gets no newcomers, and sends its clients elsewhere", { timeout: SLOW }, async () => {
  const own = await testDatabase();
  ends.push(() => own.drop());
  const { NATS_URL = "" } = settings();
  const { hostname, port } = new URL(NATS_URL);
  const way = await FaultProxy.to(hostname, Number(port));
  ends.push(() => way.close());
  const more = { DATABASE_URL: own.url, MOCK_GATEWAY_PORT: "0", WS_PORT: "0" };
  await engine(more);
  await role("services", more);
  const edge = launch("edge", { ...more, NATS_URL: `nats://127.0.0.1:${way.port}` });
  const [, url = ""] = await edge.said(/WebSocket +(ws:\S+)/);
  await edge.said(/^ready$/m);
  const serving = async (): Promise<number> =>
    (await fetch(new URL("/health/serving", url.replace("ws:", "http:")))).status;
  const client = new UsherClient({ url, WebSocket });
  ends.push(() => client.close());
  await client.connect();
  const sentAway = new Promise((resolve) => client.on("goaway", resolve));
  expect(await serving()).toBe(200);

  way.silence();
  await expect.poll(serving, { timeout: PATIENCE_MS }).toBe(503);
  await sentAway;
  way.open();
  await expect.poll(serving, { timeout: PATIENCE_MS }).toBe(200);
});
