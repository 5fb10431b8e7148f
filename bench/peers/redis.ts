/** A redis-server of its own for a run: on a free port, its data in a folder that goes when it stops. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { BenchError } from "../bench-error.ts";

export interface RunningRedis {
  readonly url: string;
  readonly pid: number;
  /** Safe to call twice. */
  stop(): Promise<void>;
}

/**
 * @param appendfsync how a write is made durable before it is answered; left out, Redis keeps nothing on disk.
 * @throws BenchError where there is no redis-server or it does not come up.
 */
export async function startRedis(appendfsync?: "always" | "everysec"): Promise<RunningRedis> {
  const directory = await mkdtemp(join(tmpdir(), "usher-redis-"));
  const port = await freePort();
  const options = {
    bind: "127.0.0.1",
    port: String(port),
    dir: directory,
    save: "", // No snapshots: they would cost without making a hold any safer.
    appendonly: appendfsync === undefined ? "no" : "yes",
    appendfsync: appendfsync ?? "no",
    "auto-aof-rewrite-percentage": "0", // Nor a rewrite in the middle of a run.
  };
  const child = spawn(
    "redis-server",
    Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]),
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  try {
    await ready(child);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function ready(child: ChildProcess): Promise<void> {
  const { stdout } = child;
  if (stdout === null) throw new TypeError("redis-server was started without a pipe");
  return new Promise((resolve, reject) => {
    let last = "";
    createInterface({ input: stdout }).on("line", (line) => {
      if (line.trim() !== "") last = line.trim();
      if (line.includes("Ready to accept connections")) resolve();
    });
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new BenchError(
              "There is no redis-server on the PATH: install it (apt-get install redis-server, brew install redis).",
            )
          : error,
      ),
    );
    child.once("exit", (code) => reject(new Error(`redis-server ended with ${code} before it was ready: ${last}`)));
  });
}

/** Redis cannot choose one by itself: its port 0 means none. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new TypeError("a TCP server has a port");
  return address.port;
}
