import { randomInt } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { seeded } from "../../platform/random/index.ts";
import type { ShowtimeId } from "../../proto/index.ts";
import { LIMITS } from "../limits.ts";
import type { Client } from "../testing/client.ts";
import { SHOWTIME, useHarness } from "../testing/harness.ts";

const current = useHarness();
const hall = () => current.edge.engine.hall(SHOWTIME);
const digits = (): string => [...hall().statuses].join("");
const change = (...seats: [number, number][]): void => current.edge.engine.change(SHOWTIME, new Map(seats));
const caughtUp = (client: Client): Promise<void> => client.until(() => client.halls.get(SHOWTIME)?.seq === hall().seq);
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe("viewers", () => {
  it("who join, leave, come back and watch again at any moment all end with the hall as it is, without a gap", async () => {
    const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));
    console.log(`seed ${seed}`);
    const drawn = seeded(seed);
    const random = (below: number): number => Math.floor(drawn() * below);
    const clients: Client[] = [];
    for (let step = 0; step < 1500; step++) {
      for (let commits = random(3); commits > 0; commits--) {
        change(
          ...Array.from({ length: 1 + random(4) }, (_, at): [number, number] => [at * 100 + random(80), random(4)]),
        );
      }
      const encoding = random(2) === 0 ? "json" : "msgpack";
      const chosen = clients[random(Math.max(1, clients.length))];
      switch (random(8)) {
        case 0:
          if (clients.length < 60) {
            const client = await current.edge.connect(encoding);
            client.say({ op: "watch", showtime: SHOWTIME });
            clients.push(client);
          }
          break;
        case 1:
          chosen?.say({ op: "watch", showtime: SHOWTIME });
          break;
        case 2: {
          const known = chosen?.halls.get(SHOWTIME);
          if (chosen === undefined || known === undefined) break;
          // Another connection goes on from what this one was shown.
          const client = await current.edge.connect(encoding);
          client.halls.set(SHOWTIME, { ...known, statuses: known.statuses.slice() });
          client.say({ op: "watch", showtime: SHOWTIME, epoch: known.epoch, seq: known.seq });
          clients.splice(clients.indexOf(chosen), 1, client);
          chosen.ws.close();
          break;
        }
        case 3:
          chosen?.say({ op: "unwatch", showtime: SHOWTIME });
          chosen?.say({ op: "watch", showtime: SHOWTIME });
          break;
        case 4:
          if (random(100) === 0) current.edge.engine.unheard(() => change([random(480), random(4)]));
          break;
        default:
          await turn();
      }
    }
    change([0, 1]);
    await Promise.all(clients.map(caughtUp));
    for (const client of clients) expect(client.shown(SHOWTIME)).toBe(digits());
    expect(clients.length).toBeGreaterThan(20);
    // However many came, the engine was asked only when a delta had been lost.
    expect(current.edge.engine.viewsOf(SHOWTIME)).toBeLessThan(30);
  });

  it("cost the engine nothing: a hundred who come are shown what one asked for", async () => {
    const clients = await Promise.all(
      Array.from({ length: 100 }, (_, at) => current.edge.viewer(at % 2 === 0 ? "json" : "msgpack")),
    );
    change([3, 2]);
    await Promise.all(clients.map(caughtUp));
    expect(current.edge.engine.viewsOf(SHOWTIME)).toBe(1);
    expect(await current.edge.metric("usher_edge_frames_total")).toBe(2);
  });

  it("are shown their own hold when they watch right after it", async () => {
    const client = await current.edge.signedIn();
    await current.edge.viewer();
    for (let seat = 0; seat < 50; seat++) {
      client.say({ op: "hold", rid: `r${seat}`, showtime: SHOWTIME, seats: [seat] });
      await client.next("held");
      const viewer = await current.edge.connect();
      viewer.say({ op: "watch", showtime: SHOWTIME });
      expect((await viewer.next("snapshot")).statuses[seat]).toBe(1);
    }
  });

  it("may watch so many showtimes at once, and another once they unwatch one", async () => {
    const client = await current.edge.connect();
    const names = Array.from({ length: LIMITS.watchedMax + 1 }, (_, at) => `hall-${at}` as ShowtimeId);
    for (const name of names) current.edge.engine.open(name, 4);
    for (const showtime of names) client.send({ op: "watch", showtime });
    expect(await client.next("error")).toMatchObject({ code: "LIMIT_REACHED" });
    client.say({ op: "unwatch", showtime: "hall-0" });
    client.say({ op: "watch", showtime: names.at(-1) });
    await client.next("snapshot", ({ showtime }) => showtime === names.at(-1));
  });
});

describe("frames", () => {
  it("show of each seat only what it was last, in one delta for all commits of a tick", async () => {
    const viewer = await current.edge.viewer();
    change([9, 1]);
    await viewer.next("delta");
    for (let at = 0; at < 50; at++) change([7, at % 2], [at + 10, 1]);
    change([7, 3]);
    const delta = await viewer.next("delta");
    expect(delta).toMatchObject({ from: 1, seq: 52 });
    expect(delta.changes).toHaveLength(51);
    expect(delta.changes[0]).toBe(7 * 4 + 3);
    expect(viewer.shown(SHOWTIME)).toBe(digits());
  });

  it("are the whole hall where that is smaller, and follow on from it", async () => {
    const viewers = [await current.edge.viewer("json"), await current.edge.viewer("msgpack")];
    const share = (of: number) => Array.from({ length: hall().statuses.length * of }, (_, at) => at);
    const opsAfter = async (...seats: [number, number][]) => {
      change(...seats);
      await Promise.all(viewers.map(caughtUp));
      for (const viewer of viewers) expect(viewer.shown(SHOWTIME)).toBe(digits());
      return viewers.map(({ inbox }) => inbox.at(-1)?.op);
    };
    expect(await opsAfter(...share(0.2).map((seat): [number, number] => [seat, 1]))).toEqual(["snapshot", "delta"]);
    expect(await opsAfter(...share(0.3).map((seat): [number, number] => [seat, 2]))).toEqual(["snapshot", "snapshot"]);
    expect(await opsAfter([1, 0])).toEqual(["delta", "delta"]);
  });

  it("leave at once after a quiet while, then a tick apart", async () => {
    const viewer = await current.edge.viewer();
    const other = await current.edge.viewer("msgpack");
    const frames = (): number => viewer.halls.get(SHOWTIME)?.frames ?? 0;
    const began = performance.now();
    for (let at = 0; at < 200; at++) {
      change([at, 1]);
      await turn();
    }
    await Promise.all([caughtUp(viewer), caughtUp(other)]);
    // Never more than one in 20 ms, and the first; a slow machine may take longer, but cannot make it more.
    expect(frames() - 1).toBeLessThanOrEqual(2 + (performance.now() - began) / (LIMITS.tickMinMs - 1));
  });
});

describe("a viewer who comes back", () => {
  it("is told that nothing changed, what changed, or the whole hall, whichever fits", async () => {
    const viewer = await current.edge.viewer();
    change([1, 1]);
    change([2, 1]);
    await caughtUp(viewer);
    change([2, 0], [3, 2]);
    await caughtUp(viewer);
    const comeBack = async (epoch: number, seq: number) => {
      const client = await current.edge.connect();
      client.say({ op: "watch", showtime: SHOWTIME, epoch, seq });
      await client.until(() => client.inbox.length === 2);
      return client.inbox[1];
    };
    expect(await comeBack(1, 3)).toMatchObject({ op: "delta", from: 3, seq: 3, changes: [] });
    expect(await comeBack(1, 2)).toMatchObject({ op: "delta", from: 2, seq: 3, changes: [2 * 4, 3 * 4 + 2] });
    expect(await comeBack(1, 0)).toMatchObject({ op: "delta", from: 0, seq: 3 });
    expect(await comeBack(1, 4)).toMatchObject({ op: "snapshot", seq: 3 });
    expect(await comeBack(0, 3)).toMatchObject({ op: "snapshot", seq: 3 });
    for (let at = 0; at <= LIMITS.ringDeltasMax; at++) change([4, at % 4]);
    await caughtUp(viewer);
    expect(await comeBack(1, 3)).toMatchObject({ op: "snapshot" });
  });

  it("is counted, but not one who only asks whether the connection still lives", async () => {
    const resumes = () => current.edge.metric("usher_edge_resumes_total");
    const viewer = await current.edge.viewer();
    viewer.say({ op: "watch", showtime: SHOWTIME, epoch: 1, seq: 0 });
    await viewer.next("delta");
    expect(await resumes()).toBe(0);
    const back = await current.edge.connect();
    back.say({ op: "watch", showtime: SHOWTIME, epoch: 1, seq: 0 });
    await back.next("delta");
    expect(await resumes()).toBe(1);
  });

  it("costs no more than the whole hall: few positions are resumed from between two frames", async () => {
    const viewer = await current.edge.viewer();
    const commits = LIMITS.resumesMax + 1;
    // Of few seats, so that none of them missed too much.
    for (let at = 0; at < commits; at++) change([at % 8, (at >> 3) % 2 === 0 ? 1 : 0]);
    await caughtUp(viewer);
    const ops: string[] = [];
    const strange = Array.from({ length: LIMITS.resumesMax }, (_, at) => commits + 1 + at);
    for (const seq of [...strange, ...Array(commits).keys(), 0, commits]) {
      const client = await current.edge.connect();
      client.say({ op: "watch", showtime: SHOWTIME, epoch: 1, seq });
      await client.until(() => client.inbox.length === 2);
      ops.push(client.inbox[1]?.op ?? "nothing");
    }
    // Who has missed nothing is told so all the same.
    const fill = (op: string): string[] => Array<string>(LIMITS.resumesMax).fill(op);
    expect(ops).toEqual([...fill("snapshot"), ...fill("delta"), "snapshot", "delta", "delta"]);
  });
});

describe("a replica", () => {
  it("misses nothing of what changes between the engine's view and its arrival", async () => {
    const { engine } = current.edge;
    engine.held = [];
    const viewer = await current.edge.connect();
    viewer.say({ op: "watch", showtime: SHOWTIME });
    while (engine.held.length === 0) await turn();
    change([5, 2]);
    change([6, 1]);
    await turn();
    for (const answer of engine.held) answer();
    await caughtUp(viewer);
    expect(viewer.shown(SHOWTIME)).toBe(digits());
    expect(engine.viewsOf(SHOWTIME)).toBe(1);
  });

  it("that misses a delta reads the hall anew and shows it to its viewers", async () => {
    const warnings = vi.spyOn(current.edge.log, "warn");
    const viewer = await current.edge.viewer();
    current.edge.engine.unheard(() => change([5, 2]));
    change([6, 1]);
    expect(await viewer.next("snapshot")).toMatchObject({ seq: 2 });
    expect(warnings).toHaveBeenCalledTimes(1);
    expect(viewer.shown(SHOWTIME)).toBe(digits());
    expect(current.edge.engine.viewsOf(SHOWTIME)).toBe(2);
  });

  it("that does not come to the engine's checksum reads the hall anew", async () => {
    const viewer = await current.edge.viewer();
    current.edge.engine.unheard(() => (change([5, 2]), hall().seq--));
    change([6, 1]);
    expect(await viewer.next("snapshot")).toMatchObject({ seq: 1 });
    expect(viewer.shown(SHOWTIME)).toBe(digits());
  });

  it("that missed the last delta of a hall finds out by itself", async () => {
    const viewer = await current.edge.viewer();
    current.edge.engine.unheard(() => change([5, 2]));
    current.edge.clock.leap(LIMITS.replicaCheckMs + LIMITS.sweepMs);
    await caughtUp(viewer);
    expect(viewer.shown(SHOWTIME)).toBe(digits());
  });

  it("reads the hall anew when another engine owns it", async () => {
    const warnings = vi.spyOn(current.edge.log, "warn");
    const viewer = await current.edge.viewer();
    hall().epoch = 2;
    change([5, 2]);
    expect(await viewer.next("snapshot")).toMatchObject({ epoch: 2, seq: 1 });
    expect(warnings).not.toHaveBeenCalled();
  });

  it("finds out that another engine owns a hall in which nothing happens", async () => {
    const warnings = vi.spyOn(current.edge.log, "warn");
    const viewer = await current.edge.viewer();
    hall().epoch = 2;
    current.edge.clock.leap(LIMITS.replicaCheckMs + LIMITS.sweepMs);
    expect(await viewer.next("snapshot")).toMatchObject({ epoch: 2, seq: 0 });
    expect(warnings).not.toHaveBeenCalled();
  });

  it("shows what it has while the engine is away, and tells newcomers so", async () => {
    const viewer = await current.edge.viewer();
    const { engine } = current.edge;
    engine.refusal = { type: "refused", code: "UNAVAILABLE", message: "away", retryInMs: 5 };
    engine.unheard(() => change([5, 2]));
    change([6, 1]);
    const newcomer = await current.edge.connect();
    newcomer.say({ op: "watch", showtime: SHOWTIME });
    expect(await newcomer.next("error")).toMatchObject({ code: "UNAVAILABLE", retryInMs: 5 });
    engine.refusal = undefined;
    await caughtUp(viewer);
    expect(viewer.shown(SHOWTIME)).toBe(digits());
  });

  it("tells its viewers when the showtime is gone", async () => {
    const viewer = await current.edge.viewer();
    current.edge.engine.close(SHOWTIME);
    current.edge.engine.open(SHOWTIME, 480);
    hall().epoch = 2;
    change([1, 1]);
    current.edge.engine.close(SHOWTIME);
    expect(await viewer.next("error")).toMatchObject({ code: "NOT_FOUND" });
    expect(await current.edge.metric("usher_edge_replicas")).toBe(0);
  });

  it("tells its viewers when the showtime is gone without a word", async () => {
    const viewer = await current.edge.viewer();
    const { engine } = current.edge;
    engine.refusal = { type: "refused", code: "UNAVAILABLE", message: "away", retryInMs: 5 };
    current.edge.clock.leap(LIMITS.replicaCheckMs + LIMITS.sweepMs);
    engine.refusal = undefined;
    engine.close(SHOWTIME);
    current.edge.clock.leap(LIMITS.replicaCheckMs + LIMITS.sweepMs);
    expect(await viewer.next("error")).toMatchObject({ code: "NOT_FOUND" });
    expect(await current.edge.metric("usher_edge_replicas")).toBe(0);
  });

  it("stays a while after its last viewer, and is dropped then", async () => {
    const viewer = await current.edge.viewer();
    viewer.say({ op: "unwatch", showtime: SHOWTIME });
    viewer.say({ op: "watch", showtime: SHOWTIME });
    await viewer.next("snapshot");
    expect(current.edge.engine.viewsOf(SHOWTIME)).toBe(1);
    viewer.ws.close();
    await viewer.closed;
    const other = await current.edge.viewer("json", SHOWTIME);
    expect(current.edge.engine.viewsOf(SHOWTIME)).toBe(1);
    other.say({ op: "unwatch", showtime: SHOWTIME });
    other.say({ op: "nonsense" });
    await other.next("error");
    current.edge.clock.leap(LIMITS.replicaLingerMs + LIMITS.sweepMs);
    expect(await current.edge.metric("usher_edge_replicas")).toBe(0);
  });
});

describe("a reader that is slow", () => {
  const big = "arena" as ShowtimeId; // The cast: it is one.
  const arena = () => current.edge.engine.hall(big);
  const shownSeq = (client: Client): number | undefined => client.halls.get(big)?.seq;
  const upToDate = (client: Client): Promise<void> => client.until(() => shownSeq(client) === arena().seq);
  const turnSeats = (seats: Iterable<number>): void =>
    current.edge.engine.change(
      big,
      new Map(Array.from(seats, (seat) => [seat, ((arena().statuses[seat] ?? 0) + 1) % 4])),
    );
  const dropped = (): Promise<number> => current.edge.metric("usher_edge_frames_dropped_total");

  /** Two viewers of a big hall, one of which has stopped reading: the frame of the last change was dropped for it. */
  async function slowAndQuick() {
    current.edge.engine.open(big, 20_000);
    const slow = await current.edge.viewer("json", big);
    await slow.signIn(await current.edge.token());
    const quick = await current.edge.viewer("msgpack", big);
    slow.ws.pause();
    while ((await dropped()) === 0) {
      turnSeats(Array(2_600).keys()); // Enough of them that JSON shows the whole hall: the most bytes for the least work.
      current.edge.clock.leap(LIMITS.tickMaxMs);
      await upToDate(quick);
    }
    return { slow, quick };
  }

  it("is not waited for: frames are dropped, and the whole hall comes once it reads again", async () => {
    const { slow, quick } = await slowAndQuick();
    // Nothing more is kept for it, whatever happens in the hall.
    turnSeats([1]);
    await upToDate(quick);
    const droppedBefore = await dropped();
    slow.ws.resume();
    await upToDate(slow);
    expect(slow.shown(big)).toBe([...arena().statuses].join(""));
    expect(await dropped()).toBe(droppedBefore);
    turnSeats([2]);
    await upToDate(slow);
  });

  it("keeps its watch when it reads again while the engine is away, and is shown the hall once it is back", async () => {
    const { slow } = await slowAndQuick();
    const { engine } = current.edge;
    const lastSeq = arena().seq - 1;
    engine.refusal = { type: "refused", code: "BUSY", message: "busy", retryInMs: 5 };
    engine.unheard(() => turnSeats([1]));
    turnSeats([2]);
    slow.ws.resume();
    await slow.until(() => (shownSeq(slow) ?? 0) >= lastSeq); // Where a kernel took all that waited, the whole hall came right behind it.
    const views = engine.viewsOf(big);
    while (engine.viewsOf(big) < views + 2) await turn();
    engine.refusal = undefined;
    const refusals = () => slow.inbox.filter(({ op }) => op === "error");
    await slow.until(() => shownSeq(slow) === arena().seq || refusals().length > 0);
    expect(refusals()).toEqual([]);
    expect(slow.shown(big)).toBe([...arena().statuses].join(""));
  });

  it("is answered behind the frames that it has not read, and not cut off", async () => {
    const { slow, quick } = await slowAndQuick();
    const seat = arena().statuses.length - 1;
    slow.say({ op: "hold", rid: "r1", showtime: big, seats: [seat] });
    await quick.until(() => quick.halls.get(big)?.statuses[seat] === 1);
    await turn();
    slow.ws.resume();
    expect(await slow.next("held")).toMatchObject({ rid: "r1", seats: [seat] });
    await upToDate(slow);
    expect(slow.shown(big)).toBe([...arena().statuses].join(""));
  });

  /** Time passes, with a sign of life in each sweep. */
  async function pass(ms: number, { ws }: Client): Promise<void> {
    for (let passed = 0; passed < ms; passed += LIMITS.sweepMs) {
      ws.ping();
      await turn();
      current.edge.clock.leap(LIMITS.sweepMs);
    }
  }
  const connections = (): Promise<number> => current.edge.metric("usher_edge_connections");

  it("and has taken nothing for long is closed, though it sends pings", async () => {
    const { slow, quick } = await slowAndQuick();
    await pass(LIMITS.unreadMaxMs - LIMITS.sweepMs, slow);
    expect(await connections()).toBe(2);
    // Kernels take more of what waits in their own time, even all of it, which counts as taken: until they are full.
    for (let sweeps = 0; sweeps < 2_000 && (await connections()) > 1; sweeps++) {
      turnSeats(Array(2_600).keys());
      await pass(LIMITS.sweepMs, slow);
      await upToDate(quick);
    }
    expect(await connections()).toBe(1);
    expect(quick.closing).toBeUndefined();
    slow.ws.resume();
    // Where more waits than may, there is no room for a close frame.
    expect((await slow.closed).code).toBeOneOf([4001, 1006]);
  });

  it("and takes something now and then stays", async () => {
    const { slow } = await slowAndQuick();
    for (let time = 0; time < 3; time++) {
      await pass(LIMITS.unreadMaxMs - LIMITS.sweepMs, slow);
      slow.ws.resume();
      await upToDate(slow);
      slow.ws.pause();
      const droppedBefore = await dropped();
      while ((await dropped()) === droppedBefore) {
        turnSeats(Array(2_600).keys());
        current.edge.clock.leap(LIMITS.tickMaxMs);
        await turn();
      }
    }
    slow.ws.resume();
    await upToDate(slow);
    expect(slow.closing).toBeUndefined();
  });

  it("of its own answers is told to come again", async () => {
    const client = await current.edge.connect();
    client.ws.pause();
    let sent = 0;
    while ((await connections()) > 0 && sent < 1_000_000) {
      for (let at = 0; at < 1000; at++)
        client.say({ op: "hold", rid: `${"x".repeat(50)}${sent++}`, showtime: SHOWTIME, seats: [1] });
      await turn();
    }
    client.ws.resume();
    expect(await client.closed).toMatchObject({ code: 4001 });
  });
});
