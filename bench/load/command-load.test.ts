/** The generator against the limits, which need no build: what it sends is answered, and what it counts is right. */
import { Packr } from "msgpackr";
import uWS from "uWebSockets.js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CLIENT_OP, SERVER_OP } from "../peer.ts";
import { until } from "../../platform/testing/until.ts";
import { openStage, type Stage } from "../stage/stage.ts";
import { startPlainServer, type Target } from "../stage/targets.ts";
import { CommandLoad } from "./command-load.ts";
import { monotonicNow } from "./monotonic.ts";
import { mergeHistograms } from "./recorder.ts";
import { ViewerLoad } from "./viewer-load.ts";

const ROOT = new URL("../../", import.meta.url);
const HALL = { showtimes: 1, seats: 480 };
const CONNECTIONS = 4;
const packr = new Packr({ useRecords: false });

let stage: Stage;
let target: Target;

beforeEach(async () => {
  stage = await openStage({ root: ROOT, worker: new URL("worker.ts", import.meta.url) });
  const server = {
    name: "bare-publish",
    entry: "bench/limits/bare-publish.ts",
    env: {},
    dialect: "bench-msgpack",
  } as const;
  target = await startPlainServer(stage, server, HALL);
});

afterEach(() => stage.close());

const options = () => ({
  dialect: target.dialect,
  port: target.port,
  showtimes: target.showtimes,
  tokens: [],
  connections: CONNECTIONS,
  slots: 2,
  seatsAHold: 1,
});

describe("buyers", () => {
  it("hold and release in a closed loop, and leave nothing held", async () => {
    const load = new CommandLoad();
    await load.open(options());
    load.begin({ kind: "closed" });
    await until(() => load.take().count >= 100, "a hundred answers");
    await load.end();
    const { count, refused, histograms } = load.take();
    expect(refused).toBe(0);
    expect(count % 2).toBe(0);
    expect(mergeHistograms([histograms["latency"] ?? ""]).totalCount).toBe(count);
    load.close();
  });

  it.each(["closed", "open"] as const)(
    "fail, %s, when a server sheds their load: it would be done sooner",
    async (kind) => {
      let holds = 0;
      const busy = uWS.App().ws("/v1", {
        message(socket, message) {
          const [op, number] = packr.unpack(Buffer.from(message.slice(0))) as [number, number];
          const refused = op === CLIENT_OP.hold && ++holds % 2 === 0;
          const answer = op === CLIENT_OP.hold ? [SERVER_OP.held, number, holds] : [SERVER_OP.released, number];
          socket.send(packr.pack(refused ? [SERVER_OP.refused, number, "BUSY"] : answer), true);
        },
      });
      const port = await new Promise<number>((resolve) => {
        busy.listen("127.0.0.1", 0, (token) => resolve(uWS.us_socket_local_port(token)));
      });
      const load = new CommandLoad();
      try {
        await load.open({ ...options(), port });
        load.begin(kind === "closed" ? { kind } : { kind, perSecond: 200 });
        await until(() => load.failure !== undefined, "a failure");
        expect(() => load.take()).toThrow("The server refused commands of the load: BUSY.");
      } finally {
        load.close();
        busy.close();
      }
    },
  );

  it("tell how long a refusal took beside how long a hold did", async () => {
    const taken = uWS.App().ws("/v1", {
      message(socket, message) {
        const [, number] = packr.unpack(Buffer.from(message.slice(0))) as [number, number];
        if (answered++ === 0) socket.send(packr.pack([SERVER_OP.held, number, 1]), true);
        else if (answered === 2) socket.send(packr.pack([SERVER_OP.refused, number, "SEAT_TAKEN"]), true);
      },
    });
    let answered = 0;
    const port = await new Promise<number>((resolve) => {
      taken.listen("127.0.0.1", 0, (token) => resolve(uWS.us_socket_local_port(token)));
    });
    const load = new CommandLoad();
    try {
      await load.open({ ...options(), port, connections: 2, slots: 1, rivals: 2 });
      load.begin({ kind: "closed" });
      await until(() => load.take().refused === 1, "a refusal");
      await until(() => load.take().slices.length > 0, "a whole slice");
      const { count, histograms, slices } = load.take();
      expect(count).toBe(1);
      expect(slices.reduce((sum, done) => sum + done)).toBe(2);
      expect(mergeHistograms([histograms["refused"] ?? ""]).totalCount).toBe(1);
    } finally {
      load.close();
      taken.close();
    }
  });

  it("begin commands at the rate of an open load, and none earlier", async () => {
    const load = new CommandLoad();
    await load.open(options());
    const begun = performance.now();
    load.begin({ kind: "open", perSecond: 200 });
    await until(() => load.take().count >= 20, "twenty answers");
    expect(performance.now() - begun).toBeGreaterThanOrEqual((19 * 1_000) / 200);
    await load.end();
    load.close();
  });

  it("are not let off by a server that answers no more: what it owes counts among the latencies, and not as done", async () => {
    const load = new CommandLoad();
    await load.open(options());
    const begun = performance.now();
    load.begin({ kind: "open", perSecond: 200 });
    await until(() => load.take().count >= 20, "twenty answers");
    const silentSince = performance.now();
    process.kill(target.pid, "SIGSTOP");
    try {
      const isUnsent = (): boolean => (load.take().figures["commands unsent"] ?? 0) > 0;
      await until(
        () => performance.now() - silentSince > silentSince - begun && isUnsent(),
        "commands that cannot be sent",
      );
      const silence = performance.now() - silentSince;
      const { count, histograms } = load.take();
      const latencies = mergeHistograms([histograms["latency"] ?? ""]);
      expect(latencies.getValueAtPercentile(99.9) / 1_000).toBeGreaterThan(silence / 2);
      expect(latencies.totalCount).toBeGreaterThan(count + CONNECTIONS);
    } finally {
      process.kill(target.pid, "SIGCONT");
    }
    await load.end();
    load.close();
  });

  it("begin anew after a server that left them without an answer", async () => {
    const silent = uWS.App().ws("/v1", { message: () => undefined });
    const port = await new Promise<number>((resolve) => {
      silent.listen("127.0.0.1", 0, (token) => resolve(uWS.us_socket_local_port(token)));
    });
    const load = new CommandLoad();
    try {
      await load.open({ ...options(), port });
      load.begin({ kind: "closed" });
      await expect(load.end(20)).rejects.toThrow("The server left commands unanswered.");
    } finally {
      load.close();
      silent.close();
    }
    await load.open(options());
    load.begin({ kind: "closed" });
    await until(() => load.take().count >= 10, "ten answers");
    await load.end();
    load.close();
  });

  it("say that the server is gone", async () => {
    const load = new CommandLoad();
    await load.open(options());
    load.begin({ kind: "closed" });
    await target.stop();
    await expect(load.end()).rejects.toThrow(/^A connection of the load was lost: /);
  });
});

describe("viewers", () => {
  it("see every change of the schedule, each once", async () => {
    const viewers = new ViewerLoad();
    const [showtime = { id: "0", index: 0 }] = target.showtimes;
    await viewers.open({
      dialect: target.dialect,
      port: target.port,
      showtime,
      viewers: 3,
      firstIndex: 0,
      allViewers: 3,
    });
    const buyers = new CommandLoad();
    await buyers.open(options());
    const schedule = { startAt: monotonicNow() + 20, perSecond: 100 };
    viewers.begin({ ...schedule, seats: CONNECTIONS * 2 });
    buyers.begin({ kind: "schedule", ...schedule });
    await until(() => viewers.take().count >= 3 * 20, "changes that all viewers see");
    const { ms, missed } = await viewers.end();
    await buyers.end();
    expect(ms.length).toBeGreaterThanOrEqual(20);
    expect(missed).toEqual([]);
    const { count, histograms, figures } = viewers.take();
    expect(figures["repeated"]).toBe(0);
    expect(mergeHistograms([histograms["latency"] ?? ""]).totalCount).toBe(count);
    viewers.close();
    buyers.close();
  });
});

describe("a server that dies in the middle", () => {
  it("ends the run with its last words", async () => {
    process.kill(target.pid, "SIGKILL");
    await expect(stage.death).rejects.toThrow("The server of bare-publish ended in the middle of the run (SIGKILL).");
  });
});
