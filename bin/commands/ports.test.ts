/** What commands say of ports that they cannot have, before they start anything. */
import type { Command } from "commander";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { portOf } from "../../platform/testing/port-of.ts";
import { freePorts } from "../../platform/network/index.ts";
import type { Context } from "../context.ts";
import { allCommand } from "./all.ts";
import { clusterCommand } from "./cluster.ts";
import { edgeCommand } from "./edge.ts";
import { engineCommand } from "./engine.ts";
import { servicesCommand } from "./services.ts";

const dataDir = mkdtempSync(join(tmpdir(), "usher-ports-"));
let server: Server;
let taken: number;
beforeAll(async () => {
  server = createServer((socket) => socket.destroy()).listen(0, "127.0.0.1");
  await once(server, "listening");
  taken = portOf(server);
});
afterAll(() => {
  server.close();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Runs a command whose database does not answer: it ends with that where it does not refuse its ports before. */
async function run(
  makeCommand: (context: Context) => Command,
  env: Readonly<Record<string, number | string>>,
): Promise<void> {
  const ports = { HTTP_PORT: 0, WS_PORT: 0, HTTPS_PORT: 0, ...env };
  const command = makeCommand({
    env: {
      ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
      DATA_DIR: dataDir,
      DATABASE_URL: `postgres://127.0.0.1:${taken}/usher?sslmode=disable`,
      LOG_LEVEL: "silent",
    },
    dist: new URL("file:///"),
    version: "0.0.0",
    print: () => {},
  });
  await command.parseAsync([], { from: "user" });
}

it.each([
  ["all", allCommand],
  ["services", servicesCommand],
  ["cluster", clusterCommand],
])("usher %s says that the port of its mock gateway is taken", async (_, command) => {
  const refusal = `Port ${taken} on 127.0.0.1 (MOCK_GATEWAY_PORT) is taken`;
  await expect(run(command, { MOCK_GATEWAY_PORT: taken })).rejects.toThrow(refusal);
});

it.each([
  ["true", "0.0.0.0"],
  ["false", "127.0.0.1"],
])("where MOCK_PAYMENTS is %s the mock gateway listens on %s, whatever HOST is", async (MOCK_PAYMENTS, host) => {
  const refusal = `Port ${taken} on ${host} (MOCK_GATEWAY_PORT) is taken`;
  const settings = { HOST: "0.0.0.0", MOCK_GATEWAY_PORT: taken, MOCK_PAYMENTS };
  await expect(run(servicesCommand, settings)).rejects.toThrow(refusal);
});

it.each([
  ["all", "HTTP_PORT", allCommand],
  ["all", "WS_PORT", allCommand],
  ["services", "HTTP_PORT", servicesCommand],
] as const)("usher %s refuses one port for its mock gateway and %s", async (_, name, command) => {
  const [free = 0] = await freePorts(1);
  const refusal = `${name} and MOCK_GATEWAY_PORT are both ${free}: give each a port of its own.`;
  await expect(run(command, { [name]: free, MOCK_GATEWAY_PORT: free })).rejects.toThrow(refusal);
});

it.each([
  ["all", allCommand],
  ["edge", edgeCommand],
])("usher %s refuses one port for HTTP_PORT and WS_PORT, since it opens both", async (_, command) => {
  const [free = 0] = await freePorts(1);
  const settings = { HTTP_PORT: free, WS_PORT: free, NATS_URL: `nats://127.0.0.1:${taken}` };
  await expect(run(command, settings)).rejects.toThrow(`HTTP_PORT and WS_PORT are both ${free}`);
});

it.each([
  ["services", servicesCommand],
  ["engine", engineCommand],
])("usher %s, which opens no WebSocket port, takes one port for both", async (_, command) => {
  const [free = 0] = await freePorts(1);
  const settings = { HTTP_PORT: free, WS_PORT: free, NATS_URL: `nats://127.0.0.1:${taken}` };
  await expect(run(command, settings)).rejects.toThrow("PostgreSQL");
});

it.each(["192.0.2.1", "fe80::1", "usher.invalid"])(
  "usher all says that it cannot listen on %s, also where any port will do",
  async (HOST) => {
    await expect(run(allCommand, { HOST })).rejects.toThrow(
      new RegExp(`^Port 0 on ${HOST} \\(HTTP_PORT\\) cannot be had.* HOST`),
    );
  },
);

it.each(["HTTP_PORT", "WS_PORT", "MOCK_GATEWAY_PORT"])(
  "usher cluster refuses one port for HTTPS_PORT and %s",
  async (name) => {
    const refusal = `${name} and HTTPS_PORT are both ${taken}: give each a port of its own.`;
    await expect(run(clusterCommand, { [name]: taken, HTTPS_PORT: taken })).rejects.toThrow(refusal);
  },
);
