import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "../../clock/index.ts";
import { createLogger } from "../../log/index.ts";
import { eventually } from "../../testing/eventually.ts";
import { accountFor, launch } from "./account.ts";
import { findBinaries } from "./binaries.ts";
import { type EmbeddedPostgres, startEmbedded } from "./index.ts";
import { findPostmaster, isPostmaster } from "./postmaster.ts";

const CHILD = new URL("embedded-child.ts", import.meta.url).pathname;
const LOADER = new URL("../../../tools/typescript.mjs", import.meta.url).pathname;
const NOBODY = 65_534;
/** Root, in a checkout that others may read. */
const canBeNobody =
  process.getuid?.() === 0 && spawnSync("test", ["-r", CHILD], { uid: NOBODY, gid: NOBODY }).status === 0;
const silent = createLogger({ name: "test", level: "silent" });

/** A data directory after its first start, which takes longest; each test works on a copy. */
let template: string;
let dataDir: string;
let cluster: string;
const servers: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  template = mkdtempSync(join(tmpdir(), "usher-template-"));
  await (await startEmbedded({ dataDir: template, log: silent, clock: systemClock })).stop();
});

afterAll(() => rmSync(template, { recursive: true, force: true }));

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "usher-embedded-"));
  cluster = join(dataDir, "postgres");
  // Owners and modes are kept: PostgreSQL insists on them.
  expect(spawnSync("cp", ["-a", `${template}/.`, dataDir]).status).toBe(0);
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) await kill(child, "SIGKILL");
  }
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  const left = findPostmaster(cluster);
  if (left !== undefined) {
    process.kill(left.pid, "SIGQUIT");
    await vi.waitFor(() => expect(isPostmaster(left.pid, cluster)).toBe(false), 10_000);
  }
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(log = silent): Promise<EmbeddedPostgres> {
  const server = await startEmbedded({ dataDir, log, clock: systemClock });
  servers.push(server);
  return server;
}

/** Starts the server in a process of its own; answers the line it says. */
async function startChild(as: { uid?: number; gid?: number } = {}): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, ["--import", LOADER, CHILD, dataDir], {
    ...as,
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  const said = await new Promise<string>((resolve) => {
    createInterface({ input: child.stdout })
      .once("line", resolve)
      .once("close", () => resolve("nothing"));
  });
  return { child, said };
}

function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill(signal);
  });
}

async function query<Row extends pg.QueryResultRow>(url: string, text: string, values?: string[]): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

function postmaster(): number {
  const found = findPostmaster(cluster);
  if (found === undefined) throw new Error("no server runs");
  return found.pid;
}

test("data, address and password survive a stop, and nothing keeps running", async () => {
  rmSync(dataDir, { recursive: true });
  const first = await start();
  await query(first.url, "create table kept as select 1 as n");
  const pid = postmaster();
  await first.stop();
  expect(isPostmaster(pid, cluster)).toBe(false);
  const second = await start();
  expect(second.url).toBe(first.url);
  expect(await query(second.url, "select n from kept")).toEqual([{ n: 1 }]);
});

test("a crash leaves it little to read before it serves again: it writes a checkpoint often", async () => {
  const { url } = await start();
  const seconds = "extract(epoch from current_setting('checkpoint_timeout')::interval)::int as seconds";
  expect(await query(url, `select ${seconds}`)).toEqual([{ seconds: 30 }]);
});

test("the server is safe: on loopback alone, with a password, writing through to the disk", async () => {
  const { url } = await start();
  const wanted = { fsync: "on", synchronous_commit: "on", full_page_writes: "on", listen_addresses: "127.0.0.1" };
  for (const [name, value] of Object.entries(wanted)) {
    expect(await query(url, `select current_setting('${name}') as value`)).toEqual([{ value }]);
  }
  const wrong = new URL(url);
  wrong.password = "wrong";
  await expect(query(wrong.href, "select 1")).rejects.toThrow(/password/);
  expect(readFileSync(join(cluster, "pg_hba.conf"), "utf8")).not.toMatch(/^(local|host).*trust$/m);
});

test("a second Usher on the same data directory is refused and told the pid of the first", async () => {
  await start();
  const { said } = await startChild();
  expect(said).toMatch(new RegExp(`^refused Another Usher \\(process ${process.pid}\\) uses the data directory`));
});

test("a server whose parent was killed is ended at the next start, and its data is there", async () => {
  const { child, said } = await startChild();
  const url = said.replace("ready ", "");
  await query(url, "create table kept as select 1 as n");
  const orphan = postmaster();
  await kill(child, "SIGKILL");
  expect(isPostmaster(orphan, cluster)).toBe(true);
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const server = await start(createLogger({ name: "test", level: "warn", destination }));
  expect(isPostmaster(orphan, cluster)).toBe(false);
  expect(server.url).toBe(url);
  expect(await query(url, "select n from kept")).toEqual([{ n: 1 }]);
  expect(lines).toEqual([expect.stringMatching(new RegExp(`"postgresPid":${orphan},"msg":"ending the PostgreSQL`))]);
  expect(lines[0]?.match(/"pid":/g)).toHaveLength(1);
});

test("a stale pid file is tolerated, and a process that has its pid by now is left alone", async () => {
  await (await start()).stop();
  // By the account that PostgreSQL runs as: only then would it take the process for a server.
  const bystander = spawn("sleep", ["1000"], { ...accountFor(cluster), stdio: "ignore" });
  children.push(bystander);
  writeFileSync(join(cluster, "postmaster.pid"), `${bystander.pid}\n${cluster}\n1\n5432\n\n127.0.0.1\n1 1\nready   \n`);
  writeFileSync(join(dataDir, "usher.pid"), `${bystander.pid}\n`);
  const { url } = await start();
  expect(await query(url, "select 1 as n")).toEqual([{ n: 1 }]);
  expect(bystander.exitCode).toBeNull();
  expect(bystander.signalCode).toBeNull();
});

test.each(["SIGKILL", "SIGQUIT", "SIGINT"] as const)(
  "a server ended by %s is back at the same address",
  async (signal) => {
    const { url } = await start();
    await query(url, "create table kept as select 1 as n");
    for (let round = 0; round < 3; round += 1) {
      const pid = postmaster();
      process.kill(pid, signal);
      await eventually(async () => {
        expect(isPostmaster(pid, cluster)).toBe(false);
        expect(await query(url, "select n from kept")).toEqual([{ n: 1 }]);
      });
    }
  },
);

test("a server that somebody else has started again meanwhile is adopted, and stopped with us", async () => {
  const { child, said } = await startChild();
  const url = said.replace("ready ", "");
  const pid = postmaster();
  child.kill("SIGSTOP");
  process.kill(pid, "SIGQUIT");
  // The stopped parent cannot reap it, but a zombie has no working directory.
  await eventually(async () => expect(isPostmaster(pid, cluster)).toBe(false));
  const { postgres } = await findBinaries();
  const { file, args, options } = launch(accountFor(cluster), [cluster, postgres], postgres, ["-D", cluster]);
  const other = spawn(file, args, { ...options, stdio: "ignore" });
  children.push(other);
  await eventually(async () => expect(await query(url, "select 1 as n")).toEqual([{ n: 1 }]));
  child.kill("SIGCONT");
  const adopted = postmaster();
  expect(adopted).toBe(other.pid);
  expect(await query(url, "select 1 as n")).toEqual([{ n: 1 }]);
  await kill(child, "SIGTERM");
  expect(isPostmaster(adopted, cluster)).toBe(false);
});

test("a port that is taken is replaced by another", async () => {
  const first = await start();
  const port = Number(new URL(first.url).port);
  await first.stop();
  const squatter = createServer();
  await new Promise<void>((resolve) => squatter.listen(port, "127.0.0.1", resolve));
  try {
    const second = await start();
    expect(Number(new URL(second.url).port)).not.toBe(port);
    expect(await query(second.url, "select 1 as n")).toEqual([{ n: 1 }]);
  } finally {
    squatter.close();
  }
});

test("data of a newer Usher, or of another PostgreSQL, is refused in one sentence and left as it is", async () => {
  await (await start()).stop();
  writeFileSync(join(dataDir, "VERSION"), "2\n");
  await expect(start()).rejects.toThrow(/written by a newer version of Usher \(format "2", this one knows 1\): run/);
  writeFileSync(join(dataDir, "VERSION"), "1\n");
  const version = join(cluster, "PG_VERSION");
  const right = readFileSync(version, "utf8");
  writeFileSync(version, "12\n");
  await expect(start()).rejects.toThrow(
    /was written by PostgreSQL 12, and this version of Usher brings PostgreSQL \d+/,
  );
  writeFileSync(version, right);
  await start();
});

test("a VERSION that was made and never written, since the process ended in between, is written by the next start", async () => {
  writeFileSync(join(dataDir, "VERSION"), "");
  await start();
  expect(readFileSync(join(dataDir, "VERSION"), "utf8")).toBe("1\n");
});

test("a start that fails says why, leaves nothing running and the directory free", async () => {
  await (await start()).stop();
  const settings = join(cluster, "postgresql.conf");
  const right = readFileSync(settings, "utf8");
  appendFileSync(settings, "\nno_such_setting = 1\n");
  await expect(start()).rejects.toThrow(/did not start: .*postgres.log/);
  expect(existsSync(join(cluster, "postmaster.pid"))).toBe(false);
  writeFileSync(settings, right);
  await start();
});

test("a password that is not the data's is refused by the name of its file, and nothing is left running", async () => {
  const file = join(dataDir, "postgres.password");
  const right = readFileSync(file, "utf8");
  writeFileSync(file, "another's\n");
  await expect(start()).rejects.toThrow(
    `The embedded PostgreSQL refuses the password in ${file}: put back the file that belongs to the data beside it.`,
  );
  expect(findPostmaster(cluster)).toBeUndefined();
  writeFileSync(file, right);
  await start();
});

test.runIf(process.getuid?.() === 0)(
  "data copied without its owner are refused with both names and the remedy",
  async () => {
    const { uid, gid } = accountFor(cluster) ?? { uid: 0, gid: 0 };
    const owner = spawnSync("id", ["-un", String(uid)], { encoding: "utf8" }).stdout.trim();
    chownSync(cluster, 0, 0);
    await expect(start()).rejects.toThrow(
      `${cluster} belongs to root, and PostgreSQL runs as ${owner} here: ` +
        `copy it with its owners (cp -a, tar -p), or give it back, as root: chown -R ${owner} ${cluster}`,
    );
    chownSync(cluster, uid, gid);
    await start();
  },
);

test("the log of a server that runs is kept short: what it says next begins an empty one", async () => {
  const { url } = await start();
  const path = join(dataDir, "postgres.log");
  appendFileSync(path, `${"much ".repeat(3 * 1024 * 1024)}\nthe end\n`);
  await vi.waitFor(() => expect(statSync(path).size).toBe(0), { timeout: 10_000, interval: 20 });
  expect(readFileSync(`${path}.1`, "utf8")).toMatch(/much much \nthe end\n$/);
  await expect(query(url, "select no_such_column")).rejects.toThrow("no_such_column");
  await vi.waitFor(() => expect(readFileSync(path, "utf8")).toMatch(/^\d{4}.*ERROR: .*no_such_column/), 10_000);
});

test("an address that somebody has already does not come into the log, and whoever asked for it hears why", async () => {
  const { url } = await start();
  await query(url, "create table buyer (email text unique)");
  const insert = () => query(url, "insert into buyer values ($1)", ["ann@example.com"]);
  await insert();
  await expect(insert()).rejects.toMatchObject({ detail: expect.stringContaining("ann@example.com") });
  await expect(query(url, "select no_such_column")).rejects.toThrow("no_such_column");
  const said = () => readFileSync(join(dataDir, "postgres.log"), "utf8");
  await vi.waitFor(() => expect(said()).toMatch(/ERROR: .*buyer_email_key[^]*no_such_column/), 10_000);
  expect(said()).not.toContain("@");
});

test("a data directory that cannot be made is refused in one sentence", async () => {
  writeFileSync(join(dataDir, "file"), "");
  const below = join(dataDir, "file", "data");
  for (const nowhere of [below, ...(process.platform === "linux" ? ["/proc/usher", "/proc/usher/data"] : [])]) {
    await expect(startEmbedded({ dataDir: nowhere, log: silent, clock: systemClock })).rejects.toThrow(
      /^The data directory .* cannot be used: .*DATA_DIR/,
    );
  }
});

test.runIf(canBeNobody)("runs as a user without privileges too, and root goes on with that user's data", async () => {
  rmSync(dataDir, { recursive: true });
  mkdirSync(dataDir);
  chownSync(dataDir, NOBODY, NOBODY);
  const { child, said } = await startChild({ uid: NOBODY, gid: NOBODY });
  expect(said).toMatch(/^ready /);
  await kill(child, "SIGTERM");
  const { url } = await start();
  expect(await query(url, "select 1 as n")).toEqual([{ n: 1 }]);
});
