/** A NATS server of one's own, for tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { freePorts } from "../network/index.ts";

export interface NatsServer {
  readonly url: string;
  /** Where the others of a cluster find it. */
  readonly routes: string | undefined;
  readonly pid: number;
  /** Comes back at the same port after `kill`. */
  start(): Promise<void>;
  /** SIGKILL, and gone. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** The file is written a moment after the server says that it is ready. */
async function portsOf(file: string): Promise<{ cluster?: [string] }> {
  for (;;) {
    const text = await readFile(file, "utf8").catch(() => "");
    if (text.endsWith("}")) return JSON.parse(text) as { cluster?: [string] }; // The cast: nats-server wrote it.
    await setTimeout(5);
  }
}

/** `nats-server` of the PATH, with JetStream, on a free port; its data goes when it stops. */
export async function startNatsServer(
  options: { config?: string; args?: readonly string[] } = {},
): Promise<NatsServer> {
  const directory = await mkdtemp(join(tmpdir(), "usher-nats-"));
  const [port] = await freePorts(1);
  let routes: string | undefined;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const args = [
      "--addr",
      "127.0.0.1",
      "--port",
      String(port),
      "--jetstream",
      "--store_dir",
      directory,
      ...(options.args ?? []),
    ];
    if (options.config !== undefined) args.push("--config", options.config);
    child = spawn("nats-server", [...args, "--ports_file_dir", directory], { stdio: ["ignore", "ignore", "pipe"] });
    let words = "";
    await new Promise<void>((resolve, reject) => {
      child?.once("error", reject);
      child?.once("exit", (code) => reject(new Error(`nats-server ended with ${code}: ${words}`)));
      child?.stderr?.on("data", (chunk: Buffer) => {
        words += chunk.toString();
        if (words.includes("Server is ready")) resolve();
      });
    });
    child.removeAllListeners("exit");
    child.stderr?.removeAllListeners("data").resume();
    routes = (await portsOf(join(directory, `nats-server_${child.pid}.ports`))).cluster?.[0];
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }

  await start();
  return {
    get url() {
      return `nats://127.0.0.1:${port}`;
    },
    get routes() {
      return routes;
    },
    get pid() {
      return child?.pid ?? 0;
    },
    start,
    kill: () => end("SIGKILL"),
    async stop() {
      await end("SIGTERM");
      await rm(directory, { recursive: true, force: true });
    },
  };
}
