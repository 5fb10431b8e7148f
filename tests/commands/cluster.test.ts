/** `usher cluster` from its start to Ctrl-C, as whoever runs it sees it. What it does under faults is in tests/faults. */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { RestClient, UsherClient } from "../../client/index.ts";
import { testDatabase, type TestDatabase } from "../../platform/postgres/testing.ts";
import { prepared } from "../../platform/testing/prepared.ts";
import { Launch, removeDirectory, temporaryDirectory, usher } from "../support/usher-process.ts";

const TIMEOUT_MS = 240_000;
const SERVERS = ["nats-1", "nats-2", "nats-3", "redis"];
const ROLES = ["engine-1", "edge-1", "services-1"];

let database: TestDatabase;
let home: string;
/** Longer than the name of a socket may be. */
let dataDir: string;
let cluster: Launch | undefined;

beforeAll(async () => {
  await prepared();
  [database, home] = [await testDatabase(), await temporaryDirectory()];
  dataDir = join(home, "d".repeat(120));
}, TIMEOUT_MS);
afterAll(async () => {
  cluster?.child.kill("SIGINT"); // Where the test has not.
  await cluster?.ended;
  await database.drop();
  await removeDirectory(home);
}, TIMEOUT_MS);

interface Change {
  readonly process: string;
  readonly programPid?: number;
  readonly msg: string;
}

/** What became of its processes so far, as its log has it. */
const changesOf = ({ stderr }: Launch): Change[] =>
  stderr
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Change) // As it is logged.
    .filter(({ process }) => process !== undefined);

/** Who is in a database just now. */
async function usersOf(name: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    const sessions = "select distinct usename as name from pg_stat_activity where datname = $1";
    return (await client.query<{ name: string }>(sessions, [name])).rows.map((row) => row.name);
  } finally {
    await client.end();
  }
}

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

it(
  "a cluster starts, says where it is, serves, with TLS too, and ends with all its processes at Ctrl-C",
  { timeout: TIMEOUT_MS },
  async () => {
    const settings = { HTTP_PORT: "0", WS_PORT: "0", HTTPS_PORT: "0", DATA_DIR: dataDir, LOG_LEVEL: "info" };
    const launch = new Launch(["cluster", "--engines", "1", "--edges", "1", "--services", "1"], {
      ...settings,
      DATABASE_URL: database.url,
    });
    cluster = launch;
    await launch.said(/^ready$/m);
    const [, page] = await launch.said(/page +(http:\/\/\S+)/);
    expect(launch.stdout).toMatch(/^ +admin +\S+@\S+/m);
    const ready = changesOf(launch).filter(({ msg }) => msg === "ready");
    const names = ready.map(({ process }) => process);
    expect(names).toEqual(expect.arrayContaining([...SERVERS, ...ROLES]));
    const response = await fetch(`${page}api/v1/showtimes`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ items: expect.arrayContaining([expect.anything()]) });
    const name = new URL(database.url).pathname.slice(1);
    const users = ["engine", "gateway", "services"].map((role) => `${name}_${role}`);
    expect(await usersOf(name)).toEqual(expect.arrayContaining(users));

    const [, securePage = "", secureSocket = ""] =
      /(https:\/\/\S+)[^]*(wss:\/\/\S+)/.exec(launch.stdout) ?? expect.fail(launch.stdout);
    const ca = await readFile(join(dataDir, "cluster", "certificate.pem"));
    const [got] = (await once(get(securePage, { ca }), "response")) as [IncomingMessage]; // Of Node's types, any.
    expect([got.statusCode, await text(got)]).toEqual([200, await (await fetch(page!)).text()]);
    const rest = new RestClient(page!);
    const [showtime] = await rest.showtimes();
    class Trusting extends WebSocket {
      constructor(url: string, protocols: string | string[]) {
        super(url, protocols, { ca });
      }
    }
    const token = (await rest.guest()).accessToken;
    const client = new UsherClient({ url: secureSocket, WebSocket: Trusting, token });
    await client.connect();
    expect((await client.holdBest(showtime!.id, { count: 2 })).seats).toHaveLength(2);
    client.close();

    const shards = (await usher(["shards", "--once"], { DATA_DIR: dataDir })).stdout.match(/^ *\d+ #1 e\d+ /gm);
    expect(shards).toHaveLength(64);

    const entry = await readFile(join(dataDir, "cluster", "backends.cfg"), "utf8");
    const second = new Launch(["cluster"], { ...settings, DATABASE_URL: `${database.url}_of_another` });
    expect((await second.ended).code).toBe(1);
    expect(second.stderr).toMatch(/^Another Usher \(process \d+\) uses the data directory/);
    expect(await readFile(join(dataDir, "cluster", "backends.cfg"), "utf8")).toBe(entry);

    launch.child.kill("SIGINT");
    expect((await launch.ended).code).toBe(0);
    const pids = ready.map(({ programPid = 0 }) => programPid);
    expect(pids.filter((pid) => isThere(pid))).toEqual([]);
    const stopped = changesOf(launch)
      .filter(({ msg }) => msg === "stopped")
      .map(({ process }) => process);
    expect(stopped.toSorted()).toEqual(names.toSorted());
    expect(stopped[0]).toBe(names.at(-1)); // The entry: nobody is sent to what is not there.
    const lastRole = Math.max(...ROLES.map((name) => stopped.indexOf(name)));
    for (const name of SERVERS) expect(stopped.indexOf(name)).toBeGreaterThan(lastRole);
  },
);
