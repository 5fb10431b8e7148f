import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import { rush } from "../../bin/commands/demo-rush.ts";
import { watch } from "../../bin/commands/watch.ts";
import { systemClock } from "../../platform/clock/index.ts";
import { ExplainedError } from "../../platform/explained/index.ts";
import { portOf } from "../../platform/testing/port-of.ts";
import { boxOffice } from "../support/box-office.ts";
import { Launch } from "../support/usher-process.ts";

const office = boxOffice();
const http = (): string => `http://127.0.0.1:${office.usher.httpPort}`;

/** A terminal that keeps what is written, and waits for more. */
class Paper {
  readonly isTTY: boolean;
  readonly columns = 100;
  readonly rows = 40;
  text = "";

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.text += text;
  }

  shows(pattern: RegExp): Promise<void> {
    return expect.poll(() => this.text).toMatch(pattern);
  }
}

test.each([
  ["a picture in a terminal", true],
  ["lines in a pipe", false],
])("watch shows %s, as seats are held", async (_, isTTY) => {
  const showtime = office.anotherShowtime("ha_classic");
  const paper = new Paper(isTTY);
  const stop = new AbortController();
  const options = { showtime, http: http(), coloured: false };
  const watching = watch(options, {
    terminal: paper,
    clock: systemClock,
    onStop: (end) => stop.signal.addEventListener("abort", end),
  });
  await paper.shows(/240 free, 0 held, 0 booked/);
  const buyer = await office.enter(await office.guest());
  buyer.say({ op: "hold", rid: "r", showtime, seats: [10, 11] });
  await paper.shows(/238 free, 2 held, 0 booked/);
  if (isTTY) expect(paper.text).toContain("◐");
  else expect(paper.text).toMatch(/held: \w+ \w+ /);
  stop.abort();
  await watching;
});

test("watch without a showtime shows the premiere", async () => {
  const paper = new Paper(false);
  const stop = new AbortController();
  const watching = watch(
    { http: http(), coloured: false },
    { terminal: paper, clock: systemClock, onStop: (end) => stop.signal.addEventListener("abort", end) },
  );
  await paper.shows(/\(premiere\).*480 seats\n480 free/);
  stop.abort();
  await watching;
});

test("what cannot be watched is said in a sentence", async () => {
  const io = { terminal: new Paper(false), clock: systemClock, onStop: () => undefined };
  await expect(watch({ showtime: "nothing", http: http(), coloured: false }, io)).rejects.toThrow(
    /^There is no showtime nothing: /,
  );
  await expect(watch({ http: "http://127.0.0.1:1", coloured: false }, io)).rejects.toThrow(
    "No Usher answers at http://127.0.0.1:1: start it with npm start, or give its address with --http.",
  );
});

/** Usher, with somebody before it who answers these requests in its place. Ends with the test. @returns its port */
async function standIn(own: { get?: RequestListener; post?: RequestListener; upgrade?: Upgraded }): Promise<number> {
  const forward = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = "GET", url = "" } = request;
    const answer = await fetch(http() + url, { method });
    response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  };
  const server = createServer((request, response) => {
    const mine = request.method === "GET" ? own.get : own.post;
    if (mine === undefined) void forward(request, response);
    else mine(request, response);
  });
  if (own.upgrade !== undefined) server.on("upgrade", own.upgrade);
  onTestFinished(() => server.close().closeAllConnections());
  await once(server.listen(0, "127.0.0.1"), "listening");
  return portOf(server);
}
type Upgraded = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

const refuse: RequestListener = (_, response) =>
  void response
    .writeHead(429, { "content-type": "application/problem+json" })
    .end('{"code":"RATE_LIMITED","detail":"Ask more slowly."}');

/** As a server does that does not want somebody back. */
const turnAway: Upgraded = (...arrival) => {
  new WebSocketServer({ noServer: true }).handleUpgrade(...arrival, (socket) => socket.close(1008, "no entry"));
};

test.each([
  ["watch", "REST refuses", { get: refuse }, "Usher refused (RATE_LIMITED): Ask more slowly."],
  ["watch", "it is sent away", { upgrade: turnAway }, "The connection is closed for good: no entry (1008)."],
  ["rush", "REST refuses", { get: refuse }, "Usher refused (RATE_LIMITED): Ask more slowly."],
  ["rush", "buyers are refused", { post: refuse }, "Usher refused (RATE_LIMITED): Ask more slowly."],
  ["rush", "it is sent away", { upgrade: turnAway }, "The connection is closed for good: no entry (1008)."],
])("%s says in a sentence that %s", async (command, _, own, sentence) => {
  const port = await standIn(own);
  const error = await refusalBy(command, { http: `http://127.0.0.1:${port}`, url: `ws://127.0.0.1:${port}/v1` });
  expect([error instanceof ExplainedError, error.message]).toEqual([true, sentence]);
});

const IN_HTTP = "--http must be a URL that begins with http:// or https://, but is ";
const IN_WS = "--url must be a URL that begins with ws:// or wss://, but is ";
test.each([
  ["watch", { http: "localhost:8080" }, `${IN_HTTP}localhost:8080.`],
  ["watch", { url: "http://localhost:8081" }, `${IN_WS}http://localhost:8081.`],
  ["rush", { http: "localhost:8080" }, `${IN_HTTP}localhost:8080.`],
  ["rush", { url: "localhost:8081" }, `${IN_WS}localhost:8081.`],
])("%s with %j says what a URL has to be", async (command, urls, sentence) => {
  const error = await refusalBy(command, { http: http(), ...urls });
  expect([error instanceof ExplainedError, error.message]).toEqual([true, sentence]);
});

/** What the command ends with. */
async function refusalBy(command: string, urls: { http: string; url?: string }): Promise<Error> {
  const io = { clock: systemClock, onStop: () => undefined };
  const done =
    command === "watch"
      ? watch({ ...urls, coloured: false }, { ...io, terminal: new Paper(false) })
      : rush({ ...urls, buyers: 1, seconds: 1, seed: 1 }, { ...io, print: () => undefined });
  return done.then(
    () => expect.fail("it was not refused"),
    (error: Error) => error,
  );
}

test.each([
  ["watch while it connects", ["watch"]],
  ["demo rush while its buyers come in", ["demo", "rush"]],
])("Ctrl-C ends %s at once, though nobody answers", async (_, command) => {
  let asked = 0;
  const silent = (): void => void asked++;
  const port = await standIn({ post: silent, upgrade: silent });
  const urls = ["--http", `http://127.0.0.1:${port}`, "--url", `ws://127.0.0.1:${port}/v1`];
  const launch = new Launch([...command, ...urls], {});
  await expect.poll(() => asked, { timeout: 60_000 }).toBeGreaterThan(0);
  launch.child.kill("SIGINT");
  expect(await launch.ended).toMatchObject({ code: null, stderr: "" });
});

test("a rush that is stopped sends its buyers home, and tells what they did", async () => {
  const lines: string[] = [];
  const options = { buyers: 2, seconds: 3_600, seed: 7, showtime: office.anotherShowtime("ha_studio"), http: http() };
  await rush(options, { print: (line) => void lines.push(line), clock: systemClock, onStop: (end) => end() });
  expect(lines.at(-1)).toMatch(/^seed +7$/);
});

test("a rush holds, is refused, agrees about the hall, and leaves it as it was", async () => {
  const lines: string[] = [];
  const showtime = office.anotherShowtime("ha_studio");
  const options = { buyers: 60, seconds: 2, seed: 7, showtime, http: http() };
  const io = { print: (line: string) => void lines.push(line), clock: systemClock, onStop: () => undefined };
  const score = await rush(options, io);
  expect(score.holds).toBeGreaterThan(0);
  expect(score.refusalCount).toBeGreaterThan(0);
  const table = lines.join("\n");
  expect(table).toMatch(/seats held by two at once +0\n/);
  expect(table).toMatch(/60 viewers see the same hall +yes\n/);
  expect(table).toMatch(/seed +7$/);
  await expect.poll(async () => (await office.rest.seats(showtime)).statuses).toMatch(/^0+$/);
});
