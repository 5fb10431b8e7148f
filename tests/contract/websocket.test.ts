/** Every line of the WebSocket's contract, in both encodings. */
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { CLOSE_CODES } from "../../proto/index.ts";
import { SUBPROTOCOLS } from "../../proto/ws/index.ts";
import { boxOffice } from "../support/box-office.ts";

const office = boxOffice({ ALLOWED_ORIGINS: "https://tickets.example.com", MAX_SEATS_PER_HOLDER: "6" });

const socket = (protocols: string[], options: object = {}): WebSocket =>
  new WebSocket(`ws://127.0.0.1:${office.usher.wsPort}/v1`, protocols, options);

describe("a connection", () => {
  it("speaks JSON when it offers no subprotocol, and is welcomed at once", async () => {
    const ws = socket([]);
    const [data, isBinary] = (await once(ws, "message")) as [Buffer, boolean];
    expect(ws.protocol).toBe("");
    expect(isBinary).toBe(false);
    expect(JSON.parse(String(data))).toEqual({ op: "welcome", protocol: 1, heartbeatMs: 25_000 });
    ws.terminate();
  });

  it.each(Object.values(SUBPROTOCOLS))("speaks %s when that is offered", async (protocol) => {
    const ws = socket(["other", protocol]);
    const [, isBinary] = (await once(ws, "message")) as [Buffer, boolean];
    expect(ws.protocol).toBe(protocol);
    expect(isBinary).toBe(protocol === SUBPROTOCOLS.msgpack);
    ws.terminate();
  });

  it("is refused where it offers only what is unknown", async () => {
    const ws = socket(["usher.v2.json"]);
    const [error] = (await once(ws, "error")) as [Error];
    expect(error.message).toMatch(/400/);
  });

  it.each([
    ["https://evil.example.com", 403],
    ["null", 403],
    ["https://tickets.example.com.evil.example.com", 403],
  ])("from a page of %s is refused", async (origin, status) => {
    const [error] = (await once(socket([], { origin }), "error")) as [Error];
    expect(error.message).toContain(String(status));
  });

  it("from the page that Usher serves, and from allowed ones, is taken", async () => {
    for (const origin of [office.rest.origin, "https://tickets.example.com"]) {
      const ws = socket([], { origin });
      await once(ws, "open");
      ws.terminate();
    }
  });

  it("has in JSON the very fields that the contract names", async () => {
    const [showtime, guest] = [office.anotherShowtime(), await office.guest()];
    const ws = socket([SUBPROTOCOLS.json]);
    const inbox: Record<string, unknown>[] = [];
    ws.on("message", (data: Buffer) => inbox.push(JSON.parse(String(data)) as Record<string, unknown>));
    const next = async (op: string): Promise<Record<string, unknown>> => {
      for (;;) {
        const found = inbox.find((message) => message["op"] === op);
        if (found !== undefined) return inbox.splice(inbox.indexOf(found), 1)[0] ?? {};
        await once(ws, "message");
      }
    };
    await next("welcome");
    ws.send(JSON.stringify({ op: "auth", token: guest.token }));
    expect(await next("authed")).toEqual({ op: "authed", userId: guest.userId, role: "guest" });
    ws.send(JSON.stringify({ op: "watch", showtime }));
    const snapshot = await next("snapshot");
    expect(Object.keys(snapshot).sort()).toEqual(["checksum", "epoch", "op", "seq", "showtime", "statuses"]);
    expect(snapshot["statuses"]).toMatch(/^0+$/);
    ws.send(JSON.stringify({ op: "hold", rid: "r1", showtime, seats: [1, 2] }));
    const held = await next("held");
    expect(held).toEqual({
      op: "held",
      rid: "r1",
      holdId: expect.any(String),
      showtime,
      seats: [1, 2],
      expiresInMs: 300_000,
    });
    const delta = await next("delta");
    expect(delta).toMatchObject({
      showtime,
      epoch: snapshot["epoch"],
      from: snapshot["seq"],
      seats: [
        [1, 1],
        [2, 1],
      ],
    });
    expect(Object.keys(delta).sort()).toEqual(["checksum", "epoch", "from", "op", "seats", "seq", "showtime"]);
    ws.send(JSON.stringify({ op: "extend", rid: "r2", holdId: held["holdId"] }));
    expect(await next("extended")).toEqual({
      op: "extended",
      rid: "r2",
      holdId: held["holdId"],
      expiresInMs: expect.any(Number),
    });
    ws.send(JSON.stringify({ op: "hold", rid: "r3", showtime, seats: [2, 3] }));
    expect(await next("error")).toEqual({
      op: "error",
      rid: "r3",
      code: "SEAT_TAKEN",
      message: expect.any(String),
      seats: [2],
    });
    ws.send(JSON.stringify({ op: "release", rid: "r4", holdId: held["holdId"] }));
    expect(await next("released")).toEqual({ op: "released", rid: "r4", holdId: held["holdId"] });
    ws.terminate();
  });
});

describe.each(["json", "msgpack"] as const)("over %s", (encoding) => {
  const other = encoding === "json" ? "msgpack" : "json";

  it("an anonymous connection may watch, and is asked to sign in for all else", async () => {
    const showtime = office.anotherShowtime();
    const client = await office.connect(encoding);
    await client.next("welcome");
    client.say({ op: "watch", showtime });
    await client.next("snapshot");
    client.say({ op: "hold", rid: "r1", showtime, seats: [1] });
    expect(await client.next("error")).toMatchObject({ rid: "r1", code: "UNAUTHORIZED" });
    client.say({ op: "extend", rid: "r2", holdId: `${showtime}.1` });
    expect(await client.next("error")).toMatchObject({ rid: "r2", code: "UNAUTHORIZED" });
    client.say({ op: "release", rid: "r3", holdId: `${showtime}.1` });
    expect(await client.next("error")).toMatchObject({ rid: "r3", code: "UNAUTHORIZED" });
  });

  it("a viewer sees the hall, then each change on top of what it has", async () => {
    const showtime = office.anotherShowtime();
    const viewer = await office.connect(encoding);
    const buyer = await office.enter(await office.guest(), other);
    viewer.say({ op: "watch", showtime });
    const { seq, statuses } = await viewer.next("snapshot");
    const layout = await office.rest.layout(showtime);
    expect(statuses).toHaveLength(layout.seats.length);
    buyer.say({ op: "hold", rid: "r1", showtime, seats: [0, 7] });
    const { holdId } = await buyer.next("held");
    const delta = await viewer.next("delta", (message) => message.changes.length > 0);
    expect(delta.from).toBe(seq);
    await viewer.until(() => viewer.shown(showtime).startsWith("10000001"));
    buyer.say({ op: "release", rid: "r2", holdId, seats: [7] });
    await viewer.until(() => viewer.shown(showtime).startsWith("10000000"));
    buyer.say({ op: "release", rid: "r3", holdId });
    await viewer.until(() => !viewer.shown(showtime).includes("1"));
    const seats = await office.rest.seats(showtime);
    const hall = viewer.halls.get(showtime);
    expect(seats).toMatchObject({
      showtimeId: showtime,
      epoch: hall?.epoch,
      seq: hall?.seq,
      statuses: viewer.shown(showtime),
    });
  });

  it("who comes back with a position that can be resumed gets the missed deltas and no snapshot", async () => {
    const showtime = office.anotherShowtime();
    const buyer = await office.enter(await office.guest(), encoding);
    const leaver = await office.connect(encoding);
    leaver.say({ op: "watch", showtime });
    const { epoch, seq, statuses } = await leaver.next("snapshot");
    leaver.ws.close();
    await leaver.closed;
    buyer.say({ op: "hold", rid: "r1", showtime, seats: [3] });
    await buyer.next("held");
    const back = await office.connect(encoding);
    back.halls.set(showtime, { epoch, seq, statuses: statuses.slice(), checksum: 0, frames: 0 });
    back.say({ op: "watch", showtime, epoch, seq });
    await back.until(() => back.shown(showtime).startsWith("0001"));
    expect(back.inbox.some(({ op }) => op === "snapshot")).toBe(false);
  });

  it("who comes back with a position that never was gets a snapshot", async () => {
    const showtime = office.anotherShowtime();
    const client = await office.connect(encoding);
    for (const [epoch, seq] of [
      [1, 999_999],
      [999_999, 0],
      [0, 0],
    ]) {
      client.say({ op: "watch", showtime, epoch, seq });
      await client.next("snapshot");
    }
  });

  it("nothing more comes of a showtime after unwatch", async () => {
    const showtime = office.anotherShowtime();
    const leaver = await office.enter(await office.guest(), encoding);
    const witness = await office.connect(encoding);
    for (const client of [leaver, witness]) {
      client.say({ op: "watch", showtime });
      await client.next("snapshot");
    }
    leaver.say({ op: "unwatch", showtime });
    leaver.say({ op: "hold", rid: "r1", showtime, seats: [1] });
    await leaver.next("held");
    await witness.next("delta", ({ changes }) => changes.length > 0);
    leaver.say({ op: "hold", rid: "r2", showtime, seats: [1] });
    await leaver.next("error"); // Whatever was sent before has come by now.
    expect(leaver.inbox.filter(({ op }) => op === "delta")).toEqual([]);
  });

  it("a showtime that does not exist is not found", async () => {
    const client = await office.enter(await office.guest(), encoding);
    client.say({ op: "watch", showtime: "st_nowhere" });
    expect(await client.next("error")).toMatchObject({ code: "NOT_FOUND" });
    client.say({ op: "hold", rid: "r1", showtime: "st_nowhere", seats: [1] });
    expect(await client.next("error")).toMatchObject({ rid: "r1", code: "NOT_FOUND" });
    client.say({ op: "unwatch", showtime: "st_nowhere" });
  });

  it("the best available seats are neighbours, of the category asked for", async () => {
    const showtime = office.anotherShowtime();
    const { seats, categories } = await office.rest.layout(showtime);
    const client = await office.enter(await office.guest(), encoding);
    const category = categories.at(-1)?.id;
    client.say({ op: "hold", rid: "r1", showtime, best: { count: 3, category } });
    const held = await client.next("held");
    const taken = held.seats.map((index) => seats[index]);
    expect(new Set(taken.map((seat) => `${seat?.section} ${seat?.row} ${seat?.category}`)).size).toBe(1);
    expect(taken[0]?.category).toBe(category);
    client.say({ op: "hold", rid: "r2", showtime, best: { count: 2 } });
    expect((await client.next("held")).seats).toHaveLength(2);
    client.say({ op: "hold", rid: "r3", showtime, best: { count: 1, category: "nothing" } });
    expect(await client.next("error")).toMatchObject({ rid: "r3", code: "NOT_FOUND" });
  });

  it("best available says so when there are not enough seats", async () => {
    const showtime = office.anotherShowtime("ha_studio");
    const { seats, categories } = await office.rest.layout(showtime);
    const category = categories[0]?.id;
    const indexes = seats.filter((seat) => seat.category === category).map(({ index }) => index);
    for (let at = 0; at < indexes.length; at += 6) {
      const buyer = await office.enter(await office.guest(), encoding);
      buyer.say({ op: "hold", rid: "r1", showtime, seats: indexes.slice(at, at + 6) });
      await buyer.next("held");
    }
    const client = await office.enter(await office.guest(), encoding);
    client.say({ op: "hold", rid: "r1", showtime, best: { count: 2, category } });
    expect(await client.next("error")).toMatchObject({ rid: "r1", code: "NOT_ENOUGH_SEATS" });
  });

  it("a loser is told which seats are taken, exactly, and holds none", async () => {
    const showtime = office.anotherShowtime();
    const winner = await office.enter(await office.guest(), encoding);
    const loser = await office.enter(await office.guest(), other);
    winner.say({ op: "hold", rid: "r1", showtime, seats: [4, 5] });
    await winner.next("held");
    loser.say({ op: "hold", rid: "r1", showtime, seats: [3, 4, 5, 6] });
    expect(await loser.next("error")).toMatchObject({ rid: "r1", code: "SEAT_TAKEN", seats: [4, 5] });
    expect((await office.rest.seats(showtime)).statuses.slice(0, 8)).toBe("00001100");
  });

  it("nobody holds more seats than allowed", async () => {
    const showtime = office.anotherShowtime();
    const client = await office.enter(await office.guest(), encoding);
    client.say({ op: "hold", rid: "r1", showtime, seats: [0, 1, 2, 3] });
    await client.next("held");
    client.say({ op: "hold", rid: "r2", showtime, seats: [4, 5, 6] });
    expect(await client.next("error")).toMatchObject({ rid: "r2", code: "LIMIT_REACHED" });
    client.say({ op: "hold", rid: "r3", showtime, seats: [4, 5] });
    await client.next("held");
  });

  it("a hold can be extended a limited number of times", async () => {
    const showtime = office.anotherShowtime();
    const client = await office.enter(await office.guest(), encoding);
    client.say({ op: "hold", rid: "hold", showtime, seats: [0] });
    const { holdId } = await client.next("held");
    let refused: string | undefined;
    for (let count = 0; count < 50 && refused === undefined; count++) {
      client.say({ op: "extend", rid: `extend ${count}`, holdId });
      await client.until(() => client.inbox.some(({ op }) => op === "extended" || op === "error"));
      const message = client.inbox.splice(
        client.inbox.findIndex(({ op }) => op === "extended" || op === "error"),
        1,
      )[0];
      if (message?.op === "error") refused = message.code;
    }
    expect(refused).toBe("LIMIT_REACHED");
  });

  it("the same rid gets the first answer again, on any connection and in either encoding", async () => {
    const showtime = office.anotherShowtime();
    const guest = await office.guest();
    const [first, second] = [await office.enter(guest, encoding), await office.enter(guest, other)];
    first.say({ op: "hold", rid: "once", showtime, seats: [1, 2] });
    const held = await first.next("held");
    second.say({ op: "hold", rid: "once", showtime, seats: [1, 2] });
    expect(await second.next("held")).toEqual(held);
    second.say({ op: "hold", rid: "twice", showtime, seats: [1] });
    const refused = await second.next("error");
    expect(refused).toMatchObject({ rid: "twice", code: "SEAT_TAKEN", seats: [1] });
    first.say({ op: "extend", rid: "more", holdId: held.holdId });
    const extended = await first.next("extended");
    first.say({ op: "release", rid: "back", holdId: held.holdId });
    await first.next("released");
    for (const client of [first, second]) {
      client.say({ op: "extend", rid: "more", holdId: held.holdId });
      expect(await client.next("extended")).toEqual(extended);
      client.say({ op: "release", rid: "back", holdId: held.holdId });
      expect(await client.next("released")).toEqual({ op: "released", rid: "back", holdId: held.holdId });
      client.say({ op: "hold", rid: "twice", showtime, seats: [1] });
      expect(await client.next("error")).toEqual(refused);
    }
    expect((await office.rest.seats(showtime)).statuses).not.toContain("1");
  });

  it("another user's same rid is another request", async () => {
    const showtime = office.anotherShowtime();
    const [ann, ben] = [
      await office.enter(await office.guest(), encoding),
      await office.enter(await office.guest(), encoding),
    ];
    ann.say({ op: "hold", rid: "r1", showtime, seats: [1] });
    const anns = await ann.next("held");
    ben.say({ op: "hold", rid: "r1", showtime, seats: [2] });
    const bens = await ben.next("held");
    expect(bens.holdId).not.toBe(anns.holdId);
  });

  it("a hold outlives its connection", async () => {
    const showtime = office.anotherShowtime();
    const guest = await office.guest();
    const leaver = await office.enter(guest, encoding);
    leaver.say({ op: "hold", rid: "r1", showtime, seats: [5] });
    const { holdId } = await leaver.next("held");
    leaver.ws.terminate();
    await leaver.closed;
    const { status, body } = await office.rest.get(`holds/${holdId}`, { token: guest.token });
    expect(status).toBe(200);
    expect(body).toMatchObject({ holdId, showtimeId: showtime, seats: [5] });
    const back = await office.enter(guest, encoding);
    back.say({ op: "release", rid: "r2", holdId });
    await back.next("released");
    back.say({ op: "release", rid: "r3", holdId });
    expect(await back.next("error")).toMatchObject({ rid: "r3", code: "HOLD_NOT_FOUND" });
  });

  it("commands sent in one go are answered in their order", async () => {
    const showtime = office.anotherShowtime();
    const client = await office.enter(await office.guest(), encoding);
    for (let count = 0; count < 40; count++) client.say({ op: "hold", rid: `r${count}`, showtime, seats: [count % 6] });
    await client.until(() => client.inbox.filter((message) => "rid" in message).length === 40);
    expect(client.inbox.flatMap((message) => ("rid" in message ? [message.rid] : []))).toEqual(
      Array.from({ length: 40 }, (_, count) => `r${count}`),
    );
    expect(client.inbox.filter(({ op }) => op === "held")).toHaveLength(6);
  });

  it("the tenth message that does not parse closes with 1008", async () => {
    const client = await office.connect(encoding);
    for (let count = 0; count < 10; count++) client.ws.send(encoding === "json" ? "{" : Buffer.from([0xc1]));
    expect(await client.closed).toMatchObject({ code: CLOSE_CODES.POLICY.code });
    expect(client.inbox.filter((message) => message.op === "error" && message.code === "BAD_MESSAGE").length).toBe(10);
  });

  it("4 KiB are taken; one byte more closes with 1009", async () => {
    const client = await office.connect(encoding);
    client.ws.send(encoding === "json" ? " ".repeat(4_096) : Buffer.alloc(4_096, 0xc1));
    expect(await client.next("error")).toMatchObject({ code: "BAD_MESSAGE" });
    client.ws.send(encoding === "json" ? " ".repeat(4_097) : Buffer.alloc(4_097, 0xc1));
    expect(await client.closed).toMatchObject({ code: CLOSE_CODES.TOO_BIG.code });
  });
});
