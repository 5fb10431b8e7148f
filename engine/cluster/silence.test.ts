import pino from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MEMBERS } from "../../proto/index.ts";
import { SHARDS, Site } from "./testing/site.ts";

let site: Site;
beforeEach(() => {
  site = new Site();
});
afterEach(() => site.close());

describe("engines that share the shards", () => {
  it("take nothing, when they have stood still for a second, from whom they have not heard yet", async () => {
    await site.join("a");
    await site.clock.advance(140); // So that b hears itself long after a.
    const still = await site.join("b");
    await site.clock.advance(4_000);
    const before = site.reigns();
    const beats = site.watchBeats();
    while (beats.since("b") > 10 || beats.since("a") < 150 || beats.since("a") > 200) await site.clock.advance(5);
    beats.close();
    await site.freeze(still, 1_005);
    await site.clock.advance(5_000);
    expect(site.reigns()).toEqual(before);
  });

  it("take nothing on a beat of their own from before they stood still", async () => {
    const a = await site.join("a");
    await site.clock.advance(140);
    const still = await site.join("b");
    await site.clock.advance(4_000);
    const before = site.reigns();
    const beats = site.watchBeats();
    // A beat of a's is lost, and the next that comes is b's own.
    while (beats.since("a") > 0) await site.clock.advance(5);
    a.isReachable = false;
    while (beats.since("a") < 210 || beats.since("b") < 195) await site.clock.advance(5);
    a.isReachable = true;
    beats.close();
    await site.freeze(still, 1_005 - beats.since("a"));
    await site.clock.advance(5_000);
    expect(site.reigns()).toEqual(before);
  });

  it("keep what they have while nobody can reach PostgreSQL", async () => {
    const both = [await site.join("a"), await site.join("b")];
    await site.clock.advance(4_000);
    const before = site.owners();
    for (const node of both) node.hasDatabase = false;
    await site.clock.advance(20_000);
    for (const node of both) node.hasDatabase = true;
    await site.clock.advance(10_000);
    expect(site.owners()).toEqual(before);
  });

  it("count no shard as served while PostgreSQL does not say whose they are, for they answer that they are away", async () => {
    const node = await site.join("a");
    await site.clock.advance(4_000);
    expect(node.engine.serving).toBe(SHARDS);
    node.hasDatabase = false;
    await site.clock.advance(5_000);
    expect(node.engine.serving).toBe(0);
    node.hasDatabase = true;
    await site.clock.advance(5_000);
    expect(node.engine.serving).toBe(SHARDS);
  });

  it("say once that PostgreSQL is away, and once more when it is again", async () => {
    const said: string[] = [];
    const write = (line: string): void => void said.push((JSON.parse(line) as { msg: string }).msg); // As pino writes it.
    const node = await site.join("a", pino({ level: "info" }, { write }));
    await site.clock.advance(4_000);
    for (let times = 0; times < 2; times++) {
      node.hasDatabase = false;
      await site.clock.advance(5_000);
      node.hasDatabase = true;
      await site.clock.advance(5_000);
    }
    expect(said.filter((msg) => msg.startsWith("PostgreSQL does not say who owns the shards"))).toHaveLength(2);
  });

  it("do not take silence for death while they do not hear themselves, and take part again when they do", async () => {
    const cut = await site.join("a");
    await site.join("b");
    await site.clock.advance(4_000);
    const before = site.owners();
    cut.isReachable = false;
    await site.clock.advance(60_000);
    expect(site.owners()).toEqual(before.map(() => "b"));
    cut.isReachable = true;
    await site.clock.advance(10_000);
    expect(site.owners()).toEqual(before);
  });

  it("take turns ever more slowly when they hear each other no more, but PostgreSQL, and settle when they do", async () => {
    const one = await site.join("a");
    await site.join("b");
    await site.clock.advance(4_000);
    const before = site.owners();
    // Each hears itself alone.
    const deaf = site.bus.publish.bind(site.bus);
    site.bus.publish = (topic, value) => {
      if (topic.name === MEMBERS.name) return;
      deaf(topic, value);
    };
    await site.clock.advance(30_000);
    site.bus.publish = deaf;
    await site.clock.advance(30_000);
    expect(site.owners()).toEqual(before);
    expect(one.engine.serving).toBe(before.filter((owner) => owner === "a").length);
  });
});
