import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { showtimeId } from "../ids.ts";
import { commandsTo, deltasOf, NOTICES, shardOf } from "./subjects.ts";

const showtime = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/).map(showtimeId);

describe("a subject", () => {
  it("is tokens joined by dots, whatever the showtime", () => {
    fc.assert(
      fc.property(showtime, fc.nat(4095), (id, shard) => {
        for (const { name } of [deltasOf(id), commandsTo(shard), NOTICES]) {
          expect(name).toMatch(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/);
        }
      }),
    );
  });

  it("gives back the value that its codec was given, bytes and all", () => {
    const statuses = Uint8Array.of(0, 1, 2);
    const replies = { replies: [{ type: "view", epoch: 1, seq: 2, statuses, checksum: 0xffff_ffff }] } as const;
    const { answer } = commandsTo(0);
    const decoded = answer.decode(answer.encode(replies));
    expect(decoded.replies[0]).toMatchObject({ type: "view", epoch: 1, seq: 2, checksum: 0xffff_ffff });
    expect(decoded.replies[0]?.type === "view" && [...decoded.replies[0].statuses]).toStrictEqual([0, 1, 2]);
  });
});

describe("the shard of a showtime", () => {
  it("is the one it has always been: rows in the journal are found by it", () => {
    // The published FNV-1a values of these texts are 0xe40c292c and 0xbf9cf968.
    expect(shardOf(showtimeId("a"), 64)).toBe(0x2c);
    expect(shardOf(showtimeId("foobar"), 64)).toBe(0x28);
  });

  it("is one of those there are, and every shard gets its share", () => {
    const counts = Array.from({ length: 64 }, () => 0);
    for (let number = 0; number < 6400; number++) {
      const shard = shardOf(showtimeId(`showtime-${number}`), 64);
      counts[shard] = (counts[shard] ?? 0) + 1;
    }
    expect(counts.reduce((sum, count) => sum + count)).toBe(6400);
    expect(Math.min(...counts)).toBeGreaterThan(40);
    expect(Math.max(...counts)).toBeLessThan(180);
  });
});
