import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type MemberBeat, MEMBERS, shardOf, showtimeId } from "../../proto/index.ts";
import { SHARDS, Site } from "./testing/site.ts";

let site: Site;
beforeEach(() => {
  site = new Site();
});
afterEach(() => site.close());

describe("engines that share the shards", () => {
  it("have each shard once, and go on alone when the others leave", async () => {
    for (const id of ["a", "b", "c"]) await site.join(id);
    await site.clock.advance(4_000);
    const shared = site.owners();
    expect(new Set(shared)).toEqual(new Set(["a", "b", "c"]));
    for (const id of ["a", "b"]) {
      const node = site.nodes.get(id);
      if (node !== undefined) await site.until(node.cluster.leave());
      site.nodes.delete(id);
    }
    expect(site.owners()).toEqual(shared.map(() => "c"));
  });

  it("answer at once for a shard that they have taken back before its last commit was over", async () => {
    const { engine } = await site.join("a");
    await site.clock.advance(3_000);
    const [showtime = showtimeId("none")] = await site.opened(1);
    const shard = shardOf(showtime, SHARDS);
    const commit = site.journal.commit.bind(site.journal);
    site.journal.commit = (commits) => site.pause(4_000).then(() => commit(commits));
    void site.ask(showtime, [1]);
    await site.clock.advance(20);
    const given = engine.disown(shard);
    site.journal.commit = commit;
    await site.until(engine.own(shard));
    await site.until(given);
    const { value, ms } = await site.until(site.ask(showtime, [2]));
    expect(value).toMatchObject({ type: "held" });
    expect(ms).toBeLessThanOrEqual(100);
  });

  it("say what they have done in each shard, and how far their commits are behind", async () => {
    const beats: MemberBeat[] = [];
    site.bus.subscribe(MEMBERS, (beat) => void beats.push(beat));
    await site.join("a");
    await site.clock.advance(3_000);
    const [showtime] = await site.opened(1);
    if (showtime === undefined) throw new Error("one was opened");
    const commit = site.journal.commit.bind(site.journal);
    site.journal.commit = async (commits) => {
      await site.pause(240);
      return commit(commits);
    };
    const first = site.ask(showtime, [1]);
    await site.clock.advance(5);
    const second = site.ask(showtime, [2]);
    await site.clock.advance(235);
    expect(beats.at(-1)).toMatchObject({ shardCount: SHARDS, requests: 1, commits: 1, waiting: 2 });
    expect(beats.at(-1)?.commitMs).toBeGreaterThan(30);
    await site.until(Promise.all([first, second]));
    await site.clock.advance(200);
    const last = beats.at(-1);
    expect(last).toMatchObject({ requests: 3, commits: 3, waiting: 0 });
    const at = shardOf(showtime, SHARDS);
    expect(last?.shards).toHaveLength(SHARDS);
    for (const [shard, , ...counts] of last?.shards ?? []) expect(counts).toEqual(shard === at ? [3, 3] : [0, 0]);
  });

  it("overrule one that keeps a shard it should give away", async () => {
    await site.join("a");
    await site.clock.advance(3_000);
    // A member that claims to have every shard, and never hands one over.
    const shards = Array.from({ length: SHARDS }, (_, shard) => [shard, 1, 0, 0] as const);
    const counts = { shardCount: SHARDS, commits: 0, requests: 0, waiting: 0, commitMs: 0 };
    const stubborn = { engine: "z", host: "there", pid: 2, saidAt: 0, leaving: true, shards, ...counts };
    const node = await site.join("b");
    for (let ms = 0; ms < 14_000; ms += 250) {
      site.bus.publish(MEMBERS, stubborn);
      await site.clock.advance(250);
    }
    expect(node.engine.owned.size).toBeGreaterThan(0);
    expect(site.owners().every((owner) => owner === "a" || owner === "b")).toBe(true);
  });
});
