import pino from "pino";
import { beforeEach, describe, expect, it } from "vitest";
import {
  type Command,
  type CommandBatch,
  commandsTo,
  holderId,
  type Query,
  type Reply,
  type RequestId,
  SERVED,
  shardOf,
  showtimeId,
} from "../../proto/index.ts";
import { InProcessBus } from "../bus/index.ts";
import { VirtualClock } from "../clock/index.ts";
import { EngineClient } from "./index.ts";

const SHARDS = 4;
const showtime = showtimeId("st-1");
const endpoint = commandsTo(shardOf(showtime, SHARDS));
const hold = (rid: string): Command => ({
  type: "hold",
  showtime,
  holder: holderId("anna"),
  rid: rid as RequestId, // Short enough.
  seats: [1],
});
/** A server's `max_payload` when it is told none. */
const NATS_PAYLOAD_DEFAULT = 1024 * 1024;
/** One byte per seat of the largest hall that there can be, and what changed lately. */
const VIEW_BYTES_MAX = 65_536 + 16_384;
const DONE: Reply = { type: "done" };
const AWAY: Reply = { type: "refused", code: "UNAVAILABLE", message: "recovering" };
const FULL: Reply = { type: "refused", code: "BUSY", message: "The queue is full; nothing was done." };

let clock: VirtualClock;
let bus: InProcessBus;
let client: EngineClient;

beforeEach(() => {
  clock = new VirtualClock();
  bus = new InProcessBus({ clock, log: pino({ level: "silent" }) });
  client = new EngineClient({ bus, clock, shards: SHARDS, sells: false, timeoutMs: 1_000, inFlightMax: 100 });
});

/** Sends the requests in one loop turn; the replies appear as they are given. */
function send(...rids: string[]): Reply[] {
  const replies: Reply[] = [];
  for (const rid of rids) client.send(hold(rid), (reply) => replies.push(reply));
  return replies;
}

describe("the engine client", () => {
  it("puts all requests of one loop turn for a shard into one message, and gives each its own answer", async () => {
    const batches: number[] = [];
    bus.serve(endpoint, ({ requests }, answer) => {
      batches.push(requests.length);
      answer({
        replies: requests.map((_, place) => ({ type: "refused", code: "SEAT_TAKEN", message: "", seats: [place] })),
      });
    });
    const replies = send("a", "b", "c");
    await clock.settle();
    expect(batches).toEqual([3]);
    expect(replies.map((reply) => reply.type === "refused" && reply.seats)).toEqual([[0], [1], [2]]);
  });

  it("makes several messages of what is too long for one, in order", async () => {
    const crowd = new EngineClient({ bus, clock, shards: SHARDS, sells: false, timeoutMs: 1_000, inFlightMax: 2_000 });
    const messages: CommandBatch[] = [];
    bus.serve(endpoint, (batch, answer) => {
      messages.push(batch);
      answer({ replies: batch.requests.map(() => DONE) });
    });
    const longest = { ...hold(""), seats: Array<number>(1_350).fill(60_000) };
    const wishes = Array.from({ length: 1_000 }, (_, at): Command | Query =>
      at % 20 === 19 ? { type: "view", showtime } : { ...longest, rid: `r${at}` as RequestId },
    );
    let answered = 0;
    for (const wish of wishes) crowd.send(wish, () => answered++);
    await clock.settle();
    expect(messages.flatMap(({ requests }) => requests)).toEqual(wishes);
    expect(messages.length).toBeLessThan(12);
    for (const message of messages) {
      const views = message.requests.filter(({ type }) => type === "view").length;
      const bytes = endpoint.question.encode(message).length + views * VIEW_BYTES_MAX;
      expect(bytes).toBeLessThan(NATS_PAYLOAD_DEFAULT);
    }
    expect(answered).toBe(wishes.length);
  });

  it("asks again with the same request id while nobody serves the shard", async () => {
    const replies = send("a");
    await clock.advance(500);
    const rids: string[] = [];
    bus.serve(endpoint, ({ requests }, answer) => {
      for (const request of requests) rids.push("rid" in request ? request.rid : "");
      answer({ replies: [DONE] });
    });
    await clock.advance(100);
    expect(rids).toEqual(["a"]);
    expect(replies).toEqual([DONE]);
  });

  it("asks again while the shard recovers, and says UNAVAILABLE when the time is up", async () => {
    let asked = 0;
    bus.serve(endpoint, (_, answer) => {
      asked++;
      answer({ replies: [AWAY] });
    });
    const replies = send("a");
    await clock.advance(900);
    expect(replies).toEqual([]);
    await clock.advance(200);
    expect(replies).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
    expect(asked).toBeGreaterThan(10);
  });

  it("tells how long each answer took, its attempts together, whenever it was sent", async () => {
    const took: number[] = [];
    const ask = (rid: string) => client.send(hold(rid), (_, tookMs) => took.push(tookMs));
    bus.serve(endpoint, ({ requests }, answer) => {
      const replies = requests.map(() => (clock.monotonic() < 500 ? AWAY : DONE));
      clock.after(40.4, () => answer({ replies }));
    });
    ask("early");
    await clock.advance(460);
    ask("late");
    await clock.advance(400);
    expect(took).toEqual([expect.any(Number), expect.any(Number)]);
    const [first = 0, second = 0] = took.sort((one, other) => other - one);
    expect(first).toBeGreaterThanOrEqual(540);
    expect(second).toBeLessThanOrEqual(first - 400);
    expect(took.every(Number.isInteger)).toBe(true);
  });

  it("says UNAVAILABLE when no answer comes at all", async () => {
    bus.serve(endpoint, () => undefined);
    const replies = send("a");
    await clock.advance(1_100);
    expect(replies).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
  });

  it.each<unknown>([
    1,
    null,
    {},
    { replies: 1 },
    { replies: [] },
    { replies: [null] },
    { replies: [{}] },
    { replies: [{ type: "held" }] },
    { replies: [{ type: "constructor" }] },
    { replies: [DONE, DONE] },
  ])("takes %j for no answer, asks again, and says UNAVAILABLE when the time is up", async (garbage) => {
    const encoding = new InProcessBus({ clock, log: pino({ level: "silent" }), encode: true });
    const timeouts = { timeoutMs: 1_000, attemptTimeoutMs: 100 };
    const asker = new EngineClient({
      bus: encoding,
      clock,
      shards: SHARDS,
      sells: false,
      inFlightMax: 100,
      ...timeouts,
    });
    let asked = 0;
    encoding.serve(endpoint, (_, answer) => {
      asked++;
      answer(garbage as never); // The cast: it is what no engine answers.
    });
    const replies: Reply[] = [];
    asker.send(hold("a"), (reply) => replies.push(reply));
    await clock.advance(1_100);
    expect(replies).toMatchObject([{ type: "refused", code: "UNAVAILABLE" }]);
    expect(asked).toBeGreaterThan(1);
  });

  it("gives no request more time for the sake of a newer one in its message", async () => {
    const asked: string[][] = [];
    bus.serve(endpoint, ({ requests }, answer) => {
      asked.push(requests.map((request) => ("rid" in request ? request.rid : "")));
      if (clock.monotonic() < 850) answer({ replies: requests.map(() => AWAY) });
    });
    const old = send("old");
    await clock.advance(850);
    bus.publish(SERVED, { shard: shardOf(showtime, SHARDS), epoch: 1 }); // Whoever waits asks again now.
    const young = send("young");
    await clock.settle();
    expect(asked.at(-1)).toEqual(["young", "old"]);
    await clock.advance(150);
    expect(old).toMatchObject([{ code: "UNAVAILABLE" }]);
    expect(young).toEqual([]);
  });

  it("asks whoever serves the shard now at once, where the last owner is asleep, and once for each epoch", async () => {
    const asked: string[] = [];
    const asleep = bus.serve(endpoint, () => void asked.push("asleep"));
    const replies = send("a");
    await clock.advance(100);
    asleep.close();
    bus.serve(endpoint, ({ requests }, answer) => {
      asked.push("awake");
      if (asked.length > 2) answer({ replies: requests.map(() => DONE) });
    });
    const shard = shardOf(showtime, SHARDS);
    bus.publish(SERVED, { shard, epoch: 2 });
    await clock.advance(1);
    bus.publish(SERVED, { shard: (shard + 1) % SHARDS, epoch: 7 });
    bus.publish(SERVED, { shard, epoch: 2 });
    await clock.advance(50);
    bus.publish(SERVED, { shard, epoch: 1 });
    await clock.advance(50);
    expect(asked).toEqual(["asleep", "awake"]);
    bus.publish(SERVED, { shard, epoch: 3 });
    await clock.advance(1);
    expect(asked).toEqual(["asleep", "awake", "awake"]);
    expect(replies).toEqual([DONE]);
  });

  it("asks whoever serves the shard now at once, where it was about to ask again later", async () => {
    bus.serve(endpoint, (_, answer) => answer({ replies: [AWAY] })).close();
    const replies = send("a");
    await clock.advance(801); // It waits 100 ms between two attempts by now.
    let asked = 0;
    bus.serve(endpoint, (_, answer) => {
      asked++;
      answer({ replies: [DONE] });
    });
    bus.publish(SERVED, { shard: shardOf(showtime, SHARDS), epoch: 1 });
    await clock.settle();
    expect([asked, replies]).toEqual([1, [DONE]]);
    await clock.advance(500);
    expect([asked, replies]).toEqual([1, [DONE]]);
  });

  it("does not take BUSY for an answer where an attempt before it was not heard of, and may have been carried out", async () => {
    const impatient = new EngineClient({
      bus,
      clock,
      shards: SHARDS,
      sells: false,
      timeoutMs: 4e3,
      attemptTimeoutMs: 100,
      inFlightMax: 100,
    });
    const attempts: number[] = [];
    let reply: Reply | undefined;
    bus.serve(endpoint, ({ requests }, answer) => {
      attempts.push(clock.now());
      if (reply !== undefined) answer({ replies: requests.map(() => reply as Reply) });
    });
    const replies: Reply[] = [];
    impatient.send(hold("a"), (answer) => replies.push(answer));
    await clock.advance(1_200);
    // Each waits twice as long as the one before, and ten to a hundred milliseconds come between.
    expect(attempts.map((at) => Math.floor((at - (attempts[0] ?? 0)) / 100))).toEqual([0, 1, 3, 8]);
    reply = FULL;
    await clock.advance(1_500);
    expect(replies).toEqual([]);
    reply = DONE;
    await clock.advance(200);
    expect(replies).toEqual([DONE]);

    reply = undefined;
    impatient.send(hold("b"), (answer) => replies.push(answer));
    await clock.advance(150);
    reply = FULL;
    await clock.advance(4_000);
    expect(replies).toMatchObject([DONE, { code: "UNAVAILABLE" }]);
    impatient.send(hold("c"), (answer) => replies.push(answer));
    await clock.advance(10);
    expect(replies.at(-1)).toEqual(FULL);
  });

  it("does not take BUSY for an answer after UNAVAILABLE either, whose commit may have come about", async () => {
    const told = [AWAY, FULL, FULL, DONE];
    bus.serve(endpoint, (_, answer) => answer({ replies: [told.shift() ?? DONE] }));
    const replies = send("a");
    await clock.advance(500);
    expect(replies).toEqual([DONE]);
  });

  it("takes BUSY for an answer where nobody served the shard before", async () => {
    const replies = send("a");
    await clock.advance(100);
    bus.serve(endpoint, (_, answer) => answer({ replies: [FULL] }));
    await clock.advance(100);
    expect(replies).toEqual([FULL]);
  });

  it("says BUSY at once past its bound, and takes more when answers have come (law 6)", async () => {
    bus.serve(endpoint, ({ requests }, answer) => answer({ replies: requests.map(() => DONE) }));
    const replies = send(...Array.from({ length: 101 }, (_, number) => `r${number}`));
    expect(replies).toMatchObject([{ type: "refused", code: "BUSY" }]);
    await clock.settle();
    expect(replies).toHaveLength(101);
    expect(send("again")).toEqual([]);
  });
});
