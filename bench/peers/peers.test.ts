import { existsSync } from "node:fs";
import { Packr } from "msgpackr";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { WebSocket } from "ws";
import { BenchError } from "../bench-error.ts";
import { CLIENT_OP, type Peer, SERVER_OP } from "../peer.ts";
import { choosePeers } from "../runner/peers.ts";
import { startPeer } from "../scenarios/parts/subjects.ts";
import { openStage, type Stage } from "../stage/stage.ts";
import * as colyseus from "./colyseus/client.ts";
import { PEERS } from "./index.ts";
import * as socketIo from "./socket.io/client-frames.ts";

const ROOT = new URL("../../", import.meta.url);
const HALL = { showtimes: 1, seats: 96 };
const packr = new Packr({ useRecords: false });
const cleaning: (() => Promise<unknown>)[] = [];
let stage: Stage;

beforeAll(async () => {
  stage = await openStage({ root: ROOT, worker: new URL("../load/worker.ts", import.meta.url) });
});

afterEach(async () => {
  for (const clean of cleaning.splice(0).reverse()) await clean();
});

afterAll(() => stage.close());

describe("a peer does the work of a seat server", () => {
  for (const [name, peer] of Object.entries(PEERS)) {
    const why = whyNot(name, peer);
    const says = `${name}${why === undefined ? "" : ` (skipped: ${why})`}`;
    if (peer.protocol !== "rest") it.skipIf(why !== undefined)(says, { timeout: 60_000 }, () => sellsLive(name, peer));
    else if (peer.scenarios.includes("rest-hold"))
      it.skipIf(why !== undefined)(says, { timeout: 120_000 }, () => sellsOverRest(name, peer));
    else it.skipIf(why !== undefined)(says, { timeout: 60_000 }, () => saysHello(name, peer));
  }
});

async function saysHello(name: string, peer: Peer): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${await start(name, peer)}/api/v1/movies`);
  expect([response.status, await response.json()]).toEqual([200, { hello: "world" }]);
}

async function sellsLive(name: string, peer: Peer): Promise<void> {
  const port = await start(name, peer);
  const watcher = await connect(peer, port);
  const first = await connect(peer, port);
  const second = await connect(peer, port);
  watcher.watch();

  const [op, number, hold] = await first.ask([CLIENT_OP.hold, 7, 0, [19, 5, 6]]);
  expect([op, number]).toEqual([SERVER_OP.held, 7]);
  expect(hold).toSatisfy((value) => Number.isInteger(value) && Number(value) < 2 ** 32);
  await vi.waitFor(() => expect(Object.fromEntries(watcher.statuses)).toEqual({ 5: 1, 6: 1, 19: 1 }));

  expect(await second.ask([CLIENT_OP.hold, 8, 0, [4, 6]])).toEqual([SERVER_OP.refused, 8, "SEAT_TAKEN"]);
  expect(await second.ask([CLIENT_OP.release, 9, 0, hold])).toEqual([SERVER_OP.refused, 9, "HOLD_NOT_FOUND"]);
  expect(await second.ask([CLIENT_OP.hold, 1, 0, [4, 4]])).toEqual([SERVER_OP.refused, 1, "BAD_MESSAGE"]);

  expect(await first.ask([CLIENT_OP.release, 7, 0, hold])).toEqual([SERVER_OP.released, 7]);
  await vi.waitFor(() => expect(Object.fromEntries(watcher.statuses)).toEqual({ 5: 0, 6: 0, 19: 0 }));

  // What was refused took nothing, and what was released can be had.
  expect((await second.ask([CLIENT_OP.hold, 2, 0, [4, 6]]))[0]).toBe(SERVER_OP.held);
  await vi.waitFor(() => expect(Object.fromEntries(watcher.statuses)).toEqual({ 4: 1, 5: 0, 6: 1, 19: 0 }));
}

async function sellsOverRest(name: string, peer: Peer): Promise<void> {
  const api = `http://127.0.0.1:${await start(name, peer)}/api/v1`;
  const call = async (method: string, path: string, token = "", body?: unknown, tag = ""): Promise<Answer> => {
    const response = await fetch(`${api}${path}`, {
      method,
      headers: {
        ...(token !== "" && { authorization: `Bearer ${token}` }),
        ...(tag !== "" && { "if-none-match": tag }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const answered = (text === "" ? {} : JSON.parse(text)) as Body; // The test says which of it must be there.
    return { status: response.status, body: answered, headers: response.headers };
  };
  expect((await call("GET", "/movies")).body.items).toHaveLength(12);
  const { items, nextCursor } = (await call("GET", "/showtimes?limit=3")).body;
  expect((await call("GET", `/showtimes?limit=1&cursor=${nextCursor}`)).body.items[0]?.id).not.toBe(items[2]?.id);
  // The load generator knows showtimes by number.
  const { id, seatCount } = (await call("GET", "/showtimes/0")).body;

  expect((await call("GET", `/showtimes/${id}/layout`)).body.seats).toHaveLength(seatCount);
  // Whoever knows the answer is not sent it again, as at Usher.
  for (const path of ["/movies", "/showtimes", `/showtimes/${id}`, `/showtimes/${id}/layout`]) {
    const tag = (await call("GET", path)).headers.get("etag") ?? "";
    expect((await call("GET", path, "", undefined, tag)).status).toBe(304);
  }

  const first = (await call("POST", "/auth/guest")).body.accessToken;
  const second = (await call("POST", "/auth/guest")).body.accessToken;
  const held = await call("POST", `/showtimes/${id}/holds`, first, { seats: [1, 2] });
  expect(held).toMatchObject({ status: 201, body: { showtimeId: id, seats: [1, 2], expiresInMs: 300_000 } });
  expect(await call("POST", `/showtimes/${id}/holds`, second, { seats: [2, 3] })).toMatchObject({ status: 409 });
  const { statuses } = (await call("GET", `/showtimes/${id}/seats`)).body;
  expect(statuses).toBe(`011${"0".repeat(seatCount - 3)}`);
  expect((await call("DELETE", `/holds/${held.body.holdId}`, second)).status).toBe(404);
  expect((await call("DELETE", `/holds/${held.body.holdId}`, first)).status).toBe(204);
  expect((await call("POST", `/showtimes/${id}/holds`, second, { seats: [2, 3] })).status).toBe(201);
}

interface Answer {
  readonly status: number;
  readonly body: Body;
  readonly headers: Headers;
}

/** All that any of the answers has. */
interface Body {
  readonly items: readonly { readonly id: string }[];
  readonly nextCursor: string | null;
  readonly id: string;
  readonly seatCount: number;
  readonly seats: readonly unknown[];
  readonly accessToken: string;
  readonly holdId: string;
  readonly statuses: string;
}

interface Visitor {
  /** By seat: what was shown since it came. */
  readonly statuses: Map<number, number>;
  watch(): void;
  ask(message: readonly [number, ...unknown[]]): Promise<readonly unknown[]>;
}

/** What a frame says to somebody who has joined already. */
type Reading = { readonly answer: readonly unknown[] } | { readonly changes: readonly number[] } | "joined" | undefined;

interface Wire {
  readonly path: string;
  /** Whether "joined" is told by the server, or is so at once. */
  readonly joins: boolean;
  encode(message: readonly [number, ...unknown[]]): Uint8Array | string | undefined;
  /** May answer a frame of the protocol's own. */
  read(data: Buffer, send: (frame: Uint8Array | string) => void): Reading;
}

async function connect(peer: Peer, port: number): Promise<Visitor> {
  const wire = await wireOf(peer, port);
  const socket = new WebSocket(`ws://127.0.0.1:${port}${wire.path}`, { perMessageDeflate: false });
  cleaning.push(() => Promise.resolve(socket.terminate()));
  const statuses = new Map<number, number>();
  const waiting: ((answer: readonly unknown[]) => void)[] = [];
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.once("open", () => wire.joins || resolve());
    socket.on("message", (data: Buffer) => {
      const reading = wire.read(data, (frame) => socket.send(frame));
      if (reading === "joined") resolve();
      else if (reading !== undefined && "answer" in reading) waiting.shift()?.(reading.answer);
      else for (const change of reading?.changes ?? []) statuses.set(Math.floor(change / 4), change % 4);
    });
  });
  const send = (message: readonly [number, ...unknown[]]): void => {
    const frame = wire.encode(message);
    if (frame !== undefined) socket.send(frame);
  };
  return {
    statuses,
    watch: () => send([CLIENT_OP.watch, 0]),
    ask(message) {
      const answer = new Promise<readonly unknown[]>((resolve) => waiting.push(resolve));
      send(message);
      return answer;
    },
  };
}

async function wireOf({ protocol }: Peer, port: number): Promise<Wire> {
  const toReading = (message: readonly unknown[]): Reading =>
    message[0] === SERVER_OP.delta ? { changes: message[2] as number[] } : { answer: message };
  if (protocol === "socket.io") {
    return {
      path: socketIo.PATH,
      joins: true,
      encode: ([op, ...rest]) => socketIo.eventPayload(EVENTS[op] ?? "hold", [op, ...rest]),
      read(data, send) {
        const kind = socketIo.kindOf(data, 0);
        if (kind === "open") send(socketIo.CONNECT);
        if (kind === "ping") send(socketIo.PONG);
        if (kind === "answer" || kind === "delta") return toReading(socketIo.messageOf(data));
        return kind === "connected" ? "joined" : undefined;
      },
    };
  }
  if (protocol === "colyseus") {
    const seats = new colyseus.SeatReader();
    return {
      path: await colyseus.reserve(port, 0),
      joins: true,
      encode: (message) => (message[0] === CLIENT_OP.watch ? undefined : colyseus.payloadOf(message)),
      read(data, send) {
        const kind = colyseus.kindOf(data, 0);
        if (kind === "joined") send(colyseus.JOINED);
        if (kind === "answer") return toReading(colyseus.answerOf(data));
        if (kind === "patch") return { changes: seats.read(data) };
        if (kind !== "state") return undefined;
        seats.read(data);
        return "joined";
      },
    };
  }
  return {
    path: "/v1",
    joins: false,
    encode: (message) => packr.pack(message),
    read: (data) => toReading(packr.unpack(data) as unknown[]),
  };
}

const EVENTS: Readonly<Record<number, "hold" | "release" | "watch">> = {
  [CLIENT_OP.hold]: "hold",
  [CLIENT_OP.release]: "release",
  [CLIENT_OP.watch]: "watch",
};

/** @returns the port of the peer's server, started as the benches start it. */
async function start(name: string, peer: Peer): Promise<number> {
  const target = await startPeer(name, peer)(stage, HALL);
  cleaning.push(() => target.stop("now"));
  return target.port;
}

/** Why this machine cannot try the peer. */
function whyNot(name: string, { protocol, scenarios }: Peer): string | undefined {
  try {
    choosePeers([name], ROOT);
  } catch (error) {
    if (error instanceof BenchError) return error.message;
    throw error;
  }
  const copiesUsher = protocol === "rest" && scenarios.includes("rest-hold");
  return copiesUsher && !existsSync(new URL("dist/bin/usher.js", ROOT)) ? "Usher was not built" : undefined;
}
