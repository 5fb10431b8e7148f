/**
 * `npm start` as a stranger meets it: in a fresh data directory, on free ports. A guest watches a showtime, holds the best
 * two seats, sees them taken, and gives them back; then Ctrl-C, and nothing may be left running.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { WebSocket } from "ws";
import { type Hall, RestClient, UsherClient } from "../client/index.ts";
import { SEAT_STATUS } from "../proto/index.ts";

const READY_TIMEOUT_MS = 60_000;
const STEP_TIMEOUT_MS = 10_000;

const dataDir = mkdtempSync(join(tmpdir(), "usher-smoke-"));
const begin = performance.now();
const server = spawn("npm", ["start"], {
  cwd: fileURLToPath(new URL("..", import.meta.url)),
  env: { ...process.env, DATA_DIR: dataDir, HTTP_PORT: "0", WS_PORT: "0" },
  stdio: ["ignore", "pipe", "inherit"],
});
try {
  const { page, webSocket } = await readyLines();
  say(`ready after ${Math.round(performance.now() - begin)} ms: ${page}`);
  await holdTwoSeats(new RestClient(page), webSocket);
  server.kill("SIGINT");
  const [code] = (await within("stop", once(server, "exit"))) as [number | null];
  assert.equal(code, 0, "a clean stop exits with 0");
  assert.deepEqual(processesNaming(dataDir), [], "nothing is left running");
  say("stopped cleanly");
} finally {
  server.kill("SIGTERM");
  if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
  rmSync(dataDir, { recursive: true, force: true });
}

async function readyLines(): Promise<{ page: string; webSocket: string }> {
  const lines: string[] = [];
  const input = createInterface({ input: server.stdout });
  const ready = new Promise<void>((resolve, reject) => {
    input.on("line", (line) => {
      lines.push(line);
      if (line === "ready") resolve();
    });
    server.once("exit", (code) => reject(new Error(`npm start ended with ${code}:\n${lines.join("\n")}`)));
  });
  await within("ready", ready, READY_TIMEOUT_MS);
  const find = (pattern: RegExp): string => {
    const found = lines.map((line) => pattern.exec(line)?.[1]).find((match) => match !== undefined);
    return found ?? assert.fail(`no ${pattern} in:\n${lines.join("\n")}`);
  };
  return { page: find(/(http:\/\/\S+)/), webSocket: find(/(ws:\/\/\S+)/) };
}

async function holdTwoSeats(rest: RestClient, url: string): Promise<void> {
  const { accessToken } = await rest.guest();
  const [showtime] = await rest.showtimes();
  assert.ok(showtime, "the demo has showtimes");
  const buyer = new UsherClient({ url, WebSocket, token: accessToken });
  const viewer = new UsherClient({ url, WebSocket, encoding: "msgpack" });
  try {
    await within("connect", Promise.all([buyer.connect(), viewer.connect()]));
    const hall = await within("snapshot", viewer.watch(showtime.id).ready);
    const taken = seen(hall, SEAT_STATUS.held);
    const hold = await within("hold", buyer.holdBest(showtime.id, { count: 2 }));
    assert.deepEqual(new Set(await within("delta of the hold", taken)), new Set(hold.seats));
    say(`seats ${hold.seats.join(" and ")} of ${showtime.id} held, and seen by another viewer`);
    const freed = seen(hall, SEAT_STATUS.free);
    await within("release", buyer.release(hold.holdId));
    await within("delta of the release", freed);
  } finally {
    buyer.close();
    viewer.close();
  }
}

/** The first seats that a viewer sees become `status`. */
function seen(hall: Hall, status: number): Promise<readonly number[]> {
  return new Promise((resolve) => {
    const off = hall.on("change", (changes) => {
      const seats = changes.filter((change) => change.status === status).map(({ seat }) => seat);
      if (seats.length === 0) return;
      off();
      resolve(seats);
    });
  });
}

function within<T>(what: string, promise: Promise<T>, ms = STEP_TIMEOUT_MS): Promise<T> {
  const late = new Promise<never>((_, reject) => {
    setTimeout(() => reject(new Error(`${what}: nothing within ${ms} ms`)), ms).unref();
  });
  return Promise.race([promise, late]);
}

/** Command lines that name the path; none where there is no /proc. */
function processesNaming(path: string): string[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(commandLine)
    .filter((line) => line.includes(path));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // It has ended meanwhile.
  }
}

function say(line: string): void {
  console.error(`smoke: ${line}`);
}
