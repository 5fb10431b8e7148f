import { describe, expect, test } from "vitest";
import { SEAT_STATUS, seatChange, showtimeId } from "../proto/index.ts";
import type { Hall, SeatChange } from "./index.ts";
import { ManualClock } from "./testing/manual-clock.ts";
import { PREMIERE, type ScriptedServer } from "./testing/scripted-server.ts";
import { createClient, startServer } from "./testing/world.ts";

const { held, booked } = SEAT_STATUS;

const inStepAt = (hall: Hall, seq: number): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => {
      if (hall.seq === seq && hall.inStep) resolve();
    };
    hall.on("inStep", look);
    hall.on("snapshot", look);
    hall.on("change", look);
    look();
  });

function expectSame(hall: Hall, server: ScriptedServer): void {
  expect([...hall.statuses]).toEqual([...server.statuses]);
  expect(hall.checksum).toBe(server.snapshot().checksum);
  expect(hall.seq).toBe(server.seq);
}

describe.each(["json", "msgpack"] as const)("a hall over %s", (encoding) => {
  async function watching(clock?: ManualClock) {
    const server = await startServer();
    const client = createClient(server, { encoding, ...(clock === undefined ? {} : { clock }) });
    await client.connect();
    const hall = await client.watch(PREMIERE).ready;
    const { link } = await server.next("watch");
    return { server, client, hall, link };
  }

  test("follows deltas and tells what changed", async () => {
    const { server, hall, link } = await watching();
    const told: SeatChange[] = [];
    hall.onChange((changes) => told.push(...changes));
    link.send(server.change([1, 2], held));
    link.send(server.change([2], booked));
    await inStepAt(hall, 2);
    expectSame(hall, server);
    expect(told).toEqual([
      { seat: 1, before: 0, status: held },
      { seat: 2, before: 0, status: held },
      { seat: 2, before: held, status: booked },
    ]);
  });

  test("mends a gap from where it is, once, however many deltas come after it", async () => {
    const { server, hall, link } = await watching();
    server.change([1], held);
    link.send(server.change([2], held));
    link.send(server.change([3], held));
    await inStepAt(hall, 3);
    expectSame(hall, server);
    const again = await server.next("watch");
    expect(again.message).toMatchObject({ epoch: 1, seq: 0 });
    expect(server.received.filter(({ message }) => message.op === "watch")).toHaveLength(2);
  });

  test("passes over deltas that it has seen", async () => {
    const { server, hall, link } = await watching();
    const delta = server.change([1], held);
    link.send(delta);
    link.send(server.change([2], held));
    link.send(delta);
    link.send(server.change([3], held));
    await inStepAt(hall, 3);
    expectSame(hall, server);
    expect(server.received).toHaveLength(1);
  });

  test.each([
    ["gives another checksum", (server: ScriptedServer) => ({ ...server.change([1], held), checksum: 7 })],
    [
      "names a seat that the hall does not have",
      (server: ScriptedServer) => ({ ...server.change([], held), changes: [seatChange(4_000, held)] }),
    ],
  ])("asks for a snapshot when a delta %s", async (_, wrong) => {
    const { server, hall, link } = await watching();
    link.send(wrong(server));
    expect((await server.next("watch")).message).not.toHaveProperty("seq");
    await inStepAt(hall, 1);
    expectSame(hall, server);
  });

  test("does not take a snapshot that contradicts itself, and waits longer before each further one", async () => {
    const clock = new ManualClock();
    const { server, hall, link } = await watching(clock);
    server.change([1], held);
    const wrong = { ...server.snapshot(), checksum: 7 };
    const outOfStep = new Promise((resolve) => hall.on("inStep", resolve));
    for (let time = 0; time < 2; time++) server.script("watch", (received) => received.link.send(wrong));
    link.send(wrong);
    expect(await outOfStep).toBe(false);
    const asked = (): number => {
      clock.advance(0);
      return server.received.filter(({ message }) => message.op === "watch").length;
    };
    await expect.poll(asked).toBe(4);
    await inStepAt(hall, 1);
    expectSame(hall, server);
  });

  test("goes on after a lost connection, from where it was", async () => {
    const { server, hall, link } = await watching();
    const snapshots: Hall[] = [];
    link.send(server.change([1], held));
    await inStepAt(hall, 1);
    hall.on("snapshot", (fresh) => snapshots.push(fresh));
    const lost = new Promise((resolve) => hall.on("inStep", resolve));
    link.cut();
    expect(await lost).toBe(false);
    const again = await server.next("watch");
    expect(again.message).toMatchObject({ epoch: 1, seq: 1 });
    await inStepAt(hall, 1);
    expect(snapshots).toEqual([]);
  });

  test("asks for a snapshot at once when the answer to a resumed watch leads elsewhere", async () => {
    const clock = new ManualClock();
    const { server, hall, link } = await watching(clock);
    const lost = new Promise((resolve) => hall.on("inStep", resolve));
    server.script("watch", (received) => received.link.send({ ...server.delta([], 0), checksum: 7 }));
    link.cut();
    expect(await lost).toBe(false);
    clock.advance(0);
    expect((await server.next("watch")).message).toMatchObject({ epoch: 1, seq: 0 });
    expect((await server.next("watch")).message).not.toHaveProperty("seq");
    await inStepAt(hall, 0);
    expectSame(hall, server);
  });

  test("takes a snapshot of a new epoch after a takeover, and what belongs to the old one is mended", async () => {
    const { server, hall, link } = await watching();
    server.epoch = 2;
    link.send(server.change([1], held));
    await inStepAt(hall, 1);
    expect(hall.epoch).toBe(2);
    expectSame(hall, server);
  });
});

test("a showtime that does not exist is refused, and others are not", async () => {
  const server = await startServer();
  const client = createClient(server);
  const missing = client.watch("missing");
  const premiere = client.watch(PREMIERE);
  await client.connect();
  await expect(missing.ready).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await premiere.ready).inStep).toBe(true);
  expect(() => client.watch("no showtime")).toThrow(TypeError);
});

const GONE = showtimeId("gone");
const refusalOfGone = { op: "error", code: "NOT_FOUND", message: "no such showtime" } as const;

test("a hall that is there no longer is found among those that are in step", async () => {
  const server = await startServer();
  const client = createClient(server);
  await client.connect();
  const premiere = await client.watch(PREMIERE).ready;
  server.script("watch", ({ link }) => link.send(server.snapshot(GONE)));
  const gone = await client.watch(GONE).ready;
  const refused = new Promise((resolve) => gone.on("refused", resolve));
  for (const link of server.links) link.send(refusalOfGone);
  expect(await refused).toMatchObject({ code: "NOT_FOUND" });
  expect(gone.inStep).toBe(false);
  expect(premiere.inStep).toBe(true);
  expect(client.watch(PREMIERE)).toBe(premiere);
});

test("a hall that goes while another is asked for is not taken for that one", async () => {
  const server = await startServer();
  const client = createClient(server);
  await client.connect();
  server.script("watch", ({ link }) => link.send(server.snapshot(GONE)));
  const gone = await client.watch(GONE).ready;
  const refused = new Promise((resolve) => gone.on("refused", resolve));
  server.script("watch", (received) => {
    received.link.send(refusalOfGone);
    server.answer(received);
  });
  const premiere = await client.watch(PREMIERE).ready;
  expect(await refused).toMatchObject({ code: "NOT_FOUND" });
  expect(premiere.inStep).toBe(true);
  expect(client.watch(PREMIERE)).toBe(premiere);
});

test.each([
  ["first", [PREMIERE, "gone-1", "gone-2", "gone-3"]],
  ["last", ["gone-1", "gone-2", "gone-3", PREMIERE]],
])("halls that go together do not take one with them that was watched %s", async (_, ids) => {
  const server = await startServer();
  const client = createClient(server);
  await client.connect();
  const refused: string[] = [];
  for (const id of ids) {
    if (id !== PREMIERE) server.script("watch", ({ link }) => link.send(server.snapshot(showtimeId(id))));
    await client.watch(id, { refused: () => refused.push(id) }).ready;
  }
  const premiere = client.watch(PREMIERE);
  for (const link of server.links) for (let time = 0; time < 3; time++) link.send(refusalOfGone);
  await expect.poll(() => refused).toEqual(["gone-1", "gone-2", "gone-3"]);
  await expect.poll(() => client.watch(PREMIERE).inStep).toBe(true);
  server.show(server.change([1], held));
  await inStepAt(premiere, 1);
  expect(client.watch(PREMIERE)).toBe(premiere);
});

test("a hall that does not exist is refused although another is in step", async () => {
  const server = await startServer();
  const client = createClient(server);
  await client.connect();
  const premiere = await client.watch(PREMIERE).ready;
  await expect(client.watch("missing").ready).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(premiere.inStep).toBe(true);
});

test("the refusals of halls that were stopped are not taken for that of the next", async () => {
  const server = await startServer();
  const client = createClient(server);
  await client.connect();
  for (let time = 0; time < 2; time++) server.script("watch", () => {});
  client.watch("gone").stop();
  client.watch("gone-too").stop();
  server.script("watch", (received) => {
    for (let time = 0; time < 2; time++) received.link.send(refusalOfGone);
    server.answer(received);
  });
  const premiere = client.watch(PREMIERE);
  expect((await premiere.ready).inStep).toBe(true);
  await expect(client.watch("missing").ready).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(premiere.inStep).toBe(true);
  expect(client.watch(PREMIERE)).toBe(premiere);
});

test("a hall whose refusals come late, after it was asked for again, takes no other with it", async () => {
  const server = await startServer();
  const clock = new ManualClock();
  const client = createClient(server, { clock });
  await client.connect();
  for (let time = 0; time < 2; time++) server.script("watch", () => {});
  const gone = client.watch(GONE);
  const { link } = await server.next("watch");
  clock.advance(5_000);
  await server.next("watch");
  const premiere = client.watch(PREMIERE);
  for (let time = 0; time < 2; time++) link.send(refusalOfGone);
  await expect(gone.ready).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect((await premiere.ready).inStep).toBe(true);
});

test("stopping a hall that was refused leaves the one that was watched after it", async () => {
  const server = await startServer();
  const client = createClient(server);
  await client.connect();
  server.script("watch", ({ link }) => link.send(refusalOfGone));
  const refused = client.watch(PREMIERE);
  await expect(refused.ready).rejects.toMatchObject({ code: "NOT_FOUND" });
  const hall = await client.watch(PREMIERE).ready;
  refused.stop();
  expect(client.watch(PREMIERE)).toBe(hall);
  for (const link of server.links) link.send(server.change([1], held));
  await inStepAt(hall, 1);
  expectSame(hall, server);
});

test("a client watches as many showtimes as a server lets it", async () => {
  const client = createClient(await startServer());
  for (let count = 0; count < 16; count++) client.watch(`showtime-${count}`);
  expect(() => client.watch("one-more")).toThrow("16 showtimes");
});

test("a refusal that may pass is asked again", async () => {
  const server = await startServer();
  const client = createClient(server);
  server.script("watch", ({ link }) => link.send({ op: "error", code: "UNAVAILABLE", message: "later", retryInMs: 1 }));
  await client.connect();
  expect((await client.watch(PREMIERE).ready).seq).toBe(0);
});

test("a hall that is refused over and over is asked for after waits that grow until it is shown", async () => {
  const server = await startServer();
  const clock = new ManualClock();
  const waits: number[] = [];
  const after = (ms: number, callback: () => void) => (waits.push(ms), clock.after(ms, callback));
  const client = createClient(server, { clock: { monotonic: () => clock.monotonic(), after }, random: () => 0.5 });
  const refuse = () => server.script("watch", ({ link }) => link.send({ op: "error", code: "BUSY", message: "later" }));
  const waited = async (ms: number) => {
    await expect.poll(() => waits).toContain(ms);
    waits.length = 0;
    clock.advance(ms);
  };
  for (let time = 0; time < 3; time++) refuse();
  await client.connect();
  const hall = client.watch(PREMIERE);
  for (const ms of [250, 500, 1_000]) await waited(ms);
  await hall.ready;
  refuse();
  server.change([1], held);
  server.show(server.change([2], held));
  await waited(250);
  await inStepAt(hall, 2);
});

test("watching twice is one watch, and stopping ends it for both", async () => {
  const server = await startServer();
  const client = createClient(server);
  await client.connect();
  const hall = client.watch(PREMIERE);
  expect(client.watch(PREMIERE)).toBe(hall);
  await hall.ready;
  hall.stop();
  expect((await server.next("unwatch")).message.showtime).toBe(PREMIERE);
  expect(hall.inStep).toBe(false);
  expect(client.watch(PREMIERE)).not.toBe(hall);
});
