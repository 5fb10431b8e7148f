import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Clock, systemClock } from "../clock/index.ts";
import { StreamMark } from "./stream-mark.ts";
import { testEvents, type TestEvents } from "./testing.ts";

let t: TestEvents;
let marks: StreamMark[];
beforeEach(async () => {
  [t, marks] = [await testEvents(), []];
});
afterEach(async () => {
  for (const mark of marks) await mark.stop();
  await t.close();
});

/** Four times as fast as the system's: for one that waits in vain. */
const quickClock: Clock = {
  ...systemClock,
  monotonic: () => 4 * systemClock.monotonic(),
  after: (ms, callback) => systemClock.after(ms / 4, callback),
};

async function set(name: () => Promise<string>, clock = systemClock): Promise<StreamMark> {
  const mark = await StreamMark.set({ pool: t.pool, clock, name });
  marks.push(mark);
  return mark;
}

const named = (name: string) => () => Promise.resolve(name);

describe("the mark of an event stream", { timeout: 30_000 }, () => {
  it("lets in any number of processes with one stream, none with another, and that one when they have gone", async () => {
    const ours = await Promise.all(["a", "a", "a"].map((name) => set(named(name))));
    await expect(set(named("b"), quickClock)).rejects.toThrow(
      /^Services that have another event stream .*same NATS_URL\.$/,
    );
    for (const mark of ours) await mark.stop();
    await set(named("b"));
  });

  it("follows a stream that is made anew, so that who starts meanwhile is let in", async () => {
    let name = "a";
    await set(() => Promise.resolve(name));
    name = "b";
    await set(named("b"));
    await expect(set(named("a"), quickClock)).rejects.toThrow("another event stream");
  });

  it("is there again after its connection has broken", async () => {
    await set(named("a"));
    const locks = `from pg_locks where locktype = 'advisory' and objsubid = 2
      and database = (select oid from pg_database where datname = current_database())`;
    const { rows } = await t.pool.query<{ pid: number }>(`select pid, pg_terminate_backend(pid) ${locks}`);
    expect(rows).toHaveLength(1);
    const pids = async () => (await t.pool.query<{ pid: number }>(`select pid ${locks}`)).rows.map(({ pid }) => pid);
    await expect.poll(pids, { timeout: 10_000 }).toEqual([expect.not.toBeOneOf([rows[0]?.pid])]);
  });
});
