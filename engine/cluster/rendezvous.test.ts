import { describe, expect, it } from "vitest";
import { ownerOf } from "./rendezvous.ts";

const SHARDS = Array.from({ length: 4_096 }, (_, shard) => shard);
const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `engine-${at}`);
const countOf = (members: readonly string[]): number[] => {
  const owners = SHARDS.map((shard) => ownerOf(shard, members));
  return members.map((member) => owners.filter((owner) => owner === member).length);
};

describe("the owner of a shard", () => {
  it("is nobody where nobody is, and does not depend on the order of the members", () => {
    expect(ownerOf(1, [])).toBeUndefined();
    for (const shard of SHARDS) expect(ownerOf(shard, names(5))).toBe(ownerOf(shard, names(5).toReversed()));
  });

  it.each([2, 3, 5, 8])("gives each of %i members its fair share", (members) => {
    for (const count of countOf(names(members))) {
      expect(count).toBeGreaterThan((SHARDS.length / members) * 0.85);
      expect(count).toBeLessThan((SHARDS.length / members) * 1.15);
    }
  });

  it("moves to a new member, or from one that left, and nowhere else", () => {
    const before = names(4);
    const after = [...before, "another"];
    let moved = 0;
    for (const shard of SHARDS) {
      if (ownerOf(shard, before) === ownerOf(shard, after)) continue;
      expect(ownerOf(shard, after)).toBe("another");
      moved++;
    }
    expect(moved).toBeGreaterThan((SHARDS.length / 5) * 0.85);
    expect(moved).toBeLessThan((SHARDS.length / 5) * 1.15);
  });
});
