import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Environment, loadConfig } from "../../platform/config/index.ts";
// @ts-expect-error -- A tool is plain JavaScript, so that it runs before anything is built.
import { PROGRAMS } from "../../tools/programs.mjs";
import { makePlan, type Plan } from "./plan.ts";
import type { Program } from "./process-under-watch.ts";

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "usher-plan-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const planOf = (env: Environment): Promise<Plan> =>
  makePlan({
    config: loadConfig({ DATA_DIR: dataDir, ...env }),
    context: { env: {}, dist: new URL("file:///usher/dist/"), version: "0.0.0", print: () => {} },
    databaseUrls: {
      engine: "postgres://a@db/usher",
      services: "postgres://b@db/usher",
      gateway: "postgres://c@db/usher",
    },
    secrets: {
      nats: { engine: "a", edge: "b", services: "c", operator: "d" },
      routes: "e",
      postgres: { engine: "a", services: "b", gateway: "c" },
      gateway: "long-enough-to-be-one",
      certificateFile: "certificate.pem",
    },
    sizes: { engines: 1, edges: 1, services: 1 },
  });

/** What one of Usher's roles is told. */
async function settingsOf(name: string, env: Environment): Promise<Program["env"]> {
  const { roles, edges } = await planOf(env);
  const role = [...roles.flat(), ...edges].find((each) => each.name === name);
  if (role === undefined) throw new Error(`there is no ${name}`);
  expect(() => loadConfig(role.env)).not.toThrow();
  return role.env;
}

it.each([
  ["127.0.0.1", "http://127.0.0.1:8080"],
  ["::1", "http://[::1]:8080"],
  ["0.0.0.0", "http://localhost:8080"],
  ["::", "http://localhost:8080"],
])("links of a cluster at %s begin with %s", async (host, url) => {
  for (const name of ["services-1", "edge-1", "gateway"])
    expect(await settingsOf(name, { HOST: host })).toMatchObject({ PUBLIC_URL: url });
});

it.each([
  [{ HOST: "0.0.0.0" }, "0.0.0.0", "localhost"],
  [{ HOST: "192.0.2.7" }, "192.0.2.7", "192.0.2.7"],
  [{ HOST: "0.0.0.0", MOCK_PAYMENTS: "false" }, "127.0.0.1", "127.0.0.1"],
])("with %j buyers find the mock gateway at %s, and services at %s", async (env, host, name) => {
  for (const port of ["8090", undefined]) {
    const settings = { ...env, ...(port !== undefined && { MOCK_GATEWAY_PORT: port }) };
    const { roles } = await planOf(settings);
    const [gateway, services] = roles.flat().filter((each) => /gateway|services/.test(each.name));
    expect(gateway?.env).toMatchObject({ HOST: host, MOCK_GATEWAY_PORT: port ?? expect.stringMatching(/^[1-9]/) });
    const { MOCK_GATEWAY_PORT } = gateway?.env ?? {};
    expect(services?.env).toMatchObject({ MOCK_GATEWAY_URL: `http://${name}:${MOCK_GATEWAY_PORT}` });
  }
});

it.each([
  [{ HOST: "127.0.0.1" }, "true"],
  [{ HOST: "0.0.0.0" }, "false"],
  [{ HOST: "127.0.0.1", WEBHOOK_PRIVATE_ADDRESSES: "false" }, "false"],
  [{ HOST: "0.0.0.0", WEBHOOK_PRIVATE_ADDRESSES: "true" }, "true"],
])(
  "whether webhooks may go to private addresses is decided by who can reach the cluster: with %j %s",
  async (env, may) => {
    expect(await settingsOf("services-1", env)).toMatchObject({ WEBHOOK_PRIVATE_ADDRESSES: may });
  },
);

it("a cluster believes its own entry about addresses, and the proxies that stand before it", async () => {
  for (const name of ["services-1", "edge-1"]) {
    expect(await settingsOf(name, {})).toMatchObject({ TRUSTED_PROXIES: "127.0.0.1" });
    expect(await settingsOf(name, { TRUSTED_PROXIES: "10.0.0.7, fd00::/8" })).toMatchObject({
      TRUSTED_PROXIES: "127.0.0.1,10.0.0.7,fd00::/8",
    });
  }
});

it("the page may connect by whichever name it is reached, with TLS and without", async () => {
  const origins = async (env: Environment): Promise<string[] | undefined> =>
    (await settingsOf("edge-1", env))["ALLOWED_ORIGINS"]?.split(",");
  for (const host of ["192.0.2.7", "::1"]) {
    const name = host.includes(":") ? `[${host}]` : host;
    const wanted = [`http://${name}:8080`, `https://${name}:8443`, "https://localhost:8443", "https://a.example"];
    expect(await origins({ HOST: host, ALLOWED_ORIGINS: "https://a.example" })).toEqual(expect.arrayContaining(wanted));
  }
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const wanted = own.filter(({ family }) => family === "IPv4").map(({ address }) => `https://${address}`);
  expect(await origins({ HOST: "0.0.0.0", HTTPS_PORT: "443" })).toEqual(expect.arrayContaining(wanted));
});

it("a server that runs in a container is passed the variables that it is given, and no others", async () => {
  const programs = PROGRAMS as readonly { readonly commands: readonly string[]; readonly env?: readonly string[] }[]; // The list's own shape.
  const { servers, entry } = await planOf({});
  for (const { command, env } of [...servers, entry]) {
    const program = programs.find(({ commands }) => commands[0] === command);
    expect([command, program?.env ?? []]).toEqual([command, Object.keys(env)]);
  }
});

it("no program is passed a secret that is another's", async () => {
  const { servers, roles, edges, entry } = await planOf({});
  const secrets = ["DATABASE_URL", "SMTP_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "USHER_ADMIN_PASSWORD"];
  for (const { name, withheld, env } of [...servers, ...roles.flat(), ...edges, entry]) {
    const passed = secrets.filter((each) => withheld?.includes(each) !== true && env[each] === undefined);
    expect([name, passed]).toEqual([name, name === "services-1" ? secrets.slice(1) : []]);
  }
});
