import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Handover, HANDOVERS } from "../../proto/index.ts";
import { SHARDS, Site } from "./testing/site.ts";

let site: Site;
beforeEach(() => {
  site = new Site();
});
afterEach(() => site.close());

describe("engines that share the shards", () => {
  it("give a new one its share, and move nothing else", async () => {
    await site.join("a");
    await site.join("b");
    await site.clock.advance(4_000);
    const before = site.owners();
    await site.join("c");
    await site.clock.advance(4_000);
    const after = site.owners();
    expect(after).toContain("c");
    for (const [shard, owner] of after.entries()) if (owner !== "c") expect(owner).toBe(before[shard]);
  });

  it.each([
    ["", 0],
    [", however long it takes to read one", 400],
  ])("hand shards over within 100 ms each%s, and no command fails", async (_, ms) => {
    await site.join("a");
    await site.clock.advance(3_000);
    const showtimes = await site.opened(8);
    site.readMs = ms;
    await site.join("b");
    let worst = 0;
    const rush = (async () => {
      for (let seat = 0; seat < 80; seat++) {
        for (const showtime of showtimes) {
          const { value, ms } = await site.until(site.ask(showtime, [seat]));
          await site.clock.advance(10);
          expect(value).toMatchObject({ type: "held", seats: [seat] });
          worst = Math.max(worst, ms);
        }
      }
    })();
    await rush;
    expect(new Set(site.owners())).toEqual(new Set(["a", "b"]));
    expect(worst).toBeLessThanOrEqual(100);
  });

  it("hand over what has been read again right before, so that hardly a row is left to read once it is claimed", async () => {
    await site.join("a");
    await site.clock.advance(3_000);
    const showtimes = await site.opened(8);
    const said = new Map<number, string[]>();
    const handovers = site.bus.subscribe(HANDOVERS, ({ shard, phase }) => {
      said.set(shard, [...(said.get(shard) ?? []), phase]);
      // Somebody buys, whenever the next owner has begun to read.
      for (const showtime of showtimes) if (phase === "prepare") void site.ask(showtime, [said.size]);
    });
    await site.join("b");
    await site.clock.advance(10_000);
    handovers.close();
    expect(site.owners().filter((owner) => owner === "b")).toHaveLength(said.size);
    for (const phases of said.values()) expect(phases).toEqual(["prepare", "ready", "prepare", "ready", "take"]);
  });

  it("hand a shard over to one that does not say whether it has read it", async () => {
    const publish = site.bus.publish.bind(site.bus);
    site.bus.publish = (topic, value) => {
      if (topic.name !== HANDOVERS.name || (value as Handover).phase !== "ready") publish(topic, value); // As the name says.
    };
    await site.join("a");
    await site.clock.advance(3_000);
    await site.join("b");
    await site.clock.advance(30_000);
    expect(new Set(site.owners())).toEqual(new Set(["a", "b"]));
  });

  it("keep a shard whose next owner dies while it reads it", async () => {
    const a = await site.join("a");
    await site.clock.advance(3_000);
    const before = [...a.engine.owned]; // With their epochs: each time that a shard is claimed it has another.
    site.readMs = 400;
    const b = await site.join("b");
    const publish = site.bus.publish.bind(site.bus);
    site.bus.publish = (topic, value) => {
      publish(topic, value);
      if (topic.name === HANDOVERS.name && (value as Handover).phase === "prepare") b.isReachable = false; // As the name says.
    };
    await site.clock.advance(10_000);
    expect(b.isReachable).toBe(false);
    expect([...a.engine.owned]).toEqual(before);
  });

  it("give a new one its share at once, also when another died on the way to its own", async () => {
    const a = await site.join("a");
    await site.clock.advance(3_000);
    const b = await site.join("b");
    const publish = site.bus.publish.bind(site.bus);
    site.bus.publish = (topic, value) => {
      publish(topic, value);
      if (topic.name === HANDOVERS.name && (value as Handover).to === "b") b.isReachable = false; // As the name says.
    };
    while (b.isReachable) await site.clock.advance(100);
    site.nodes.delete("b");
    await site.join("c");
    await site.clock.advance(5_000);
    expect(new Set(site.owners())).toEqual(new Set(["a", "c"]));
    expect(a.engine.owned.size).toBeLessThan(SHARDS - 2);
  });

  it("wait for one that is at work on a long hand-over", async () => {
    await site.join("a");
    await site.clock.advance(3_000);
    site.readMs = 1_490;
    const overruled: number[] = [];
    for (const id of ["b", "c"]) {
      const { engine } = await site.join(id);
      const own = engine.own.bind(engine);
      engine.own = (shard) => {
        if (site.ownersOf(shard).length > 0) overruled.push(shard);
        return own(shard);
      };
    }
    await site.clock.advance(30_000);
    expect(new Set(site.owners())).toEqual(new Set(["a", "b", "c"]));
    expect(overruled).toEqual([]);
  });

  it("keep a shard that its next owner cannot read, and give it when it can be, or when nobody else is to have it", async () => {
    const a = await site.join("a");
    await site.clock.advance(3_000);
    const snapshots = site.journal.snapshots.bind(site.journal);
    let isDamaged = true;
    site.journal.snapshots = (shard) => {
      if (isDamaged) throw new Error("damaged");
      return snapshots(shard);
    };
    const epochs = [...a.engine.owned];
    await site.join("b");
    await site.clock.advance(29_000);
    expect([...a.engine.owned]).toEqual(epochs);
    isDamaged = false;
    await site.clock.advance(10_000);
    expect(new Set(site.owners())).toEqual(new Set(["a", "b"]));

    isDamaged = true;
    const left = a.cluster.leave();
    await site.until(left);
    expect(a.engine.owned.size).toBe(0);
  });

  it("give a shard at once to another than the one that could not read it", async () => {
    const a = await site.join("a");
    await site.clock.advance(3_000);
    const snapshots = site.journal.snapshots.bind(site.journal);
    site.journal.snapshots = () => {
      throw new Error("damaged");
    };
    const b = await site.join("b");
    await site.clock.advance(3_000);
    site.journal.snapshots = snapshots;
    await site.until(b.cluster.leave());
    site.nodes.delete("b");
    await site.join("c");
    await site.clock.advance(8_000);
    expect(new Set(site.owners())).toEqual(new Set(["a", "c"]));
    expect(site.owners().filter((owner) => owner === "c")).toHaveLength(SHARDS - a.engine.owned.size);
  });

  it("go on reading, once they have a shard, what they were still reading when they were given it", async () => {
    await site.join("a");
    await site.clock.advance(3_000);
    let [reads, most] = [0, 0];
    site.readMs = 2_000; // Longer than it is waited for.
    const snapshots = site.journal.snapshots.bind(site.journal);
    site.journal.snapshots = async function* (shard) {
      most = Math.max(most, ++reads);
      yield* snapshots(shard);
    };
    await site.join("b");
    await site.clock.advance(60_000);
    const moved = site.owners().filter((owner) => owner === "b").length;
    expect(moved).toBeGreaterThan(0);
    expect(most).toBe(moved);
  });
});
