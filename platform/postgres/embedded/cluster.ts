import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { freePorts, isFree } from "../../network/index.ts";
import { DatabaseUnusable } from "../errors.ts";
import { type Account, launch, requireOwner } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import { writeDurably } from "./data-directory.ts";

/** PostgreSQL's word for a data directory with the databases in it. */
export interface Cluster {
  readonly path: string;
  readonly password: string;
}

const SUPERUSER = "usher";
const DATABASE = "usher";

/** The paths below DATA_DIR. */
export const clusterPath = (dataDir: string): string => join(dataDir, "postgres");
export const logPath = (dataDir: string): string => join(dataDir, "postgres.log");
export const passwordPath = (dataDir: string): string => join(dataDir, "postgres.password");
const portPath = (dataDir: string): string => join(dataDir, "postgres.port");

/**
 * The cluster under `dataDir`, made on the first start: in a directory of another name, so that one half made is
 * never taken for one.
 * @throws DatabaseUnusable
 */
export async function openCluster(dataDir: string, binaries: Binaries, account: Account | undefined): Promise<Cluster> {
  const path = clusterPath(dataDir);
  for (const name of readdirSync(dataDir)) {
    if (name.startsWith("postgres.new-")) rmSync(join(dataDir, name), { recursive: true, force: true });
  }
  if (existsSync(path)) {
    requireOwner(path, account);
    checkMajor(path, binaries.major);
    return { path, password: readPassword(dataDir) };
  }
  const password = randomBytes(24).toString("base64url");
  writeDurably(passwordPath(dataDir), `${password}\n`, 0o600);
  const fresh = `${path}.new-${randomBytes(4).toString("hex")}`;
  mkdirSync(fresh, { mode: 0o700 });
  try {
    if (account !== undefined) {
      chownSync(fresh, account.uid, account.gid);
      chownSync(passwordPath(dataDir), account.uid, account.gid);
    }
    await makeCluster(fresh, passwordPath(dataDir), binaries, account);
    renameSync(fresh, path);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
  return { path, password };
}

async function makeCluster(
  path: string,
  passwordFile: string,
  binaries: Binaries,
  account: Account | undefined,
): Promise<void> {
  const reach = [path, binaries.postgres, binaries.initdb];
  const options = [
    `--pgdata=${path}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
  ];
  await run(launch(account, reach, binaries.initdb, options));
  appendFileSync(join(path, "postgresql.conf"), "\ninclude_if_exists = 'usher.conf'\n");
  const single = launch(account, reach, binaries.postgres, ["--single", "-D", path, "postgres"]);
  await run(single, `CREATE DATABASE ${DATABASE}\n`);
}

async function run({ file, args, options }: ReturnType<typeof launch>, input = ""): Promise<void> {
  const child = spawn(file, args, { ...options, stdio: "pipe" });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  // A program that ends before it has read its input is reported by its exit code.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return;
  throw new DatabaseUnusable(whyNotMade(output) || `${NOT_MADE}: exit ${code}`);
}

const NOT_MADE = "The embedded PostgreSQL could not make its data directory";

/** One sentence of what PostgreSQL's programs have said: behind the cause they tell what they did about it. Empty when they said nothing. */
export function whyNotMade(output: string): string {
  const lines = output.trim().split("\n");
  const cause = lines.map((line) => /\b(?:FATAL|PANIC|ERROR|error): .*/.exec(line)?.[0]).findLast(Boolean);
  const reason = cause ?? lines.at(-1) ?? "";
  if (reason === "") return "";
  if (/No space left on device|Disk quota exceeded/.test(reason))
    return `${NOT_MADE}, because the disk of DATA_DIR is full: free space there (${reason}).`;
  return `${NOT_MADE}: ${reason}`;
}

function checkMajor(path: string, major: number): void {
  const file = join(path, "PG_VERSION");
  const found = existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
  if (found === String(major)) return;
  throw new DatabaseUnusable(
    `${path} ${found === undefined ? "holds no PostgreSQL data" : `was written by PostgreSQL ${found}`}, and this ` +
      `version of Usher brings PostgreSQL ${major}: set DATA_DIR to another directory, or move the data over with pg_dump.`,
  );
}

function readPassword(dataDir: string): string {
  const file = passwordPath(dataDir);
  if (existsSync(file)) return readFileSync(file, "utf8").trim();
  throw new DatabaseUnusable(`${file} with the password of the data beside it is missing: put it back.`);
}

/** Whether there are databases in `dataDir`, whoever serves them. */
export const hasCluster = (dataDir: string): boolean => existsSync(join(clusterPath(dataDir), "PG_VERSION"));

/** Where the server of `dataDir` listens when it runs; undefined when there never was one. */
export function embeddedUrl(dataDir: string): string | undefined {
  if (!existsSync(passwordPath(dataDir)) || !existsSync(portPath(dataDir))) return undefined;
  return urlOf(readPassword(dataDir), Number(readFileSync(portPath(dataDir), "utf8")));
}

export const urlOf = (password: string, port: number): string =>
  `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`;

/** The port of the last start, so that what was noted down keeps working; another when that is taken. */
export async function choosePort(dataDir: string): Promise<number> {
  const file = portPath(dataDir);
  const remembered = existsSync(file) ? Number(readFileSync(file, "utf8")) : 0;
  const usable = Number.isInteger(remembered) && remembered > 0 && remembered < 65_536;
  if (usable && (await isFree(remembered))) return remembered;
  const [port] = await freePorts(1);
  writeDurably(file, `${port}\n`);
  return port as number; // The cast: one was asked for.
}

/**
 * Written into the cluster and not given as arguments, so that a server which somebody starts by hand with `pg_ctl`
 * is the same.
 */
export function configure(cluster: string, port: number): void {
  const settings = {
    listen_addresses: "127.0.0.1",
    port,
    unix_socket_directories: "",
    max_connections: 300,
    shared_buffers: "128MB",
    // After a crash all is read that it wrote to its journal (WAL) since the last checkpoint, and nobody is served meanwhile.
    checkpoint_timeout: "30s",
    max_wal_size: "2GB",
    // Who waits for a lock and has been given up is gone, and keeps no connection: while commits wait for a standby, they would be used up.
    client_connection_check_interval: "2s",
    // A new file of its journal would be filled with zeros first, and all commits wait for that: up to 50 ms on a disk that is busy.
    wal_init_zero: "off",
    min_wal_size: "512MB",
    fsync: "on",
    synchronous_commit: "on",
    full_page_writes: "on",
    // Short statements on few cores: what follows only costs start-up time and processes.
    jit: "off",
    io_method: "sync",
    max_parallel_workers_per_gather: 0,
    log_checkpoints: "off",
    // The detail of an error has rows in it, as the address that somebody else has already. Clients are told of it all the same.
    log_error_verbosity: "terse",
    timezone: "UTC",
    log_timezone: "UTC",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'`);
  // Readable for the account PostgreSQL runs as; the directory is closed to all others.
  writeDurably(join(cluster, "usher.conf"), `# Written by Usher at each start.\n${lines.join("\n")}\n`);
}
