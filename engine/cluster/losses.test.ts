import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NOTHING_ACKNOWLEDGED } from "../journal/index.ts";
import { shardOf, type ShowtimeId } from "../../proto/index.ts";
import { SHARDS, Site } from "./testing/site.ts";

let site: Site;
let showtime: ShowtimeId;
let shard: number;
beforeEach(async () => {
  site = new Site();
  await site.join("a");
  await site.clock.advance(4_000);
  [showtime = showtime] = await site.opened(1);
  shard = shardOf(showtime, SHARDS);
  for (const seat of [1, 2, 3]) await site.until(site.ask(showtime, [seat]));
});
afterEach(() => site.close());

const end = (): number => site.journal.durable(shard).length;

describe("a shard of which PostgreSQL has lost what was acknowledged", () => {
  it("is served by nobody, also when the engine that noticed it is gone", async () => {
    site.journal.lose(shard, 1);
    await site.until(site.ask(showtime, [4])); // The engine finds out.
    const witness = site.nodes.get("a");
    if (witness !== undefined) witness.isReachable = witness.hasDatabase = false;
    site.ended.add("a");
    await site.join("b");
    await site.clock.advance(30_000);
    expect(site.nodes.get("b")?.engine.owned.size).toBe(SHARDS - 1);
    expect(site.ownersOf(shard)).toEqual([]);
  });

  it("is taken from an engine that knows nothing of it by one that comes and remembers, and is served once PostgreSQL has it again", async () => {
    const [before, row] = [end(), end() + 1];
    const witness = await site.join("c", undefined, new Map([[shard, { seq: row }]]));
    witness.isReachable = witness.hasDatabase = false; // It comes, says so, and is gone.
    site.ended.add("c");
    await site.clock.advance(30_000);
    expect(site.nodes.get("a")?.engine.owned.size).toBe(SHARDS - 1);
    expect(site.ownersOf(shard)).toEqual([]);
    expect(end()).toBe(before);
    const { value: epoch } = await site.until(site.journal.claim(shard, "whoever restores it"));
    const restored = { shard, seq: row, epoch, at: site.clock.now(), events: new Uint8Array(), bookedSeats: [] };
    await site.until(site.journal.commit([restored]));
    await site.clock.advance(90_000);
    expect(site.ownersOf(shard)).toEqual(["a"]);
  });

  it("is taken from one that has it, and more, from a server that was behind, as soon as the engine that had it before finds out", async () => {
    const row = end();
    const a = site.nodes.get("a");
    if (a !== undefined) a.isReachable = false; // So it takes nothing, and does not find out by that.
    site.journal.lose(shard, 1);
    const { value: epoch } = await site.until(site.journal.claim(shard, "b"));
    const [at, events] = [site.clock.now(), new Uint8Array()];
    const commit = async (seq: number): Promise<readonly number[]> =>
      (await site.until(site.journal.commit([{ shard, seq, epoch, at, events, bookedSeats: [] }]))).value;
    for (const seq of [row, row + 1]) expect(await commit(seq)).toEqual([shard]);
    await site.clock.advance(2_000);
    expect(await commit(row + 2)).toEqual([]);
    expect((await site.journal.end(shard, NOTHING_ACKNOWLEDGED)).lost).toBe(row);
  });

  it("does not keep others from being served, however many there are and however long they take to read", async () => {
    const empty = new Site(64);
    empty.readMs = 400;
    const lost = Array.from({ length: 60 }, (_, each) => [each, { seq: 5 }] as const);
    const { engine } = await empty.join("a", undefined, new Map(lost));
    await empty.clock.advance(30_000);
    expect(engine.owned.size).toBe(4);
    await empty.close();
  });
});
