/** Roles as processes of their own, one by one, with a NATS and a PostgreSQL of the test file's own. */
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { Leash } from "../../bin/cluster/leash.ts";
import { ProcessUnderWatch } from "../../bin/cluster/process-under-watch.ts";
import { openNatsBus } from "../../platform/bus/index.ts";
import { type NatsServer, startNatsServer } from "../../platform/bus/testing.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { EngineClient } from "../../platform/engine-client/index.ts";
import { testDatabase, type TestDatabase } from "../../platform/postgres/testing.ts";
import { prepared } from "../../platform/testing/prepared.ts";
import type { Command, Query, Reply } from "../../proto/index.ts";
import { Launch, removeDirectory, type Settings, temporaryDirectory, usher } from "../support/usher-process.ts";
import { log, SHARDS } from "./world.ts";

/** For a test that starts several. */
export const SLOW = 120_000;

let nats: NatsServer;
let database: TestDatabase;
let dataDir: string;
/** What the test has to end, in the order in which it began. */
export const ends: (() => Promise<unknown> | void)[] = [];

/** Where they are, unless a test says otherwise. */
export const place = {
  get databaseUrl(): string {
    return database.url;
  },
  get dataDir(): string {
    return dataDir;
  },
};

/** Before the tests of a file that wants them. */
export function prepareRoles(): void {
  beforeAll(async () => {
    await prepared();
    [nats, database, dataDir] = [await startNatsServer(), await testDatabase(), await temporaryDirectory()];
  });
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  afterAll(async () => {
    await nats.stop();
    await database.drop();
    await removeDirectory(dataDir);
  });
}

export const settings = (more: Settings = {}): Settings => ({
  HTTP_PORT: "0",
  NATS_URL: nats.url,
  DATABASE_URL: database.url,
  DATA_DIR: dataDir,
  LOG_LEVEL: "error",
  ...more,
});

/** A role that is expected to end by itself with one sentence. */
export async function refusal(more: Settings, role = "engine"): Promise<string> {
  const { code, stderr } = await usher([role], settings(more));
  expect(code).toBe(1);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  return stderr;
}

export const engine = (more: Settings = {}): Promise<ProcessUnderWatch> => role("engine", more);

/** @param said one line that it says */
export async function role(
  name: string,
  more: Settings = {},
  said: (line: string) => void = () => undefined,
): Promise<ProcessUnderWatch> {
  const leash = new Leash();
  ends.push(() => leash.close());
  const process = new ProcessUnderWatch(
    {
      name,
      command: globalThis.process.execPath,
      args: [join(import.meta.dirname, "../../bin/usher.mjs"), name],
      env: settings(more),
      ready: /^ready$/,
      logFile: join(dataDir, `${name}.log`),
    },
    { clock: systemClock, leash, changed: () => undefined, line: said },
  );
  ends.push(() => process.stop());
  await process.start();
  return process;
}

/** A role that nobody starts again, until the test ends. */
export function launch(name: string, more: Settings): Launch {
  const launched = new Launch([name], settings(more));
  ends.push(() => {
    launched.child.kill("SIGKILL");
    return launched.ended;
  });
  return launched;
}

/** As a service asks. */
export async function asker(): Promise<(request: Command | Query) => Promise<Reply>> {
  const { bus } = await openNatsBus(nats.url, { name: "test", role: "services", clock: systemClock, log });
  ends.push(() => bus.close());
  const client = new EngineClient({
    bus,
    clock: systemClock,
    shards: SHARDS,
    sells: true,
    timeoutMs: 6e4,
    attemptTimeoutMs: 1e3,
    inFlightMax: 100,
  });
  return (request) => client.ask(request);
}
