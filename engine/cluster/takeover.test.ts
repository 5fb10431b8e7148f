import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { shardOf } from "../../proto/index.ts";
import { SHARDS, Site } from "./testing/site.ts";

let site: Site;
beforeEach(() => {
  site = new Site();
});
afterEach(() => site.close());

describe("engines that share the shards", () => {
  it("take what a dead one left within a second, with every hold that it had acknowledged", async () => {
    await site.join("a");
    await site.join("b");
    await site.clock.advance(4_000);
    const showtimes = await site.opened(8);
    for (const showtime of showtimes) await site.until(site.ask(showtime, [1]));
    const dead = site.nodes.get("a");
    if (dead !== undefined) dead.isReachable = false; // It knows nothing of it, and goes on beating into the void.
    for (const showtime of showtimes) {
      const { value, ms } = await site.until(site.ask(showtime, [1, 2]));
      expect(value).toMatchObject({ type: "refused", code: "SEAT_TAKEN", seats: [1] });
      expect(ms).toBeLessThanOrEqual(1_000); // Nobody waits until what the dead one was asked has timed out.
    }
    await site.clock.advance(500);
    expect(dead?.engine.owned.size).toBe(0); // PostgreSQL told it.
  });

  it("take sooner what one left whose process has ended, and wait for one that PostgreSQL still knows", async () => {
    for (const id of ["a", "b", "c"]) await site.join(id);
    await site.clock.advance(4_000);
    const [a, b, c] = ["a", "b", "c"].map((id) => site.nodes.get(id));
    if (a === undefined || b === undefined || c === undefined) throw new Error("three have joined");
    const left = [...a.engine.owned.keys()];
    a.isReachable = b.isReachable = false;
    site.ended.add("a");
    await site.clock.advance(750);
    const ofTheFirst = left.filter((shard) => c.engine.owned.has(shard)).length;
    expect(ofTheFirst).toBeGreaterThan(0);
    expect([...c.engine.owned.keys()].filter((shard) => b.engine.owned.has(shard))).toEqual([]);
    await site.clock.advance(750);
    expect(c.engine.owned.size).toBe(SHARDS);
  });

  it("take what a dead one left as quickly when another comes in its place at once, which takes nothing until it takes part", async () => {
    await site.join("a");
    await site.join("b");
    await site.clock.advance(4_000);
    const showtimes = await site.opened(8);
    const diedAt = site.clock.monotonic();
    const dead = site.nodes.get("a");
    if (dead !== undefined) dead.isReachable = false;
    site.nodes.delete("a");
    await site.join("c");
    for (const showtime of showtimes) await site.until(site.ask(showtime, [1]));
    expect(site.clock.monotonic() - diedAt).toBeLessThanOrEqual(1_500);
    await site.clock.advance(5_000);
    expect(new Set(site.owners())).toEqual(new Set(["b", "c"]));
  });

  it("take of what a dead one left the busiest shards first", async () => {
    await site.join("a");
    await site.join("b");
    await site.clock.advance(4_000);
    const dead = site.nodes.get("a");
    const left = [...(dead?.engine.owned.keys() ?? [])];
    const busy = await site
      .opened(40)
      .then((all) => all.findLast((showtime) => left.indexOf(shardOf(showtime, SHARDS)) > 4));
    if (busy === undefined) throw new Error("none of its last shards has a showtime");
    for (let seat = 0; seat < 60; seat++) await site.until(site.ask(busy, [seat]));
    await site.clock.advance(500);
    const taken: number[] = [];
    const b = site.nodes.get("b");
    const own = b?.engine.own.bind(b.engine);
    if (b !== undefined && own !== undefined)
      b.engine.own = (shard) => {
        taken.push(shard);
        return own(shard);
      };
    if (dead !== undefined) dead.isReachable = false;
    site.nodes.delete("a");
    await site.clock.advance(3_000);
    expect(taken[0]).toBe(shardOf(busy, SHARDS));
  });

  it("serve the first of what a dead one left while the last is still to be read", async () => {
    await site.join("a");
    await site.clock.advance(3_000);
    const showtimes = await site.opened(8);
    const dead = site.nodes.get("a");
    await site.join("b");
    await site.clock.advance(4_000);
    const left = [...(dead?.engine.owned.keys() ?? [])].length;
    site.readMs = 400;
    if (dead !== undefined) dead.isReachable = false;
    site.nodes.delete("a");
    const { engine } = site.nodes.get("b") ?? {};
    const before = engine?.owned.size ?? 0;
    while (engine?.owned.size === before) await site.clock.advance(5);
    expect(engine?.owned.size).toBeLessThan(before + left);
    await site.clock.advance(5_000);
    expect(site.owners()).toEqual(site.owners().map(() => "b"));
    for (const showtime of showtimes)
      expect(await site.until(site.ask(showtime, [1]))).toMatchObject({ value: { type: "held" } });
  });

  it("take within 3 s what one cannot serve that has lost PostgreSQL alone, and give it back when it has found it", async () => {
    const cut = await site.join("a");
    await site.join("b");
    await site.clock.advance(4_000);
    const before = site.owners();
    const showtimes = await site.opened(8);
    for (const showtime of showtimes) await site.until(site.ask(showtime, [1]));
    cut.hasDatabase = false;
    await site.clock.advance(3_000);
    for (const showtime of showtimes) {
      const { value, ms } = await site.until(site.ask(showtime, [3]));
      expect(value).toMatchObject({ type: "held" });
      expect(ms).toBeLessThanOrEqual(100);
    }
    cut.hasDatabase = true;
    await site.clock.advance(10_000);
    expect(site.owners()).toEqual(before);
  });
});
