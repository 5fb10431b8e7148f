import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readFileSync, renameSync } from "node:fs";
import { copyFile, truncate } from "node:fs/promises";
import pg from "pg";
import { doubledMs } from "../../back-off/index.ts";
import { type Clock, Wakeable } from "../../clock/index.ts";
import { hasCode } from "../../error-code/index.ts";
import { isTooLong, type Logger } from "../../log/index.ts";
import { DatabaseUnusable } from "../errors.ts";
import { type Account, accountFor, launch } from "./account.ts";
import { type Binaries, findBinaries } from "./binaries.ts";
import {
  choosePort,
  type Cluster,
  clusterPath,
  configure,
  logPath,
  openCluster,
  passwordPath,
  urlOf,
} from "./cluster.ts";
import { claimDataDirectory } from "./data-directory.ts";
import { findPostmaster, isPostmaster, readPidFile, removeStalePidFile, type Shutdown, signal } from "./postmaster.ts";

export interface EmbeddedPostgres {
  /** Good until `stop`, also across restarts of the server. */
  readonly url: string;
  /** Shuts the server down and waits for its end; safe to call twice. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** DATA_DIR, absolute; made when missing. */
  readonly dataDir: string;
  readonly log: Logger;
  readonly clock: Clock;
}

const POLL_MS = 10;
const WATCH_MS = 250;
const BACKOFF_MIN_MS = 50;
const BACKOFF_MAX_MS = 2_000;
/** How long each way of shutting down may take before the next, harder one. */
const PATIENCE_MS = { fast: 10_000, immediate: 8_000, kill: 2_000 } as const satisfies Record<Shutdown, number>;
const START_ATTEMPTS = 5;
/** SQLSTATE, PostgreSQL's manual, appendix A. */
const WRONG_PASSWORD = "28P01";
/** What hinders a start for a moment: a port lost to a quicker process, children of a killed server still ending. */
const PASSING = /TCP\/IP socket|Address already in use|shared memory block|lock file/;

/**
 * Runs PostgreSQL below `dataDir` for as long as this process wants it: ends a server that a killed Usher left behind,
 * starts one, and starts it again whenever it ends by itself.
 * @throws DatabaseUnusable when it cannot be had; nothing is left running then
 */
export async function startEmbedded({ dataDir, log, clock }: EmbeddedOptions): Promise<EmbeddedPostgres> {
  if (process.platform === "win32") {
    throw new DatabaseUnusable("The embedded PostgreSQL runs on Linux and macOS: set DATABASE_URL, or use WSL.");
  }
  const binaries = await findBinaries();
  const directory = await claimDataDirectory(dataDir);
  try {
    const account = accountFor(clusterPath(dataDir));
    const cluster = await openCluster(dataDir, binaries, account);
    const keeper = new ServerKeeper({ binaries, account, cluster, dataDir, log, clock });
    const port = await keeper.start();
    const url = urlOf(cluster.password, port);
    await requirePassword(url, dataDir).catch(async (error: unknown) => {
      await keeper.stop();
      throw error;
    });
    const stop = async () => {
      try {
        await keeper.stop();
      } finally {
        await directory.release();
      }
    };
    let stopped: Promise<void> | undefined;
    return { url, stop: () => (stopped ??= stop()) };
  } catch (error) {
    await directory.release();
    throw error;
  }
}

/** The file may have come back from another backup than the data. @throws DatabaseUnusable */
async function requirePassword(connectionString: string, dataDir: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    if (!hasCode(error, WRONG_PASSWORD)) return; // Of anything else whoever works with the database hears.
    throw new DatabaseUnusable(
      `The embedded PostgreSQL refuses the password in ${passwordPath(dataDir)}: put back the file that belongs to the data beside it.`,
      { cause: error },
    );
  } finally {
    await client.end();
  }
}

interface KeeperOptions extends EmbeddedOptions {
  readonly binaries: Binaries;
  readonly account: Account | undefined;
  readonly cluster: Cluster;
}

/** A server of this cluster, our child or somebody else's. */
interface RunningServer {
  readonly pid: number;
  readonly isGone: () => boolean;
}

class ServerKeeper {
  readonly #options: KeeperOptions;
  readonly #pause: Wakeable;
  #server: RunningServer | undefined;
  /** Where in the log the words of the present server begin. */
  #logOffset = 0;
  #stopping = false;
  #keeping: Promise<void> = Promise.resolve();
  /** Whatever ends this process without `stop` (a second Ctrl-C, an uncaught error) ends the server too. */
  readonly #onExit = () => {
    if (this.#server !== undefined && !this.#server.isGone()) signal(this.#server.pid, "fast");
  };

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#pause = new Wakeable(options.clock);
  }

  /** Answers the port. */
  async start(): Promise<number> {
    const { cluster, dataDir, log } = this.#options;
    await this.#endOrphan();
    process.on("exit", this.#onExit);
    for (let attempt = 1; ; attempt += 1) {
      const port = await choosePort(dataDir);
      configure(cluster.path, port);
      try {
        await this.#startServer();
        this.#keeping = this.#keep();
        return port;
      } catch (error) {
        if (attempt === START_ATTEMPTS || !PASSING.test(String(error))) {
          process.off("exit", this.#onExit);
          throw error;
        }
        log.warn({ reason: String(error) }, "the embedded PostgreSQL did not start; trying again");
        await this.#pause.wait(BACKOFF_MIN_MS * 2 ** attempt);
      }
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#pause.wake();
    await this.#keeping;
    await this.#end(this.#server);
    process.off("exit", this.#onExit);
  }

  /** Starts the server again each time it ends, until it works, at the same port. */
  async #keep(): Promise<void> {
    const { log } = this.#options;
    let tries = 0;
    while (!this.#stopping) {
      if (this.#server?.isGone() === false) {
        await this.#pause.wait(WATCH_MS);
        await this.#shortenLog(logPath(this.#options.dataDir));
        continue;
      }
      log.warn("the embedded PostgreSQL ended by itself; starting it again");
      try {
        await this.#startServer();
        log.info({ postgresPid: this.#server?.pid }, "the embedded PostgreSQL runs again");
        tries = 0;
      } catch (error) {
        const backoffMs = doubledMs(BACKOFF_MIN_MS, tries++, BACKOFF_MAX_MS);
        log.error({ reason: String(error), backoffMs }, "the embedded PostgreSQL did not start; trying again");
        await this.#pause.wait(backoffMs);
      }
    }
  }

  /** Returns when a server on the cluster is ready: a new child, or one that somebody else has started. */
  async #startServer(): Promise<void> {
    const { cluster } = this.#options;
    const other = findPostmaster(cluster.path);
    if (other === undefined) {
      removeStalePidFile(cluster.path);
      this.#server = this.#spawn();
    } else this.#server = { pid: other.pid, isGone: () => !isPostmaster(other.pid, cluster.path) };
    const server = this.#server;
    for (;;) {
      const file = readPidFile(cluster.path);
      if (file?.pid === server.pid && file.ready) return;
      if (server.isGone()) throw new DatabaseUnusable(`The embedded PostgreSQL did not start: ${this.#lastWords()}`);
      if (this.#stopping) return;
      await this.#pause.wait(POLL_MS);
    }
  }

  #spawn(): RunningServer {
    const { binaries, account, cluster, dataDir } = this.#options;
    const { file, args, options } = launch(account, [cluster.path, binaries.postgres], binaries.postgres, [
      "-D",
      cluster.path,
    ]);
    const output = this.#openLog(logPath(dataDir));
    let child: ChildProcess;
    try {
      // Detached: Ctrl-C reaches the whole process group of the terminal, and we want to stop before PostgreSQL does.
      child = spawn(file, args, { ...options, detached: true, stdio: ["ignore", output, output] });
    } finally {
      closeSync(output);
    }
    let gone = child.pid === undefined;
    child.once("error", () => {
      gone = true;
      this.#pause.wake();
    });
    child.once("exit", () => {
      gone = true;
      this.#pause.wake();
    });
    // Without a pid there is no process, `gone` is true, and nobody asks for it.
    return { pid: child.pid ?? -1, isGone: () => gone };
  }

  #openLog(path: string): number {
    if (isTooLong(path)) renameSync(path, `${path}.1`);
    const output = openSync(path, "a", 0o600);
    this.#logOffset = fstatSync(output).size;
    return output;
  }

  /** A server keeps the file open and appends to it: so it is copied and emptied, and what is written in between is lost. */
  async #shortenLog(path: string): Promise<void> {
    try {
      if (!isTooLong(path)) return;
      this.#logOffset = 0;
      try {
        await copyFile(path, `${path}.1`);
      } finally {
        await truncate(path); // All the more where the disk is full.
      }
    } catch (error) {
      this.#options.log.warn({ reason: String(error) }, "the log of the embedded PostgreSQL could not be kept");
    }
  }

  /** Our claim on the directory proves that no live Usher uses the server we find: its parent was killed. */
  async #endOrphan(): Promise<void> {
    const { cluster, log } = this.#options;
    const orphan = findPostmaster(cluster.path);
    if (orphan === undefined) return;
    log.warn({ postgresPid: orphan.pid }, "ending the PostgreSQL that a killed Usher left behind");
    await this.#end({ pid: orphan.pid, isGone: () => !isPostmaster(orphan.pid, cluster.path) });
  }

  async #end(server: RunningServer | undefined): Promise<void> {
    if (server === undefined) return;
    const { clock, log } = this.#options;
    for (const shutdown of ["fast", "immediate", "kill"] as const) {
      const deadline = clock.monotonic() + PATIENCE_MS[shutdown];
      if (server.isGone()) return;
      if (shutdown !== "fast") log.warn({ postgresPid: server.pid, shutdown }, "PostgreSQL takes too long to stop");
      signal(server.pid, shutdown);
      while (!server.isGone() && clock.monotonic() < deadline) await this.#pause.wait(POLL_MS);
    }
    if (!server.isGone()) throw new DatabaseUnusable(`The PostgreSQL process ${server.pid} cannot be ended: end it.`);
  }

  /** Why the server of the last start ended, in its own words. */
  #lastWords(): string {
    const path = logPath(this.#options.dataDir);
    const lines = readFileSync(path).subarray(this.#logOffset).toString().trim().split("\n");
    const fatal = lines.findLast((line) => /(FATAL|PANIC|ERROR):/.test(line)) ?? lines.at(-1) ?? "";
    return `${fatal.replace(/^.*?(FATAL|PANIC|ERROR):\s*/, "")} (see ${path})`;
  }
}
