import { expect, it, vi } from "vitest";
import { LIMITS } from "./limits.ts";
import { SHOWTIME, useHarness } from "./testing/harness.ts";

const current = useHarness();
const oneOfMany = useHarness({ isOneOfMany: true });

it("drains: sends everybody elsewhere, answers what is under way, takes nothing new, then closes", async () => {
  const { engine, edge } = current.edge;
  const buyer = await current.edge.signedIn();
  const viewer = await current.edge.viewer("msgpack");
  engine.held = [];
  buyer.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1] });
  buyer.say({ op: "nonsense" });
  await buyer.next("error");
  const drained = edge.drain();
  expect(await viewer.next("goaway")).toEqual({ op: "goaway", reconnectInMs: LIMITS.reconnectSpreadMs / 2 });
  await buyer.next("goaway");
  buyer.say({ op: "hold", rid: "r2", showtime: SHOWTIME, seats: [2] });
  expect(await buyer.next("error")).toMatchObject({ rid: "r2", code: "UNAVAILABLE" });
  await expect(current.edge.connect()).rejects.toThrow();
  for (const answer of engine.held) answer();
  expect(await buyer.next("held")).toMatchObject({ rid: "r1" });
  expect(await buyer.closed).toMatchObject({ code: 4000 });
  expect(await viewer.closed).toMatchObject({ code: 4000 });
  await drained;
});

it("does not wait for ever for a command that gets no answer", async () => {
  const { engine, edge, clock } = current.edge;
  const buyer = await current.edge.signedIn();
  engine.held = [];
  buyer.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1] });
  buyer.say({ op: "nonsense" });
  await buyer.next("error");
  const drained = edge.drain();
  await buyer.next("goaway");
  clock.leap(LIMITS.drainTimeoutMs);
  expect(await buyer.closed).toMatchObject({ code: 4000 });
  await drained;
});

it("that is one of many serves each client until it leaves as it was told, and ends once all have", async () => {
  const { engine, edge, clock } = oneOfMany.edge;
  const viewer = await oneOfMany.edge.viewer();
  clock.standStill();
  const began = clock.monotonic();
  const drained = edge.drain();
  const { reconnectInMs } = await viewer.next("goaway");
  clock.leap(reconnectInMs - 1_500);
  engine.change(SHOWTIME, new Map([[5, 1]]));
  expect(await viewer.next("delta")).toMatchObject({ seq: 1 });
  viewer.ws.close();
  await drained;
  expect(clock.monotonic() - began).toBeLessThan(LIMITS.reconnectSpreadMs);
});

it("that is one of many takes commands until the time has passed in which all should have left", async () => {
  const { engine, edge, clock } = oneOfMany.edge;
  const [buyer, viewer] = [await oneOfMany.edge.signedIn(), await oneOfMany.edge.viewer()];
  const drained = edge.drain();
  await buyer.next("goaway");
  buyer.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1] });
  await buyer.next("held");
  engine.held = [];
  buyer.say({ op: "hold", rid: "r2", showtime: SHOWTIME, seats: [2] });
  buyer.say({ op: "nonsense" });
  await buyer.next("error");
  clock.leap(LIMITS.reconnectSpreadMs);
  for (const answer of engine.held) answer();
  expect(await buyer.next("held")).toMatchObject({ rid: "r2" });
  expect(await buyer.closed).toMatchObject({ code: 4000 });
  expect(await viewer.closed).toMatchObject({ code: 4000 });
  await drained;
});

it("that is one of many and loses the bus for long is given no newcomers, and then sends its clients elsewhere, once", async () => {
  const { edge } = oneOfMany;
  const serving = async () => (await fetch(`http://127.0.0.1:${edge.port}/health/serving`)).status;
  const viewer = await edge.viewer();
  expect(await serving()).toBe(200);
  const isConnected = vi.spyOn(edge.bus, "isConnected", "get").mockReturnValue(false);
  edge.clock.leap(LIMITS.sweepMs);
  expect(await serving()).toBe(503);
  isConnected.mockReturnValue(true);
  edge.clock.leap(LIMITS.sweepMs);
  expect(await serving()).toBe(200);
  isConnected.mockReturnValue(false);
  for (let sweeps = 1; sweeps < LIMITS.cutOffSweeps; sweeps++) edge.clock.leap(LIMITS.sweepMs);
  const newcomer = await edge.viewer();
  expect(viewer.inbox.filter(({ op }) => op === "goaway")).toEqual([]);
  edge.clock.leap(LIMITS.sweepMs);
  for (const each of [viewer, newcomer])
    expect(await each.next("goaway")).toEqual({ op: "goaway", reconnectInMs: LIMITS.reconnectSpreadMs / 2 });
  edge.clock.leap(LIMITS.sweepMs);
  const later = await edge.viewer();
  edge.clock.leap(LIMITS.sweepMs);
  edge.engine.change(SHOWTIME, new Map([[5, 1]]));
  for (const each of [viewer, newcomer, later]) {
    await each.next("delta");
    expect(each.inbox.filter(({ op }) => op === "goaway")).toEqual([]);
  }
  expect(await serving()).toBe(503);
});

it("that is alone keeps its clients, whatever becomes of the bus", async () => {
  const { edge } = current;
  const viewer = await edge.viewer();
  vi.spyOn(edge.bus, "isConnected", "get").mockReturnValue(false);
  for (let sweeps = 0; sweeps < 2 * LIMITS.cutOffSweeps; sweeps++) edge.clock.leap(LIMITS.sweepMs);
  edge.engine.change(SHOWTIME, new Map([[5, 1]]));
  await viewer.next("delta");
  expect(viewer.inbox.filter(({ op }) => op === "goaway")).toEqual([]);
});

it("answers a connection that asks for too much at once quickly, and the rest of it later", async () => {
  const { engine } = current.edge;
  const buyer = await current.edge.signedIn();
  engine.held = [];
  for (let at = 0; at <= LIMITS.inFlightMax; at++)
    buyer.say({ op: "hold", rid: `r${at}`, showtime: SHOWTIME, seats: [at] });
  expect(await buyer.next("error")).toMatchObject({
    rid: `r${LIMITS.inFlightMax}`,
    code: "BUSY",
    retryInMs: LIMITS.comeBackMs,
  });
  for (const answer of engine.held) answer();
  await buyer.until(() => buyer.inbox.filter(({ op }) => op === "held").length === LIMITS.inFlightMax);
});

it("bears a thousand connections that never speak, and forgets them when they go", async () => {
  const clients = await Promise.all(Array.from({ length: 1000 }, () => current.edge.connect()));
  const buyer = await current.edge.signedIn();
  buyer.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1] });
  await buyer.next("held");
  expect(await current.edge.metric("usher_edge_connections")).toBe(1001);
  for (const { ws } of clients) ws.terminate();
  while ((await current.edge.metric("usher_edge_connections")) > 1) await new Promise(setImmediate);
});

it("counts the refusals that are its own doing from nought, so that the first burst is a rate", async () => {
  const text = await current.edge.metrics.metrics();
  for (const code of ["BUSY", "UNAVAILABLE"]) expect(text).toContain(`usher_edge_refusals_total{code="${code}"} 0`);
});

it("times every command, and tells those that nobody could carry out from those that were answered", async () => {
  const timed = async (outcome: string) =>
    new RegExp(`^usher_edge_command_seconds_count{outcome="${outcome}"} (.*)$`, "m").exec(
      await current.edge.metrics.metrics(),
    )?.[1];
  expect([await timed("answered"), await timed("unavailable")]).toEqual(["0", "0"]);
  const buyer = await current.edge.signedIn();
  for (const rid of ["r1", "r2"]) {
    buyer.say({ op: "hold", rid, showtime: SHOWTIME, seats: [1] });
    await buyer.next(rid === "r1" ? "held" : "error");
  }
  for (const code of ["BUSY", "UNAVAILABLE", "LIMIT_REACHED"] as const) {
    current.edge.engine.refusal = { type: "refused", code, message: "No." };
    buyer.say({ op: "hold", rid: code, showtime: SHOWTIME, seats: [2] });
    await buyer.next("error");
  }
  expect([await timed("answered"), await timed("unavailable")]).toEqual(["3", "2"]);
});

it("tells what it does to whoever scrapes it", async () => {
  const buyer = await current.edge.signedIn();
  const viewer = await current.edge.viewer();
  buyer.say({ op: "hold", rid: "r1", showtime: SHOWTIME, seats: [1] });
  await buyer.next("held");
  buyer.say({ op: "hold", rid: "r2", showtime: SHOWTIME, seats: [1] });
  await buyer.next("error");
  await viewer.next("delta");
  const text = await current.edge.metrics.metrics();
  expect(text).toContain("usher_edge_connections 2");
  expect(text).toContain("usher_edge_messages_total 4");
  expect(text).toContain("usher_edge_frames_total 1");
  expect(text).toContain("usher_edge_replicas 1");
  expect(text).toContain('usher_edge_refusals_total{code="SEAT_TAKEN"} 1');
});
