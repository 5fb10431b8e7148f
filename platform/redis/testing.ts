/** A Redis server of one's own, for tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { freePorts } from "../network/index.ts";

export interface RedisServer {
  readonly url: string;
  readonly pid: number;
  /** Comes back at the same port after `kill`. */
  start(): Promise<void>;
  /** SIGKILL, and gone. */
  kill(): Promise<void>;
  /** SIGSTOP: it takes connections and commands, and answers nothing. */
  pause(): void;
  /** SIGCONT. */
  goOn(): void;
  stop(): Promise<void>;
}

/** `redis-server` of the PATH on a free port, keeping nothing. @param options.args further ones, such as `["--requirepass", "secret"]` */
export async function startRedisServer(options: { readonly args?: readonly string[] } = {}): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), "usher-redis-"));
  const [port] = await freePorts(1);
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const args = [
      "--bind",
      "127.0.0.1",
      "--port",
      String(port),
      "--dir",
      directory,
      "--save",
      "",
      "--appendonly",
      "no",
    ];
    const server = spawn("redis-server", [...args, ...(options.args ?? [])], { stdio: ["ignore", "pipe", "inherit"] });
    child = server;
    let words = "";
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.once("exit", (code) => reject(new Error(`redis-server ended with ${code}: ${words}`)));
      server.stdout.on("data", (chunk: Buffer) => {
        words += chunk.toString();
        if (words.includes("Ready to accept connections")) resolve();
      });
    });
    server.removeAllListeners("exit");
    void text(server.stdout); // Read on, so that it never waits for us.
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGCONT");
    child.kill(signal);
    await once(child, "exit");
  }

  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    kill: () => end("SIGKILL"),
    pause: () => void child?.kill("SIGSTOP"),
    goOn: () => void child?.kill("SIGCONT"),
    async stop() {
      await end("SIGTERM");
      await rm(directory, { recursive: true, force: true });
    },
  };
}
